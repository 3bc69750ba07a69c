/** One file from its mirrors into its partial: fetched, journaled, digested, and mended when somebody lied. */
import type { Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { FileProgress, MirrorShare, Report } from "../base/events.ts";
import { deferred } from "../base/flow.ts";
import type { Mirror } from "../base/mirror.ts";
import { addRange, type ByteRange, prefixLength, type RangeSet, rangeBytes, removeRange } from "../base/range.ts";
import type { Digest, PrefixDigest } from "../digest/digest.ts";
import { createAccounts } from "./accounts.ts";
import type { Blame } from "./answers.ts";
import { type Crosscheck, planCrosscheck } from "./crosscheck.ts";
import type { Engine, EngineRun } from "./engine.ts";
import { createHeaderCheck } from "./header-check.ts";
import type { JournalEntry } from "./journal.ts";
import { createMeter } from "./meter.ts";
import { openPartial, type PartialFile, type PartialPaths } from "./partial-file.ts";
import { createPieceCheck, type Pieces } from "./piece-check.ts";

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
  readonly report: Report;
}

/** A job under way, for whoever shows progress. */
export interface RunningFetch {
  readonly result: Promise<FetchResult>;
  readonly progress: () => FileProgress | null;
}

/** How often what was written is made durable: it bounds what a power cut costs. */
const COMMIT_EVERY_MS = 1_000;

/**
 * Fetches `job` whole. On return the partial is durable and its sha256 proven; it is not renamed.
 * @throws ModelsError `DIGEST_MISMATCH`, `NOT_WEIGHTS`, `MIRROR_FAILED` and the other mirror codes, `DISK_FULL`,
 *   `DISK_FAILED`; or the signal's reason
 */
export function startFetch(job: FetchJob, ports: FetchPorts): RunningFetch {
  let progress: () => FileProgress | null = () => null;
  const run = async (): Promise<FetchResult> => {
    job.signal.throwIfAborted();
    await using partial = await openPartial(job.partial, job);
    const fetch = createFetch(job, partial, ports);
    progress = fetch.progress;
    return await fetch.run();
  };
  return { result: run(), progress: () => progress() };
}

function createFetch(job: FetchJob, partial: PartialFile, ports: FetchPorts) {
  const { engine, digest, clock, report } = ports;
  const whole: ByteRange = { start: 0, end: job.size };
  const accounts = createAccounts(partial.resumed);
  const meter = createMeter();
  const header = createHeaderCheck(job.path, job.size, partial.path);
  const failure = deferred<never>();
  failure.promise.catch(() => {});
  let done: RangeSet = [...partial.resumed.values()].flat().reduce<RangeSet>(addRange, []);
  const resumedBytes = rangeBytes(done);
  let prefix: PrefixDigest = digest.sha256Prefix(partial.path);
  let uncommitted: JournalEntry[] = [];
  let committedMs = clock.monotonicMs();
  let isCommitting = false;
  let run: EngineRun | null = null;
  let mirrors: readonly Mirror[] = job.mirrors;
  let isDigesting = false;

  const labelOf = (source: string): string =>
    job.mirrors.find((mirror) => mirror.source === source)?.label ?? "an earlier run";
  const blame = (source: string, { code, message }: Blame): void => {
    report({ kind: "mirror-dropped", model: job.model, mirror: labelOf(source), code, message });
  };
  const pieces =
    job.pieces === null
      ? null
      : createPieceCheck(job.pieces, digest, {
          path: partial.path,
          size: job.size,
          onBad: (range) => spoilLied(range, `the piece at byte ${range.start} has the wrong xxh64`),
          onError: (error) => failure.reject(error),
        });
  const announce = (): void => {
    pieces?.look(done);
    prefix.advance(prefixLength(pieces === null ? done : pieces.passed()));
  };

  /** Takes over what was written; never waits. */
  const absorb = (elapsedMs: number): void => {
    const entries = run?.takeWritten() ?? [];
    const bytes = entries.reduce((sum, { range }) => sum + range.end - range.start, 0);
    if (elapsedMs > 0) meter.add(bytes, elapsedMs);
    accounts.fetched(entries);
    accounts.active(carriers(), elapsedMs);
    uncommitted.push(...entries);
    partial.note(entries).catch((error: unknown) => failure.reject(error));
    for (const { range } of entries) done = addRange(done, range);
    announce();
    void lookAtHeader().catch((error: unknown) => failure.reject(error));
    if (!isCommitting && clock.monotonicMs() - committedMs >= COMMIT_EVERY_MS) {
      commit().catch((error: unknown) => failure.reject(error));
    }
  };
  const commit = async (): Promise<void> => {
    const entries = uncommitted;
    uncommitted = [];
    isCommitting = true;
    await partial.commit(entries).finally(() => {
      isCommitting = false;
      committedMs = clock.monotonicMs();
    });
  };
  const carriers = (): readonly string[] => (run?.carriers() ?? []).flatMap((index) => mirrors[index]?.source ?? []);
  const spoil = async (range: ByteRange): Promise<void> => {
    await commit();
    done = removeRange(done, range);
    accounts.spoiled(range);
    await partial.spoil([range]);
  };
  /** Bytes that are certainly wrong: whoever sent all of them lied. */
  const spoilLied = async (range: ByteRange, message: string): Promise<void> => {
    const liars = sendersOf(accounts.served(), range);
    await spoil(range);
    for (const source of liars.length === 1 ? liars : []) {
      blame(source, { code: "MIRROR_LIED", message });
      const index = mirrors.findIndex((mirror) => mirror.source === source);
      if (index >= 0) run?.giveUp(index);
    }
    run?.spoil(range);
  };
  const lookAtHeader = async (): Promise<void> => {
    const bad = await header.look(prefixLength(done));
    if (bad === null) return;
    const range = { start: 0, end: bad.bytes };
    const hasOthers = mirrors.length > sendersOf(accounts.served(), range).length;
    if (!hasOthers) throw notWeights(job, bad.problem);
    prefix.cancel();
    prefix = digest.sha256Prefix(partial.path);
    header.restart();
    await spoilLied(range, `the file ${bad.problem}`);
  };
  const restart = (): void => {
    prefix.cancel();
    prefix = digest.sha256Prefix(partial.path);
    uncommitted = [];
    done = [];
    accounts.spoiled(whole);
    partial.spoil([whole]).catch((error: unknown) => failure.reject(error));
  };
  const fetchFrom = async (from: readonly Mirror[]): Promise<Sha256> => {
    mirrors = from;
    run = engine.run({
      id: job.model,
      size: job.size,
      priority: job.priority,
      done,
      mirrors,
      file: partial.descriptor,
      signal: job.signal,
      listeners: {
        onTick: absorb,
        onError: (index) => accounts.error(mirrors[index]?.source ?? ""),
        onBlame: (index, why) => blame(mirrors[index]?.source ?? "", why),
        onRestart: restart,
      },
    });
    try {
      do {
        await Promise.race([run.whole(), failure.promise]);
        absorb(0);
        await pieces?.settled();
      } while (rangeBytes(done) < job.size);
    } finally {
      await run.stop();
      absorb(0);
      await commit();
    }
    isDigesting = true;
    announce();
    const seen = await Promise.race([prefix.finish(job.size), failure.promise, aborted(job.signal)]);
    isDigesting = false;
    return seen;
  };
  const mend = async (plan: Crosscheck): Promise<Sha256> => {
    const before = await Promise.all(plan.suspects.map(({ range }) => digest.xxh64Range(partial.path, range)));
    for (const { range } of plan.suspects) await spoil(range);
    prefix = digest.sha256Prefix(partial.path);
    const seen = await fetchFrom(job.mirrors.filter(({ source }) => source === plan.keep));
    if (seen !== job.sha256) return seen;
    const after = await Promise.all(plan.suspects.map(({ range }) => digest.xxh64Range(partial.path, range)));
    const liars = new Set(
      plan.suspects.filter((_, index) => before[index] !== after[index]).map(({ source }) => source),
    );
    for (const source of liars) {
      accounts.error(source);
      blame(source, { code: "MIRROR_LIED", message: "it sent wrong bytes, they were fetched again elsewhere" });
    }
    return seen;
  };
  const prove = async (): Promise<Sha256> => {
    let seen = await fetchFrom(job.mirrors);
    const tried = new Set<string>();
    let hasStartedOver = resumedBytes === 0;
    while (job.sha256 !== null && seen !== job.sha256) {
      const usable = job.mirrors.map(({ source }) => source);
      const plan = planCrosscheck({ served: accounts.served(), usable, tried });
      if (plan === null && hasStartedOver) throw mismatch(job, seen);
      if (plan === null) {
        // Bytes of an earlier run may have rotted on this disk: that blames nobody.
        hasStartedOver = true;
        restart();
        seen = await fetchFrom(job.mirrors);
      } else {
        tried.add(plan.keep);
        seen = await mend(plan);
      }
    }
    return seen;
  };

  const moved = (): Moved => ({
    shares: accounts.shares(labelOf),
    fetchedBytes: accounts.fetchedBytes(),
    wastedBytes: accounts.wastedBytes(),
  });

  return {
    progress: (): FileProgress => ({
      model: job.model,
      doneBytes: isDigesting ? prefix.position() : rangeBytes(done),
      size: job.size,
      bytesPerSecond: meter.rate(),
      mirrors: [...new Set(carriers().map(labelOf))],
    }),
    run: async (): Promise<FetchResult> => {
      report({ kind: "file-started", model: job.model, path: job.path, size: job.size, resumedBytes });
      try {
        announce();
        const sha256 = await prove();
        return { sha256, ...moved(), resumedBytes };
      } finally {
        prefix.cancel();
        job.onMoved(moved());
      }
    },
  };
}

function sendersOf(served: ReadonlyMap<string, RangeSet>, range: ByteRange): readonly string[] {
  return [...served]
    .filter(([, ranges]) => rangeBytes(removeRange(ranges, range)) < rangeBytes(ranges))
    .map(([source]) => source);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function mismatch(job: FetchJob, seen: Sha256): ModelsError {
  const labels = [...new Set(job.mirrors.map(({ label }) => label))].join(", ");
  return new ModelsError(
    "DIGEST_MISMATCH",
    `Cannot verify "${job.model}": sha256 is ${seen} from ${labels}, expected ${job.sha256}`,
    {
      fix: "the manifest's digest or every mirror is wrong: compare with the publisher's own figure",
    },
  );
}

function notWeights(job: FetchJob, problem: string): ModelsError {
  return new ModelsError("NOT_WEIGHTS", `Cannot fetch "${job.model}": the file ${problem}`, {
    fix: "name a source that holds the weights themselves",
  });
}
