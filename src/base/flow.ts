/** Small control flow: promises settled from outside, work with bounded parallelism, backoff with jitter. */
import type { Clock } from "./clock.ts";

/** A promise with its two ends. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Node 20 lacks `Promise.withResolvers`. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Maps with at most `limit` calls under way; results in the order of `items`; the first error rejects, and begins no more. */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        results[index] = await run(items[index] as T, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** Milliseconds to wait before try `attempt` (0 is the first retry): full jitter under a doubling ceiling. */
export function backoffMs(
  attempt: number,
  clock: Pick<Clock, "random">,
  limits = { baseMs: 250, maxMs: 15_000 },
): number {
  const ceiling = Math.min(limits.maxMs, limits.baseMs * 2 ** attempt);
  return ceiling / 2 + (clock.random() * ceiling) / 2;
}

/** Calls `make` once, when it is first asked, and gives everyone what it made. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Hands on together what comes in one moment: a message to a thread costs more than most of what is in it (measured). */
export function inBundles<T>(handOn: (all: readonly T[]) => void, later: (run: () => void) => void): (one: T) => void {
  let bundle: T[] = [];
  return (one) => {
    if (bundle.push(one) > 1) return;
    later(() => {
      const all = bundle;
      bundle = [];
      handOn(all);
    });
  };
}

/** A signal that can be let go of. */
export interface HeldSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * One signal that ends when either does, until it is disposed of. For what is done a thousand times: a signal that lets
 * go of its sources by itself costs ten times as much (measured).
 */
export function eitherSignal(one: AbortSignal, other: AbortSignal): HeldSignal {
  const either = new AbortController();
  const listeners = [one, other].map((signal) => {
    const end = (): void => either.abort(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
    return () => signal.removeEventListener("abort", end);
  });
  return {
    signal: either.signal,
    [Symbol.dispose]: () => {
      for (const forget of listeners) forget();
    },
  };
}

/** One signal that ends when any of `signals` does; undefined ones are left out. */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}
