/** One job that the engine runs: its lanes, what they have written, and what is told when it ends. */
import type { ModelsError } from "../base/errors.ts";
import type { Deferred } from "../base/flow.ts";
import type { Endpoint, Mirror } from "../base/mirror.ts";
import type { ByteRange, RangeSet } from "../base/range.ts";
import type { RunningLane } from "../net/lane-pool.ts";
import type { Blame } from "./blame.ts";
import type { JournalEntry } from "./journal.ts";

export interface EngineJob {
  /** What it is called in errors. */
  readonly name: string;
  readonly size: number;
  readonly priority: number;
  readonly done: RangeSet;
  readonly mirrors: readonly Mirror[];
  /** Descriptor of the partial file. */
  readonly file: number;
  /** Its path, as errors call it. */
  readonly path: string;
  readonly listeners: EngineListeners;
}

export interface EngineListeners {
  /** Called every tick, and whenever a range ends. */
  readonly onTick: (elapsedMs: number) => void;
  readonly onError: (mirror: number, error: Blame) => void;
  /** A mirror was given up for this job. */
  readonly onBlame: (mirror: number, blame: Blame) => void;
  /** A server asked to be left alone for so long. */
  readonly onWait: (mirror: number, waitMs: number) => void;
  /** What is there is of no use: the file begins again at byte 0. */
  readonly onRestart: () => void;
}

export interface ActiveJob extends EngineJob {
  readonly id: string;
  readonly abort: AbortController;
  readonly endpoints: (Endpoint | null)[];
  readonly lanes: Map<number, ActiveLane>;
  written: JournalEntry[];
  /** Settled by the next time that the job is whole, or failed. */
  next: Deferred<void> | null;
  failure: ModelsError | null;
  /** What a mirror last did wrong, for the error when none is left. */
  lastBlame: { readonly label: string; readonly blame: Blame } | null;
  lastTrouble: string | null;
  idle: Deferred<void> | null;
}

export interface ActiveLane {
  readonly lane: RunningLane;
  readonly mirror: number;
  /** Everything before this was handed out by takeWritten. */
  taken: number;
}

/** Makes `asked` a job of the engine, before its first lane. */
export function activate(asked: EngineJob, id: string): ActiveJob {
  return {
    ...asked,
    id,
    abort: new AbortController(),
    endpoints: asked.mirrors.map(() => null),
    lanes: new Map(),
    written: [],
    next: null,
    failure: null,
    lastBlame: null,
    lastTrouble: null,
    idle: null,
  };
}

/** Notes that `range` of the mirror was written. */
export function take(job: ActiveJob, mirror: number, range: ByteRange): void {
  const source = job.mirrors[mirror]?.source;
  if (range.end > range.start && source !== undefined) job.written.push({ mirror: source, range });
}

/** Hands out what was written since the last call: also by lanes that are still open. */
export function takeWritten(job: ActiveJob): readonly JournalEntry[] {
  for (const active of job.lanes.values()) {
    const written = active.lane.written();
    take(job, active.mirror, { start: active.taken, end: written });
    active.taken = Math.max(active.taken, written);
  }
  const entries = job.written;
  job.written = [];
  return entries;
}

/** Indexes of the mirrors that carry it now, most lanes first. */
export function carriers(job: ActiveJob): readonly number[] {
  const lanes = new Map<number, number>();
  for (const { mirror } of job.lanes.values()) lanes.set(mirror, (lanes.get(mirror) ?? 0) + 1);
  return [...lanes].sort(([, one], [, other]) => other - one).map(([mirror]) => mirror);
}
