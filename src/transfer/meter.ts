/** How fast something moves now: a rate that forgets. Pure. */

export interface Meter {
  /** Adds `bytes` that moved in the `ms` up to now. */
  readonly add: (bytes: number, ms: number) => void;
  /** Bytes per second; 0 before anything was added. */
  readonly rate: () => number;
}

/** A meter that weighs the last `memoryMs` most; young meters give the plain mean. */
export function createMeter(memoryMs = 2_000): Meter {
  let rate = 0;
  let age = 0;
  return {
    add: (bytes, ms) => {
      if (ms <= 0) return;
      age += ms;
      const weight = 1 - Math.exp(-ms / Math.min(memoryMs, Math.max(age, ms)));
      const now = (bytes / ms) * 1000;
      rate = age === ms ? now : rate + (now - rate) * weight;
    },
    rate: () => rate,
  };
}
