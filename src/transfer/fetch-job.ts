/** One file from its mirrors into its partial: begun, proven, and counted when it is over. */
import type { Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import { isModelsError } from "../base/errors.ts";
import type { FileProgress, MirrorShare, Report } from "../base/events.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import type { Mirror } from "../base/mirror.ts";
import type { Digest } from "../digest/digest.ts";
import type { Engine } from "./engine.ts";
import { createRounds } from "./fetch-rounds.ts";
import { createLedger } from "./ledger.ts";
import { openPartial, type PartialFile, type PartialPaths } from "./partial-file.ts";
import type { Pieces } from "./piece-check.ts";
import { prove } from "./prove.ts";

export interface FetchJob {
  /** Name of the model, as events carry it. */
  readonly model: string;
  /** Path in the tree, as events carry it; its ending says which header is expected. */
  readonly path: string;
  readonly size: number;
  /** Null only where a first use is trusted: then the digest is computed, not compared. */
  readonly sha256: Sha256 | null;
  readonly mirrors: readonly Mirror[];
  readonly partial: PartialPaths;
  readonly pieces: Pieces | null;
  /** Higher goes first. */
  readonly priority: number;
  readonly signal: AbortSignal;
  /** Hears how it goes: that it began, how far it is, and what was wrong with a mirror. */
  readonly report: Report;
  /** Hears once, at the end, what was moved: also when the fetch failed. */
  readonly onMoved: (moved: Moved) => void;
}

/** What came over the network for one file, whether it arrived whole or not. */
export interface Moved {
  readonly shares: readonly MirrorShare[];
  readonly fetchedBytes: number;
  readonly wastedBytes: number;
}

export interface FetchResult extends Moved {
  readonly sha256: Sha256;
  readonly resumedBytes: number;
}

export interface FetchPorts {
  readonly engine: Engine;
  readonly digest: Digest;
  readonly clock: Clock;
}

/** How far a job is: its bytes are on their way, or all there and read once more. */
export type FetchProgress =
  | { readonly kind: "fetching"; readonly file: FileProgress }
  | { readonly kind: "verifying"; readonly file: Pick<FileProgress, "model" | "doneBytes" | "size"> };

/** A job under way, for whoever shows progress or must end it. */
export interface RunningFetch {
  readonly result: Promise<FetchResult>;
  readonly progress: () => FetchProgress | null;
  /** Ends it: `result` rejects with `reason` as soon as nothing writes any more. */
  readonly stop: (reason: unknown) => void;
}

/** Rejects when the fetch must end, for whatever reason that lies outside of what it is doing. */
export type Ending = Pick<Deferred<never>, "promise" | "reject">;

/**
 * Fetches `job` whole. On return the partial is durable and its sha256 proven; it is not renamed.
 * @throws ModelsError `DIGEST_MISMATCH`, `NOT_WEIGHTS`, `MIRROR_FAILED` and the other mirror codes, `DISK_FULL`,
 *   `DISK_FAILED`; or the signal's reason
 */
export function startFetch(job: FetchJob, ports: FetchPorts): RunningFetch {
  const ending: Ending = deferred<never>();
  ending.promise.catch(() => {});
  let progress: () => FetchProgress | null = () => null;
  const run = async (): Promise<FetchResult> => {
    const onAbort = (): void => ending.reject(job.signal.reason);
    job.signal.throwIfAborted();
    job.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await using partial = await openPartial(job.partial, job);
      return await fetchInto(partial, job, { ...ports, ending, onBegin: (tell) => (progress = tell) });
    } finally {
      job.signal.removeEventListener("abort", onAbort);
    }
  };
  return { result: run(), progress: () => progress(), stop: ending.reject };
}

interface IntoPorts extends FetchPorts {
  readonly ending: Ending;
  readonly onBegin: (progress: () => FetchProgress) => void;
}

async function fetchInto(partial: PartialFile, job: FetchJob, ports: IntoPorts): Promise<FetchResult> {
  const { model, path, size, report } = job;
  const { clock, ending } = ports;
  const ledger = createLedger(partial, { size, clock, onError: ending.reject });
  const { accounts, resumedBytes } = ledger;
  const rounds = createRounds(job, { ...ports, ledger, partial });
  ports.onBegin(rounds.progress);
  report({ kind: "file-started", model, path, size, resumedBytes });
  const moved = (): Moved => ({
    shares: accounts.shares(rounds.labelOf),
    fetchedBytes: accounts.fetchedBytes(),
    wastedBytes: accounts.wastedBytes(),
  });
  try {
    const sha256 = await prove(job, { digest: ports.digest, ledger, rounds, path: partial.path });
    return { sha256, ...moved(), resumedBytes };
  } catch (error) {
    // These bytes will not become right by fetching the rest of them.
    if (isModelsError(error, "DIGEST_MISMATCH", "NOT_WEIGHTS")) partial.discard();
    throw error;
  } finally {
    rounds.stop();
    job.onMoved(moved());
  }
}
