/** Bytes from mirrors into partial files: one budget of lanes for all who share it. */
import { availableParallelism } from "node:os";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { FileProgress, Report } from "../base/events.ts";
import type { HostPace } from "../base/host-pace.ts";
import { createDigest, type Digest } from "../digest/digest.ts";
import { createLanePool, type LanePoolSettings } from "../net/lane-pool.ts";
import type { ProxyVariables } from "../net/lane-protocol.ts";
import { createEngine } from "./engine.ts";
import { type FetchJob, type FetchResult, type RunningFetch, startFetch } from "./fetch-job.ts";
import { createScheduler } from "./scheduler.ts";

export interface TransferSettings {
  /** Bytes per second for everything together, or null. */
  readonly maxRate: number | null;
  /** Lanes of each host, fixed; null adapts. */
  readonly lanes: number | null;
  /** Most lanes of one host where the number is found. */
  readonly lanesPerHost: number;
  /** PEM text of authorities to trust beside the system's, or null. */
  readonly extraCa: string | null;
  readonly proxy: ProxyVariables;
  readonly userAgent: string;
}

export interface TransferPorts {
  readonly clock: Clock;
  /** Shared with the tree where there is one; made (and closed) here otherwise. */
  readonly digest?: Digest;
  /** What hosts gave in earlier runs: a first guess, and not even that where lanes or rate are fixed. @default nothing */
  readonly paces?: readonly HostPace[];
}

export interface Transfer {
  /**
   * Fetches one file whole into its partial: durable and its sha256 proven on return, never renamed.
   * @throws ModelsError `DIGEST_MISMATCH`, `NOT_WEIGHTS`, mirror codes, `DISK_FULL`, `DISK_FAILED`; or the signal's reason
   */
  readonly fetch: (job: FetchJob) => Promise<FetchResult>;
  readonly isFetching: () => boolean;
  /** Counts bytes that came in elsewhere: under a limit of the rate, the lanes wait for them. */
  readonly spend: (bytes: number) => void;
  /** What hosts gave in this one; nothing where lanes or rate are fixed, which says nothing about a host. */
  readonly paces: () => readonly HostPace[];
  /** Ends what is under way (`INTERRUPTED`), then every thread; nothing is written afterwards. */
  readonly close: () => Promise<void>;
}

const MOST_LANES = 64;
const MOST_WORKERS = 4;
const PROGRESS_EVERY_MS = 250;

/** Starts its threads at once: they are ready as soon as the first mirror has answered. */
export function createTransfer(settings: TransferSettings, ports: TransferPorts): Transfer {
  const { clock } = ports;
  const digest = ports.digest ?? createDigest();
  const { extraCa, proxy, userAgent, lanes, lanesPerHost } = settings;
  const pool = createLanePool({ extraCa, proxy, userAgent, workers: workersFor(availableParallelism()) });
  pool.limit(settings.maxRate);
  pool.warm();
  digest.warm();
  const isMeasuring = settings.lanes === null && settings.maxRate === null;
  const remembered = new Map(isMeasuring ? ports.paces?.map((pace) => [pace.origin, pace]) : []);
  const scheduler = createScheduler({
    ...settings,
    remembered,
    lanesPerHost: lanes ?? lanesPerHost,
    mostLanes: MOST_LANES,
    random: clock.random,
  });
  const engine = createEngine(scheduler, { clock, pool });
  const running = new Map<RunningFetch, Report>();
  let stopTelling: (() => void) | null = null;
  let isClosed = false;

  const tellTo = (report: Report): void => {
    const files: FileProgress[] = [];
    for (const [fetch, itsReport] of running) {
      const progress = itsReport === report ? fetch.progress() : null;
      if (progress?.kind === "verifying") report({ kind: "file-verifying", ...progress.file });
      else if (progress !== null) files.push(progress.file);
    }
    report({ kind: "progress", files, bytesPerSecond: files.reduce((sum, file) => sum + file.bytesPerSecond, 0) });
  };
  const tell = (): void => {
    for (const report of new Set(running.values())) tellTo(report);
  };
  return {
    fetch: async (job) => {
      if (isClosed) throw closed();
      const fetch = startFetch(job, { engine, digest, clock });
      running.set(fetch, job.report);
      stopTelling ??= clock.every(PROGRESS_EVERY_MS, tell);
      try {
        return await fetch.result;
      } finally {
        running.delete(fetch);
        if (running.size === 0) {
          stopTelling?.();
          stopTelling = null;
        }
      }
    },
    isFetching: () => running.size > 0,
    spend: pool.spend,
    paces: () => (isMeasuring ? scheduler.paces(clock.now()) : []),
    close: async () => {
      isClosed = true;
      const results = [...running.keys()].map(({ result, stop }) => {
        stop(closed());
        return result;
      });
      await Promise.allSettled(results);
      await pool.close();
      if (ports.digest === undefined) await digest.close();
    },
  };
}

/** While plain lanes come in, each of their threads keeps about one core busy, and their digests another (measured). */
function workersFor(cores: number): LanePoolSettings["workers"] {
  const atMost = (count: number): number => Math.min(MOST_WORKERS, Math.max(1, Math.floor(count)));
  return { encrypted: atMost(cores), plain: atMost(cores / 2) };
}

const closed = (): ModelsError => new ModelsError("INTERRUPTED", "Cannot fetch: the transfer is closed");
