/** What the scheduler knows: jobs, their mirrors, the hosts behind them, and the lanes that are open. */
import type { HostPace } from "../base/host-pace.ts";
import type { ByteRange, RangeSet } from "../base/range.ts";
import type { LaneBudget } from "./lane-budget.ts";
import type { Meter } from "./meter.ts";

/** One origin that lanes connect to; mirrors of several jobs share it. */
export interface HostState {
  readonly key: string;
  /** What it gave in an earlier run; null when nothing is remembered. */
  readonly guess: HostPace | null;
  readonly budget: LaneBudget;
  /** Bytes per second of the whole host. */
  readonly meter: Meter;
  /** Bytes per second of one lane of it. */
  readonly laneMeter: Meter;
  readonly lanes: Set<LaneState>;
  /** What its lanes waited for their first bytes, lately. */
  firstByteMs: number;
  /** How many such waits there were. */
  firstBytes: number;
  restUntilMs: number;
  /** When a byte of it last came, or the first of its lanes was opened. */
  lastMoveMs: number;
  /** None of its lanes brought anything for a while, and no byte has come since. */
  isMute: boolean;
  bytesSinceTick: number;
}

/** `closed` needs an endpoint, `opening` is getting one, `dead` gives nothing more to this job. */
export type MirrorStatus = "closed" | "opening" | "open" | "dead";

export interface MirrorState {
  readonly index: number;
  readonly label: string;
  status: MirrorStatus;
  host: HostState | null;
  isGeneral: boolean;
  /** False for a server that only sends whole files. */
  hasRanges: boolean;
  restUntilMs: number;
  /** In a row, without a byte between them. */
  failures: number;
  refusals: number;
  /** Milliseconds that its server asked to be left alone, since the last byte. */
  waitedMs: number;
  /** Counts its endpoints: what is said about an old one does not concern the new one. */
  generation: number;
  /** How long a silence this mirror is granted, as a factor. */
  patience: number;
}

export interface JobState {
  readonly id: string;
  readonly size: number;
  readonly priority: number;
  readonly order: number;
  /** Whether a known sha256 will prove it. */
  readonly isPinned: boolean;
  readonly mirrors: MirrorState[];
  /** Those that write to its file. */
  readonly lanes: Set<LaneState>;
  /** Those that ask once more for what another lane brings too slowly: see `hedge.ts`. */
  readonly hedges: Set<LaneState>;
  /** Bytes that hedges asked for so far. */
  hedgedBytes: number;
  /** Neither on disk nor on the way. */
  pending: RangeSet;
  /** When a byte last came, or could not be expected. */
  lastHopeMs: number;
  isEnded: boolean;
}

/** Where a lane was, and when. */
export interface LaneMark {
  readonly position: number;
  readonly atMs: number;
}

export interface LaneState {
  readonly id: number;
  readonly job: JobState;
  readonly mirror: MirrorState;
  readonly host: HostState;
  /** The endpoint that it was opened with. */
  readonly generation: number;
  readonly start: number;
  end: number;
  position: number;
  readonly startedMs: number;
  /** When its last byte came, or its start. */
  lastMoveMs: number;
  readonly meter: Meter;
  /** Where it was a moment ago, and where at the moment before that: for its last bytes, what it did earlier does not count. */
  marks: readonly [LaneMark, LaneMark];
  /** When it was last asked to stop earlier. */
  cutMs: number;
  isStalled: boolean;
  isCancelled: boolean;
  /** The lane whose rest it asks for as well, into memory; null where it writes to the file. */
  readonly standsFor: LaneState | null;
  /** The hedge that has the rest of its range in memory already. */
  spare: LaneState | null;
}

/** How far a lane is. */
export interface LaneProgress {
  readonly position: number;
  /** Milliseconds from its request to its first byte; null before that. */
  readonly firstByteMs: number | null;
}

/** Everything, by what it is called in actions. */
export interface World {
  readonly jobs: Map<string, JobState>;
  readonly hosts: Map<string, HostState>;
  readonly lanes: Map<number, LaneState>;
  /** Until then this process had too little time to tell whether others were silent. */
  starvedUntilMs: number;
}

export type Action =
  | {
      readonly kind: "open";
      readonly lane: number;
      readonly job: string;
      readonly mirror: number;
      readonly range: ByteRange;
      readonly isGeneral: boolean;
      /** The lane whose rest this is: it goes into memory, not into the file. Null for all others. */
      readonly standsFor: number | null;
    }
  | { readonly kind: "shrink"; readonly lane: number; readonly end: number }
  | { readonly kind: "cancel"; readonly lane: number }
  | { readonly kind: "resolve"; readonly job: string; readonly mirror: number }
  /** Only whole files can be had: what is there does not help, forget it and begin at byte 0. */
  | { readonly kind: "restart"; readonly job: string };

/** Bytes of a job that are still to come, on the way or not. */
export function leftBytes(job: JobState): number {
  let left = 0;
  for (const range of job.pending) left += range.end - range.start;
  for (const lane of job.lanes) left += lane.end - lane.position;
  return left;
}
