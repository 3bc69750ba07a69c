/** One piece of work for everyone who waits for it: it goes on while somebody waits, and ends when nobody does. */
import { anySignal, deferred } from "../base/flow.ts";

export interface SharedTask<T> {
  /** Joins the work under way, or begins it. Rejects with the signal's reason when this caller gives up. */
  readonly join: (signal: AbortSignal) => Promise<T>;
}

export function createSharedTask<T>(run: (signal: AbortSignal) => Promise<T>): SharedTask<T> {
  let current: { readonly result: Promise<T>; readonly abort: AbortController; waiting: number } | null = null;
  const begin = (): NonNullable<typeof current> => {
    const abort = new AbortController();
    const task = { result: run(anySignal(abort.signal)), abort, waiting: 0 };
    const forget = (): void => {
      if (current === task) current = null;
    };
    task.result.then(forget, forget);
    current = task;
    return task;
  };
  return {
    join: async (signal) => {
      signal.throwIfAborted();
      const task = current ?? begin();
      task.waiting += 1;
      const given = deferred<never>();
      const giveUp = (): void => given.reject(signal.reason);
      signal.addEventListener("abort", giveUp, { once: true });
      try {
        return await Promise.race([task.result, given.promise]);
      } finally {
        signal.removeEventListener("abort", giveUp);
        task.waiting -= 1;
        if (task.waiting === 0) {
          if (current === task) current = null;
          task.abort.abort(signal.reason);
        }
      }
    },
  };
}
