/** Lets the lanes of one thread read while the budget lasts, and holds all of them back, in fair turns, when it does not. */
import type { Clock } from "../base/clock.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import { createRateLimiter } from "./rate-limiter.ts";

/** Something that brings bytes and can be held back. */
export interface Gated {
  readonly pause: () => void;
  readonly resume: () => void;
}

/** A lane's place at the gate. */
export interface Passage {
  /** Counts bytes that came in. */
  readonly spend: (bytes: number) => void;
  readonly leave: () => void;
}

export interface RateGate {
  /** Bytes per second for all lanes together; null lifts the limit. */
  readonly limit: (bytesPerSecond: number | null) => void;
  /** Counts bytes that came in elsewhere, for which the lanes wait. */
  readonly spend: (bytes: number) => void;
  /** A lane begins to read; it is held back at once when the others are. */
  readonly enter: (lane: Gated) => Passage;
  /** Most bytes that a lane should read at a time. */
  readonly stepBytes: () => number;
}

const TURN_MS = 5;

export function createRateGate(clock: Pick<Clock, "monotonicMs" | "every">): RateGate {
  const limiter = createRateLimiter(clock);
  /** In the order in which they are let through: who just had a turn stands at the end. */
  const lanes = new Set<Gated>();
  let stopTurning: (() => void) | null = null;
  let isLimited = false;

  const release = (): void => {
    if (limiter.waitMs() > 0) return;
    stopTurning?.();
    stopTurning = null;
    for (const lane of [...lanes]) lane.resume();
  };
  const holdBack = (): void => {
    if (limiter.waitMs() === 0) return;
    stopTurning = clock.every(TURN_MS, release);
    for (const lane of lanes) lane.pause();
  };
  return {
    limit: (bytesPerSecond) => {
      isLimited = bytesPerSecond !== null;
      limiter.limit(bytesPerSecond);
      if (stopTurning !== null) release();
    },
    spend: (bytes) => {
      if (!isLimited) return;
      limiter.spend(bytes);
      if (stopTurning === null) holdBack();
    },
    enter: (lane) => {
      lanes.add(lane);
      if (stopTurning !== null) lane.pause();
      return {
        spend: (bytes) => {
          if (!isLimited) return;
          limiter.spend(bytes);
          if (lanes.delete(lane)) lanes.add(lane);
          // A socket that was let through while it connects reads on from its connect, held back or not.
          if (stopTurning !== null) lane.pause();
          else holdBack();
        },
        leave: () => {
          if (lanes.delete(lane) && stopTurning !== null) lane.resume();
        },
      };
    },
    stepBytes: limiter.stepBytes,
  };
}

/** A lane that asks before each read whether it may, because it cannot be paused from outside. */
export interface Turnstile extends Passage {
  /** Resolves when the lane may read on. */
  readonly open: () => Promise<void>;
}

export function enterTurnstile(gate: RateGate): Turnstile {
  let waiting: Deferred<void> | null = null;
  const passage = gate.enter({
    pause: () => {
      waiting ??= deferred<void>();
    },
    resume: () => {
      waiting?.resolve();
      waiting = null;
    },
  });
  return {
    ...passage,
    open: async () => {
      while (waiting !== null) await waiting.promise;
    },
  };
}
