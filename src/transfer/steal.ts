/** Which lane gives up the rest of its range to a faster one, and where it is cut. Pure. */
import { mirrorOn } from "./choose-job.ts";
import { type HostState, type JobState, type LaneState, leftBytes } from "./world.ts";

export interface Theft {
  readonly victim: LaneState;
  /** Where the victim is to stop. */
  readonly end: number;
}

/** A cut costs the victim its connection: what it saves must be worth that. */
const LEAST_GAIN_MS = 200;
const LEAST_BYTES = 64 * 1024;
/** Less than this is not cut among lanes of one host: they share its rate, and each crumb costs a faster host a wait. */
const LEAST_SIBLING_BYTES = 1024 * 1024;
/** What must be saved where fewer bytes are left: a lane that crawls over the last of them keeps the file waiting for hours. */
const CRAWLING_MS = 2_000;
/** A digest that has less than this before it is soon done with it. */
const LEAST_WAITING_BYTES = 32 * 1024 * 1024;
/** A lane is not cut twice within this time: rates need it to show what the first cut did. */
const CUT_EVERY_MS = 200;
const SILENT_MS = 500;
/** After so long it is trusted with nothing, whatever it did before. */
const LOST_MS = 2_000;

/**
 * The cut that saves most time if a lane of `host` takes the rest, or null when none is worth it.
 * Both parts are to end together: thief's rate and first-byte wait against the victim's rate.
 */
export function planTheft(jobs: readonly JobState[], host: HostState, nowMs: number): Theft | null {
  let best: (Theft & { readonly gainMs: number }) | null = null;
  for (const job of jobs) {
    const mirror = job.isEnded ? null : mirrorOn(job, host, nowMs);
    if (mirror === null || !mirror.hasRanges) continue;
    for (const victim of job.lanes) {
      const cut = cutOf(victim, host, nowMs);
      if (cut !== null && cut.gainMs > (best?.gainMs ?? LEAST_GAIN_MS)) best = { victim, ...cut };
    }
  }
  return best;
}

/**
 * The cut of the lane that everything behind it waits for, because the digest reads from the front: a straggler there
 * leaves it idle, however fast the others are. Null when it keeps up, or little waits.
 */
export function planRelief(job: JobState, nowMs: number): Theft | null {
  const front = [...job.lanes].sort((one, other) => one.position - other.position)[0];
  if (front === undefined || job.isEnded || (job.pending[0]?.start ?? job.size) < front.position) return null;
  const waitingBytes = job.size - leftBytes(job) - front.position;
  if (waitingBytes < LEAST_WAITING_BYTES || ownRate(front, nowMs) * 2 > front.host.laneMeter.rate()) return null;
  const cut = cutOf(front, front.host, nowMs);
  return cut === null || cut.gainMs < LEAST_GAIN_MS ? null : { victim: front, end: cut.end };
}

function cutOf(
  victim: LaneState,
  host: HostState,
  nowMs: number,
): { readonly end: number; readonly gainMs: number } | null {
  const left = victim.end - victim.position;
  if (nowMs - victim.cutMs < CUT_EVERY_MS || victim.isCancelled || left <= 0) return null;
  const own = ownRate(victim, nowMs) / 1000;
  // A host that has not carried anything yet is trusted with as much as the victim does.
  const thief = (host.laneMeter.rate() || ownRate(victim, nowMs)) / 1000;
  if (thief === 0) return null;
  // Unless it is a straggler among them.
  if (victim.host === host && left < LEAST_SIBLING_BYTES && own * 2 > thief) return null;
  const aloneMs = own === 0 ? Number.POSITIVE_INFINITY : left / own;
  const sharedMs = (left + thief * host.firstByteMs) / (own + thief);
  const kept = Math.floor(own * sharedMs);
  const gainMs = aloneMs - sharedMs;
  const isCrawling = gainMs > CRAWLING_MS && nowMs - victim.startedMs > CRAWLING_MS;
  const leastBytes = isCrawling ? 1 : LEAST_BYTES;
  if (left - kept < leastBytes || sharedMs <= host.firstByteMs) return null;
  return { end: victim.position + kept, gainMs };
}

/** Bytes per second that the victim is trusted with: what it did, what its host does while it is young, less when silent. */
function ownRate(lane: LaneState, nowMs: number): number {
  const rate = lane.position > lane.start ? lane.meter.rate() : lane.host.laneMeter.rate();
  const silentMs = nowMs - lane.lastMoveMs;
  if (silentMs > Math.max(LOST_MS, 4 * lane.host.firstByteMs)) return 0;
  const isSilent = silentMs > Math.max(SILENT_MS, 2 * lane.host.firstByteMs);
  return isSilent ? Math.min(rate, ((lane.position - lane.start) / (nowMs - lane.startedMs)) * 1000) : rate;
}
