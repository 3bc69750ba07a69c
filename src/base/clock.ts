/** The only file that reads the time, sleeps and rolls dice; everything else takes a {@link Clock}. */
import { randomUUID } from "node:crypto";
import { hrtime } from "node:process";
import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  /** Wall time in milliseconds since 1970; may jump. */
  readonly now: () => number;
  /** Milliseconds since some moment; never jumps. */
  readonly monotonicMs: () => number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls `run` once after `ms`, unless the returned function is called before; never keeps the process alive. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Calls `run` every `ms` until the returned function is called; never keeps the process alive. */
  readonly every: (ms: number, run: () => void) => () => void;
  /** Keeps the process alive until the returned function is called. */
  readonly stayAwake: () => () => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A name nobody else has. */
  readonly unique: () => string;
}

/** A timer can be set for no longer. */
const LONGEST_MS = 2 ** 31 - 1;

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // `performance` has to be loaded first, which takes 2 ms (measured).
  monotonicMs: () => {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
  sleep: async (ms, signal) => {
    try {
      await delay(Math.min(ms, LONGEST_MS), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  stayAwake: () => {
    const timer = setInterval(() => {}, LONGEST_MS);
    return () => clearInterval(timer);
  },
  random: () => Math.random(),
  unique: () => randomUUID(),
};
