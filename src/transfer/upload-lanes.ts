/** How many parts are sent at a time: as many as pay, fewer when the bucket says that it is too busy. */
import type { Clock } from "../base/clock.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import { createLaneBudget } from "./lane-budget.ts";

export interface UploadLanes {
  /** Runs `work` when its turn comes. */
  readonly run: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** Counts bytes that went out (negative: that were thrown away). */
  readonly sent: (bytes: number) => void;
  /** The bucket asked for less. */
  readonly stepBack: () => void;
  readonly close: () => void;
}

const FIRST_LANES = 4;
const TICK_MS = 100;

/** @param settings `fixed`: a number that a person asked for; null finds it. `most`: never more */
export function createUploadLanes(
  settings: { readonly fixed: number | null; readonly most: number },
  clock: Clock,
): UploadLanes {
  const budget = createLaneBudget({ first: FIRST_LANES, ...settings }, clock.monotonicMs());
  const waiting: Deferred<void>[] = [];
  let active = 0;
  let bytes = 0;
  const open = (): void => {
    while (waiting.length > 0 && active < Math.min(budget.limit(), settings.most)) {
      active += 1;
      waiting.shift()?.resolve();
    }
  };
  const stop = clock.every(TICK_MS, () => {
    budget.observe(Math.max(0, bytes), active, clock.monotonicMs());
    bytes = 0;
    open();
  });
  const turn = async (signal: AbortSignal): Promise<void> => {
    const mine = deferred<void>();
    const leave = (): void => {
      const place = waiting.indexOf(mine);
      if (place < 0) return;
      waiting.splice(place, 1);
      mine.reject(signal.reason);
    };
    signal.throwIfAborted();
    waiting.push(mine);
    signal.addEventListener("abort", leave, { once: true });
    open();
    await mine.promise.finally(() => signal.removeEventListener("abort", leave));
  };
  return {
    run: async (work, signal) => {
      await turn(signal);
      try {
        return await work();
      } finally {
        active -= 1;
        open();
      }
    },
    sent: (count) => {
      bytes += count;
    },
    stepBack: () => budget.stepBack(clock.monotonicMs(), 0),
    close: stop,
  };
}
