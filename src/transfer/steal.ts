/** Which lane gives up the rest of its range to a faster one, and where it is cut. Pure. */
import { mirrorOn, openHosts } from "./choose-job.ts";
import { isBusy, lostAfterMs } from "./host-state.ts";
import { usualRangeMs } from "./range-size.ts";
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
/** So long a hedge that is silent keeps its lane from being cut. */
const HEDGED_MS = 1_000;

/**
 * The cut that saves most time if a lane of `host` takes the rest, or null when none is worth it.
 * Both parts are to end together: thief's rate and first-byte wait against the victim's rate.
 */
export function planTheft(jobs: readonly JobState[], host: HostState, nowMs: number): Theft | null {
  let best: (Theft & { readonly gainMs: number }) | null = null;
  for (const job of jobs) {
    const mirror = job.isEnded ? null : mirrorOn(job, host, nowMs);
    // While bytes are nobody's yet, the thief is better off with those.
    if (mirror === null || !mirror.hasRanges || job.pending.length > 0) continue;
    for (const victim of job.lanes) {
      const cut = cutOf(victim, host, nowMs);
      if (cut !== null && cut.gainMs > (best?.gainMs ?? LEAST_GAIN_MS)) best = { victim, ...cut };
    }
  }
  return best;
}

/**
 * The cuts of lanes that what has come behind them waits for, because the digest reads from the front: it is left idle,
 * however fast the others are. Lanes that keep up are left alone, and all while little waits.
 */
export function planRelief(job: JobState, nowMs: number): readonly Theft[] {
  if (job.isEnded) return [];
  const lanes = [...job.lanes].sort((one, other) => one.position - other.position);
  const pendingStart = job.pending[0]?.start ?? job.size;
  // What a host has that fell silent, another must take: the host itself gets nothing of the front any more.
  const [well] = [...openHosts(job)]
    .filter(({ isMute }) => !isMute)
    .sort((one, other) => other.laneMeter.rate() - one.laneMeter.rate());
  let doneBehind = job.size - leftBytes(job) - (lanes[0]?.position ?? 0);
  return lanes.flatMap((victim, index) => {
    // What is nobody's yet holds up what comes after it, too.
    if (pendingStart < victim.position || doneBehind < LEAST_WAITING_BYTES) return [];
    doneBehind -= (lanes[index + 1]?.position ?? job.size) - victim.end;
    const isSlow =
      index === 0
        ? isStraggler(victim, nowMs) || isLong(victim, nowMs)
        : isStraggler(victim, nowMs) && isLong(victim, nowMs);
    const taker = victim.host.isMute ? well : victim.host;
    const cut = isSlow && taker !== undefined ? cutOf(victim, taker, nowMs) : null;
    return cut === null || cut.gainMs < LEAST_GAIN_MS ? [] : [{ victim, end: cut.end }];
  });
}

/**
 * The lanes that a host has beyond its number, as after a trial of more that brought nothing, and that would go on for
 * long: the slowest ones stop where they are. Opened when the others were fast, they were given much, and crawl.
 */
export function planRetirement(host: HostState, nowMs: number): readonly Theft[] {
  const busy = [...host.lanes].filter(isBusy);
  const surplus = busy.length - host.budget.limit();
  if (surplus <= 0) return [];
  return busy
    .sort((one, other) => ownRate(one, nowMs) - ownRate(other, nowMs))
    .slice(0, surplus)
    .filter((lane) => isSettled(lane, nowMs) && isLong(lane, nowMs))
    .map((victim) => ({ victim, end: victim.position }));
}

function leftMs(lane: LaneState, nowMs: number): number {
  return ((lane.end - lane.position) / ownRate(lane, nowMs)) * 1000;
}

function isStraggler(lane: LaneState, nowMs: number): boolean {
  return ownRate(lane, nowMs) * 2 <= lane.host.laneMeter.rate();
}

/** True when the rest alone takes twice as long as a whole range should: the lane was faster when it was given it. */
function isLong(lane: LaneState, nowMs: number): boolean {
  return leftMs(lane, nowMs) > usualRangeMs(lane.host) * 2;
}

function cutOf(
  victim: LaneState,
  host: HostState,
  nowMs: number,
): { readonly end: number; readonly gainMs: number } | null {
  const left = victim.end - victim.position;
  if (!isSettled(victim, nowMs) || left <= 0) return null;
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

/** True when nothing has been asked of it lately that its rate does not show yet, and nobody brings its rest as well. */
export function isSettled(lane: LaneState, nowMs: number): boolean {
  return nowMs - lane.cutMs >= CUT_EVERY_MS && !lane.isCancelled && !isHedged(lane, nowMs);
}

/** A hedge that does not come on is none: what it stands in for may be cut. */
function isHedged(lane: LaneState, nowMs: number): boolean {
  return [...lane.job.hedges].some((hedge) => hedge.standsFor === lane && nowMs - hedge.lastMoveMs < HEDGED_MS);
}

/** Bytes per second that the victim is trusted with: what it did, what its host does while it is young, less when silent. */
function ownRate(lane: LaneState, nowMs: number): number {
  // What a host did before it fell silent is forgotten by and by: a lane that tries it would keep some crumbs for long.
  if (lane.position === lane.start && lane.host.isMute) return 0;
  const rate = lane.position > lane.start ? lane.meter.rate() : lane.host.laneMeter.rate();
  const silentMs = nowMs - lane.lastMoveMs;
  if (silentMs > lostAfterMs(lane.host)) return 0;
  const isSilent = silentMs > Math.max(SILENT_MS, 2 * lane.host.firstByteMs);
  return isSilent ? Math.min(rate, ((lane.position - lane.start) / (nowMs - lane.startedMs)) * 1000) : rate;
}
