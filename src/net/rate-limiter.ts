/** A budget of bytes per second for all lanes of one thread: lanes are paused while it is overdrawn. */
import type { Clock } from "../base/clock.ts";

export interface RateLimiter {
  /** Null lifts the limit. */
  readonly limit: (bytesPerSecond: number | null) => void;
  /** Takes `bytes` from the budget. */
  readonly spend: (bytes: number) => void;
  /** Milliseconds until the budget is positive again; 0 when it is. */
  readonly waitMs: () => number;
}

/** The budget may run ahead by this much time, so that reads stay large. */
const BURST_SECONDS = 0.1;

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
      rate = bytesPerSecond;
      tokens = 0;
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
  };
}
