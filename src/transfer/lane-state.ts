/** One lane of the scheduler: what it is given, how it moves, and what it leaves when it ends. Pure. */
import { addRange, type ByteRange, removeRange } from "../base/range.ts";
import { openHosts, rateOf } from "./choose-job.ts";
import { laneRate } from "./host-state.ts";
import { createMeter } from "./meter.ts";
import { rangeSize } from "./range-size.ts";
import {
  type HostState,
  type JobState,
  type LaneProgress,
  type LaneState,
  leftBytes,
  type MirrorState,
} from "./world.ts";

/** What the latest wait for a first byte counts, beside those before it. */
const LATEST = 0.3;

/** A moment. */
const MARK_EVERY_MS = 100;

/** A host that fell silent is tried with so much. */
const MUTE_BYTES = 1024 * 1024;

/** Opens a lane for bytes that `job` lacks, or null when it lacks none. */
export function beginLane(id: number, job: JobState, from: { mirror: MirrorState; nowMs: number }): LaneState | null {
  const { mirror, nowMs } = from;
  const { host } = mirror;
  if (host === null) return null;
  const range = mirror.hasRanges && host.isMute ? lastPart(job) : firstPart(job, mirror.hasRanges ? host : null);
  if (range === null) return null;
  job.pending = removeRange(job.pending, range);
  const lane = makeLane(id, { job, mirror, host, range, standsFor: null, nowMs });
  job.lanes.add(lane);
  return lane;
}

/** Opens a lane to `mirror` for what `victim` still lacks. */
export function beginHedge(id: number, victim: LaneState, from: { mirror: MirrorState; nowMs: number }): LaneState {
  const { mirror, nowMs } = from;
  const { job, position, end } = victim;
  const range = { start: position, end };
  const lane = makeLane(id, { job, mirror, host: mirror.host ?? victim.host, range, standsFor: victim, nowMs });
  job.hedges.add(lane);
  job.hedgedBytes += end - position;
  return lane;
}

interface NewLane extends Pick<LaneState, "job" | "mirror" | "host" | "standsFor"> {
  readonly range: ByteRange;
  readonly nowMs: number;
}

function makeLane(id: number, { range, nowMs, ...from }: NewLane): LaneState {
  const { host, mirror } = from;
  const begun = { position: range.start, atMs: nowMs };
  const lane: LaneState = {
    id,
    ...from,
    generation: mirror.generation,
    ...range,
    position: range.start,
    startedMs: nowMs,
    lastMoveMs: nowMs,
    meter: createMeter(),
    marks: [begun, begun],
    cutMs: Number.NEGATIVE_INFINITY,
    isStalled: false,
    isCancelled: false,
    spare: null,
  };
  if (host.lanes.size === 0) host.lastMoveMs = nowMs;
  host.lanes.add(lane);
  return lane;
}

/** What the digest needs first, as much as `host` is worth; all of the file where it has no ranges. */
function firstPart(job: JobState, host: HostState | null): ByteRange | null {
  const first = job.pending[0];
  if (first === undefined) return null;
  const bytes = host === null ? job.size : wishedBytes(job, host);
  return { start: first.start, end: Math.min(first.end, first.start + bytes) };
}

/** What is needed last, and little of it: a host that fell silent may keep it for a while. */
function lastPart({ pending }: JobState): ByteRange | null {
  const last = pending.at(-1);
  return last === undefined ? null : { start: Math.max(last.start, last.end - MUTE_BYTES), end: last.end };
}

function wishedBytes(job: JobState, host: HostState): number {
  const rate = laneRate(host);
  const lanes = Math.max(host.budget.limit(), job.lanes.size);
  // What is left takes a slow lane's share of the time, not of the number: the digest waits for the lane in front.
  const jobRate = rateOf(openHosts(job));
  const sharing = rate === 0 ? lanes : Math.max(lanes, jobRate / rate);
  return rangeSize({ laneRate: rate, firstByteMs: host.firstByteMs }, leftBytes(job), sharing);
}

/** Its bytes have come so far: that is good news of its job, its mirror and its host. */
export function moveLane(lane: LaneState, { position, firstByteMs }: LaneProgress, nowMs: number): void {
  const { job, mirror, host } = lane;
  const [, newer] = lane.marks;
  if (nowMs - newer.atMs >= MARK_EVERY_MS) lane.marks = [newer, { position: lane.position, atMs: nowMs }];
  if (position <= lane.position) return;
  if (lane.position === lane.start && firstByteMs !== null) countFirstByte(host, firstByteMs);
  const bytes = position - lane.position;
  host.bytesSinceTick += bytes;
  lane.meter.add(bytes, Math.max(1, nowMs - lane.lastMoveMs));
  lane.position = position;
  lane.lastMoveMs = nowMs;
  host.lastMoveMs = nowMs;
  host.isMute = false;
  job.lastHopeMs = nowMs;
  // Who has to begin at byte 0 each time has given nothing before the end.
  if (mirror.hasRanges || position === lane.end) mirror.failures = 0;
  mirror.waitedMs = 0;
  if (lane.generation === mirror.generation) mirror.refusals = 0;
}

/** The average of the first few waits, then of the latest ones. */
function countFirstByte(host: HostState, ms: number): void {
  host.firstBytes += 1;
  host.firstByteMs += (ms - host.firstByteMs) * Math.max(LATEST, 1 / host.firstBytes);
}

/** It stops at `end`; what lies behind is to be fetched by another. */
export function shrinkLane(lane: LaneState, end: number): void {
  if (end < lane.end) lane.job.pending = addRange(lane.job.pending, { start: end, end: lane.end });
  lane.end = end;
}

/** It is gone, and came as far as `position`. */
export function endLane(lane: LaneState, position: number, nowMs: number): void {
  moveLane(lane, { position, firstByteMs: null }, nowMs);
  lane.host.lanes.delete(lane);
  if (lane.standsFor !== null) lane.job.hedges.delete(lane);
  if (!lane.job.lanes.delete(lane)) return;
  lane.job.pending = addRange(lane.job.pending, { start: position, end: lane.end });
}
