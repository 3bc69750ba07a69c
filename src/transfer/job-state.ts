/** One job of the scheduler: how it begins, whether a byte may come yet, and when it must begin again. Pure. */
import { gapsIn, type RangeSet } from "../base/range.ts";
import { type JobState, leftBytes, type MirrorState } from "./world.ts";

export interface NewJob {
  readonly id: string;
  readonly size: number;
  /** Higher goes first. */
  readonly priority: number;
  /** What is on disk already. */
  readonly done: RangeSet;
  /** Whether a known sha256 will prove it. @default false */
  readonly isPinned?: boolean;
  readonly mirrors: readonly { readonly label: string }[];
}

/** The job that came as number `order`, at `nowMs`. */
export function beginJob(job: NewJob, order: number, nowMs: number): JobState {
  const { id, size, priority, done, isPinned = false, mirrors } = job;
  return {
    id,
    size,
    priority,
    isPinned,
    order,
    mirrors: mirrors.map(({ label }, index) => beginMirror(label, index)),
    lanes: new Set(),
    hedges: new Set(),
    hedgedBytes: 0,
    pending: gapsIn({ start: 0, end: size }, done),
    lastHopeMs: nowMs,
    isEnded: false,
  };
}

function beginMirror(label: string, index: number): MirrorState {
  return {
    index,
    label,
    status: "closed",
    host: null,
    isGeneral: false,
    hasRanges: true,
    restUntilMs: 0,
    failures: 0,
    refusals: 0,
    waitedMs: 0,
    generation: 0,
    patience: 1,
  };
}

/** True when every byte of the job is in the file. */
export function isWhole({ pending, lanes }: JobState): boolean {
  return pending.length === 0 && lanes.size === 0;
}

/** True when another mirror than `mirror` is still of use to the job. */
export function hasOthers(job: JobState, mirror: MirrorState): boolean {
  return job.mirrors.some((other) => other !== mirror && other.status !== "dead");
}

/** True when a byte may come of one of the job's mirrors yet. */
export function hasHope(job: JobState, nowMs: number): boolean {
  return job.mirrors.some((mirror) => isHopeful(mirror, nowMs));
}

/** It has not failed, or asked for patience. */
function isHopeful({ status, failures, host }: MirrorState, nowMs: number): boolean {
  if (status === "dead") return false;
  return failures === 0 || (host !== null && host.restUntilMs > nowMs);
}

/** True when all that is left are servers without ranges, and a part of the file is missing. */
export function needsRestart(job: JobState): boolean {
  const left = job.mirrors.filter(({ status }) => status !== "dead");
  const isWholeOnly = left.length > 0 && left.every(({ status, hasRanges }) => status === "open" && !hasRanges);
  const isPart = job.pending.length > 0 && (job.pending.length > 1 || leftBytes(job) < job.size);
  return isWholeOnly && isPart && job.lanes.size === 0;
}
