/** How an origin is slowed down: token buckets that are refilled every 10 ms, and a delay before the first byte. */
import type { Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";

export interface Shape {
  /** All connections together. @default unlimited */
  readonly bytesPerSecond?: number;
  /** Each connection. @default unlimited */
  readonly connectionBytesPerSecond?: number;
  /** Time from the whole request to the first byte of its answer. @default 0 */
  readonly latencyMs?: number;
  /** Up to this much more, evenly spread. @default 0 */
  readonly jitterMs?: number;
}

const TICK_MS = 10;
/** What an idle bucket saves up, and what a late timer may still hand out while others wait. */
const IDLE_MS = 2 * TICK_MS;
const LATE_MS = 250;

interface Waiter {
  readonly want: number;
  readonly grant: (bytes: number) => void;
}

/** Hands out `rate` bytes per second, evenly among all who wait. */
export interface TokenBucket {
  /** Resolves with 1 to `want` bytes. */
  readonly take: (want: number) => Promise<number>;
  /** Lets everyone who waits go, and holds nobody back any more. */
  readonly stop: () => void;
}

export function createTokenBucket(bytesPerSecond: number): TokenBucket {
  let tokens = 0;
  let waiters: Waiter[] = [];
  let filledAt = systemClock.monotonicMs();
  let stopTicking: (() => void) | null = null;
  let isStopped = false;

  const fill = (limitMs: number): void => {
    const now = systemClock.monotonicMs();
    const limit = Math.max(1, (limitMs / 1000) * bytesPerSecond);
    tokens = Math.min(tokens + ((now - filledAt) / 1000) * bytesPerSecond, limit);
    filledAt = now;
  };
  const tick = (): void => {
    fill(LATE_MS);
    const [served, rest] = divide(waiters, Math.floor(tokens));
    tokens -= served.reduce((sum, { bytes }) => sum + bytes, 0);
    waiters = rest;
    for (const { waiter, bytes } of served) waiter.grant(bytes);
    if (waiters.length === 0) pause();
  };
  const pause = (): void => {
    stopTicking?.();
    stopTicking = null;
  };

  return {
    take: (want) => {
      if (isStopped) return Promise.resolve(want);
      if (waiters.length === 0) fill(stopTicking === null ? IDLE_MS : LATE_MS);
      if (waiters.length === 0 && tokens >= want) {
        tokens -= want;
        return Promise.resolve(want);
      }
      stopTicking ??= systemClock.every(TICK_MS, tick);
      return new Promise((grant) => waiters.push({ want, grant }));
    },
    stop: () => {
      isStopped = true;
      pause();
      for (const { want, grant } of waiters) grant(want);
      waiters = [];
    },
  };
}

interface Served {
  readonly waiter: Waiter;
  readonly bytes: number;
}

/** Equal shares; who wants less than its share leaves the rest to the others; what cannot be shared goes to the first in line. */
function divide(waiters: readonly Waiter[], tokens: number): readonly [readonly Served[], Waiter[]] {
  const served: Served[] = [];
  const bySize = [...waiters].reverse().sort((a, b) => a.want - b.want);
  let left = tokens;
  let count = bySize.length;
  for (const waiter of bySize) {
    const bytes = Math.min(waiter.want, Math.floor(left / count));
    if (bytes > 0) served.push({ waiter, bytes });
    left -= bytes;
    count -= 1;
  }
  const fed = new Set(served.map(({ waiter }) => waiter));
  return [served, waiters.filter((waiter) => !fed.has(waiter))];
}

/** One origin's shape at work. */
export interface Shaper {
  /** How many of `want` bytes this socket may send now; a plain number when nothing holds it back. */
  readonly take: (socket: Socket, want: number) => number | Promise<number>;
  readonly firstByteDelayMs: () => number;
  readonly stop: () => void;
}

export function createShaper(shape: Shape): Shaper {
  const whole = shape.bytesPerSecond === undefined ? null : createTokenBucket(shape.bytesPerSecond);
  const each = new Map<Socket, TokenBucket>();
  const perSocket = (socket: Socket, rate: number): TokenBucket => {
    const known = each.get(socket);
    if (known !== undefined) return known;
    const made = createTokenBucket(rate);
    each.set(socket, made);
    socket.once("close", () => {
      made.stop();
      each.delete(socket);
    });
    return made;
  };
  const takeShaped = async (socket: Socket, want: number): Promise<number> => {
    const rate = shape.connectionBytesPerSecond;
    const own = rate === undefined ? want : await perSocket(socket, rate).take(want);
    return whole === null ? own : takeAll(whole, own, rate !== undefined);
  };
  return {
    take: (socket, want) =>
      whole === null && shape.connectionBytesPerSecond === undefined ? want : takeShaped(socket, want),
    firstByteDelayMs: () => (shape.latencyMs ?? 0) + (shape.jitterMs ?? 0) * systemClock.random(),
    stop: () => {
      whole?.stop();
      for (const bucket of each.values()) bucket.stop();
    },
  };
}

/** What the connection's own bucket granted is spent, so the common bucket must grant all of it. */
async function takeAll(bucket: TokenBucket, want: number, isWhole: boolean): Promise<number> {
  let got = await bucket.take(want);
  while (isWhole && got < want) got += await bucket.take(want - got);
  return got;
}
