/** Which rest is asked for twice when nothing else is left to ask for: whoever has it first is taken. Pure. */
import { type ByteRange, removeRange } from "../base/range.ts";
import { mirrorOn, openHosts } from "./choose-job.ts";
import { isSettled } from "./steal.ts";
import type { HostState, JobState, LaneState, MirrorState } from "./world.ts";

export interface Hedge {
  /** The lane that is thought to end last. */
  readonly victim: LaneState;
  /** Who is asked for its rest, too. */
  readonly mirror: MirrorState;
}

/** What a lane had of another's range when that ended. */
export interface Filled {
  /** The hedge. */
  readonly lane: number;
  readonly mirror: number;
  readonly range: ByteRange;
}

/** It waits in memory until the other lane has ended, so that no two ever write to one place. More than this is cut. */
const MOST_BYTES = 1024 * 1024;
/** Of a file, that may be asked for twice. */
const MOST_PART = 0.03;
/** What it must save. */
const LEAST_GAIN_MS = 100;
/** How many times sooner it must come: where less is gained, the guess may be wrong, and the rest is asked for in vain. */
const LEAST_TIMES = 4;
/** After such a silence a lane is thought to be stuck, if it is also twice what it takes for so much, and for a first byte. */
const STUCK_MS = 100;
const STEP_BYTES = 64 * 1024;
/** What stands for such a step before the first byte: a server that has much to do takes its time for one. */
const UNSEEN_MS = 250;

/** The rest that `host` should be asked for beside the lane that brings it, or null. */
export function planHedge(jobs: readonly JobState[], host: HostState, nowMs: number): Hedge | null {
  const mirrors = jobs.map((job) => (job.isEnded ? null : mirrorOn(job, host, nowMs)));
  // While bytes are nobody's yet, it is better off with those.
  if (jobs.some(({ pending }, index) => pending.length > 0 && mirrors[index] !== null)) return null;
  let best: (Hedge & { readonly gainMs: number }) | null = null;
  for (const [index, job] of jobs.entries()) {
    const mirror = mirrors[index] ?? null;
    if (mirror === null || !mirror.hasRanges || isOutdone(host, job, nowMs)) continue;
    const hedged = new Set([...job.hedges].map(({ standsFor }) => standsFor));
    for (const victim of job.lanes) {
      if (hedged.has(victim) || victim.spare !== null || !isSettled(victim, nowMs)) continue;
      const gainMs = gainOf(victim, host, nowMs);
      if (gainMs > (best?.gainMs ?? LEAST_GAIN_MS)) best = { victim, mirror, gainMs };
    }
  }
  return best;
}

/** True for a host all of whose lanes wait, where those of another do not: it may just have died. */
function isOutdone(host: HostState, job: JobState, nowMs: number): boolean {
  const isQuiet = ({ lanes, lastMoveMs, firstByteMs }: HostState): boolean =>
    lanes.size > 0 && nowMs - lastMoveMs > Math.max(STUCK_MS, 2 * firstByteMs);
  return isQuiet(host) && [...openHosts(job)].some((other) => !other.isMute && !isQuiet(other));
}

/** Takes of the spare of a lane that ended at `position` what that lane did not bring. */
export function takeSpare(lane: LaneState, position: number): Filled | null {
  const { spare, job } = lane;
  if (spare === null) return null;
  const end = spare.mirror.status === "dead" ? position : Math.min(lane.end, spare.end);
  const range: ByteRange = { start: position, end: Math.max(position, end) };
  job.pending = removeRange(job.pending, range);
  return { lane: spare.id, mirror: spare.mirror.index, range };
}

/** Milliseconds by which the file may be there sooner; endless where the victim is stuck. */
function gainOf(victim: LaneState, host: HostState, nowMs: number): number {
  const left = victim.end - victim.position;
  const mostBytes = Math.min(MOST_BYTES, victim.job.size * MOST_PART - victim.job.hedgedBytes);
  const rate = host.laneMeter.rate();
  if (left <= 0 || left > mostBytes || rate === 0) return 0;
  if (isStuck(victim, nowMs)) return Number.POSITIVE_INFINITY;
  const latest = latestRate(victim, nowMs);
  const aloneMs = latest === 0 ? 0 : (left / latest) * 1000;
  const hedgeMs = 2 * host.firstByteMs + (left / rate) * 1000;
  return aloneMs > hedgeMs * LEAST_TIMES ? aloneMs - hedgeMs : 0;
}

function isStuck({ lastMoveMs, meter, host, position, start }: LaneState, nowMs: number): boolean {
  const stepMs = position === start ? UNSEEN_MS : (STEP_BYTES / Math.max(1, meter.rate())) * 1000;
  return nowMs - lastMoveMs > Math.max(STUCK_MS, 2 * host.firstByteMs, 2 * stepMs);
}

/** Bytes per second in the last moments; 0 while it is too young to say. */
function latestRate({ marks: [older, newer], position }: LaneState, nowMs: number): number {
  return older === newer ? 0 : ((position - older.position) / (nowMs - older.atMs)) * 1000;
}
