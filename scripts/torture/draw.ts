/** Dice that fall the same way for the same seed: whatever is random in a world is drawn here. */
import { createHash } from "node:crypto";

export interface Draw {
  /** Uniform in [0, 1). */
  readonly real: () => number;
  /** A whole number from `least` to `most`, both included. */
  readonly whole: (least: number, most: number) => number;
  /** @throws RangeError for an empty list */
  readonly pick: <T>(list: readonly T[]) => T;
  /** True this often, from 0 to 1. */
  readonly chance: (share: number) => boolean;
}

/** Dice for `seed`; other dice for any other text. */
export function createDraw(seed: string): Draw {
  let state = createHash("sha256").update(seed).digest().readUInt32LE();
  // mulberry32: small, and good enough to choose by.
  const real = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (least: number, most: number): number => least + Math.floor(real() * (most - least + 1));
  return {
    real,
    whole,
    pick: (list) => {
      const found = list[whole(0, list.length - 1)];
      if (found === undefined) throw new RangeError("there is nothing to pick from");
      return found;
    },
    chance: (share) => real() < share,
  };
}
