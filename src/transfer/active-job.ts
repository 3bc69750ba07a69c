/** One job that the engine runs: its lanes, what they have written, and what is told when it ends. */
import { writeSync } from "node:fs";
import type { ModelsError } from "../base/errors.ts";
import type { Deferred } from "../base/flow.ts";
import type { Endpoint, Mirror } from "../base/mirror.ts";
import type { ByteRange, RangeSet } from "../base/range.ts";
import type { LaneEnd, RunningLane } from "../net/lane-pool.ts";
import type { Blame } from "./blame.ts";
import type { Filled } from "./hedge.ts";
import type { JournalEntry } from "./journal.ts";
import type { Action } from "./world.ts";

export interface EngineJob {
  /** What it is called in errors. */
  readonly name: string;
  readonly size: number;
  readonly priority: number;
  readonly done: RangeSet;
  /** Whether a known sha256 will prove it. */
  readonly isPinned: boolean;
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
  /** So many bytes of it came in vain. */
  readonly onLost: (mirror: number, bytes: number) => void;
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
  /** What hedges have in memory, by their lanes. */
  readonly spares: Map<number, Spare>;
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
  /** Where a hedge puts its bytes; null where they go into the file. */
  readonly memory: Uint8Array | null;
}

export type OpenAction = Extract<Action, { kind: "open" }>;

/** The bytes that a hedge brought, in memory until the lane that they stand in for has ended. */
export interface Spare {
  readonly mirror: number;
  readonly start: number;
  readonly memory: Uint8Array;
}

/** Makes `asked` a job of the engine, before its first lane. */
export function activate(asked: EngineJob, id: string): ActiveJob {
  return {
    ...asked,
    id,
    abort: new AbortController(),
    endpoints: asked.mirrors.map(() => null),
    lanes: new Map(),
    spares: new Map(),
    written: [],
    next: null,
    failure: null,
    lastBlame: null,
    lastTrouble: null,
    idle: null,
  };
}

/** Notes that `range` of the mirror was written. */
function take(job: ActiveJob, mirror: number, range: ByteRange): void {
  const source = job.mirrors[mirror]?.source;
  if (range.end > range.start && source !== undefined) job.written.push({ mirror: source, range });
}

/**
 * Takes a lane off that has ended, and counts what it brought: to the file, or to memory for the lane that it stands in
 * for, if that still runs.
 */
export function takeOff(job: ActiveJob, opened: OpenAction, end: LaneEnd): ActiveLane | undefined {
  const { lane, mirror, range, standsFor } = opened;
  const active = job.lanes.get(lane);
  job.lanes.delete(lane);
  const memory = active?.memory ?? null;
  const isNeeded = end.kind === "done" && standsFor !== null && job.lanes.has(standsFor);
  const [{ start }, { position }] = [range, end];
  if (memory === null) take(job, mirror, { start: active?.taken ?? start, end: position });
  else if (isNeeded) job.spares.set(lane, { mirror, start, memory: memory.subarray(0, position - start) });
  else job.listeners.onLost(mirror, position - start);
  return active;
}

/** Hands out what was written since the last call: also by lanes that are still open. */
export function takeWritten(job: ActiveJob): readonly JournalEntry[] {
  for (const active of job.lanes.values()) {
    if (active.memory !== null) continue;
    const written = active.lane.written();
    take(job, active.mirror, { start: active.taken, end: written });
    active.taken = Math.max(active.taken, written);
  }
  const entries = job.written;
  job.written = [];
  return entries;
}

/**
 * Writes what a hedge had of the rest of a lane that has ended.
 * @throws a system error of the disk
 */
export function fill(job: ActiveJob, { lane, mirror, range }: Filled): void {
  const spare = job.spares.get(lane);
  if (spare === undefined) return;
  const { start, memory } = spare;
  for (let at = range.start; at < range.end; ) {
    at += writeSync(job.file, memory, at - start, range.end - at, at);
  }
  take(job, mirror, range);
  job.listeners.onLost(mirror, memory.length - (range.end - range.start));
}

/** Indexes of the mirrors that carry it now, most lanes first. */
export function carriers(job: ActiveJob): readonly number[] {
  const lanes = new Map<number, number>();
  for (const { mirror } of job.lanes.values()) lanes.set(mirror, (lanes.get(mirror) ?? 0) + 1);
  return [...lanes].sort(([, one], [, other]) => other - one).map(([mirror]) => mirror);
}
