/** A budget of bytes per second: what was spent too much must be waited for. */
import type { Clock } from "../base/clock.ts";

export interface RateLimiter {
  /** Null lifts the limit. */
  readonly limit: (bytesPerSecond: number | null) => void;
  /** Takes `bytes` from the budget. */
  readonly spend: (bytes: number) => void;
  /** Milliseconds until the budget is positive again; 0 when it is. */
  readonly waitMs: () => number;
  /** Most bytes that one read should bring, so that many readers share a small budget evenly. */
  readonly stepBytes: () => number;
}

/** The budget may run ahead by this much time, so that reads stay large. */
const BURST_SECONDS = 0.1;
/** One read is worth this much time of the whole budget. */
const STEP_SECONDS = 0.02;
const LEAST_STEP_BYTES = 4096;

export function createRateLimiter(clock: Pick<Clock, "monotonicMs">): RateLimiter {
  let rate: number | null = null;
  let tokens = 0;
  let lastMs = clock.monotonicMs();
  const refill = (): void => {
    const nowMs = clock.monotonicMs();
    if (rate !== null) tokens = Math.min(rate * BURST_SECONDS, tokens + ((nowMs - lastMs) / 1000) * rate);
    lastMs = nowMs;
  };
  return {
    limit: (bytesPerSecond) => {
      refill();
      // What was spent under the old limit is still owed under the new one.
      tokens = rate === null || bytesPerSecond === null ? 0 : Math.min(tokens, 0);
      rate = bytesPerSecond;
    },
    spend: (bytes) => {
      if (rate === null) return;
      refill();
      tokens -= bytes;
    },
    waitMs: () => {
      if (rate === null) return 0;
      refill();
      return tokens >= 0 ? 0 : Math.ceil((-tokens / rate) * 1000);
    },
    stepBytes: () =>
      rate === null ? Number.POSITIVE_INFINITY : Math.max(LEAST_STEP_BYTES, Math.floor(rate * STEP_SECONDS)),
  };
}
