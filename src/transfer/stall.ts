/** When a silent lane counts as stalled: in relation to what it did before, in seconds rather than minutes. Pure. */
import type { LaneState } from "./world.ts";

const LEAST_FIRST_BYTE_MS = 5_000;
const LEAST_BODY_MS = 3_000;
const MOST_MS = 30_000;
/** A lane that moves this much at a time is expected again after twenty such steps' time. */
const STEP_BYTES = 64 * 1024;
const STEPS = 20;

/** Silence, in milliseconds, after which `lane` is given up. A slow link that moves is never silent for so long. */
export function silenceLimitMs(lane: LaneState): number {
  const { patience } = lane.mirror;
  if (lane.position === lane.start) {
    return Math.min(MOST_MS, Math.max(LEAST_FIRST_BYTE_MS, lane.host.firstByteMs * 8)) * patience;
  }
  const rate = Math.max(1, lane.meter.rate());
  return Math.min(MOST_MS, Math.max(LEAST_BODY_MS, ((STEP_BYTES * STEPS) / rate) * 1000)) * patience;
}

/** True when `lane` has been silent for too long. */
export function isSilent(lane: LaneState, nowMs: number): boolean {
  return nowMs - lane.lastMoveMs > silenceLimitMs(lane);
}
