/** Chance that can be repeated: the same seed gives the same choices. */

export interface Chance {
  /** From 0 (included) to 1 (excluded). */
  readonly share: () => number;
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number;
  /** True in `share` of all cases. */
  readonly isLucky: (share: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
}

/** A generator of 32-bit state (mulberry32), fed with `seed` and `stream`: worlds do not depend on their order. */
export function createChance(seed: number, stream: number): Chance {
  let state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  const share = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(share() * (most - least + 1));
  return {
    share,
    between,
    isLucky: (part) => share() < part,
    pick: (from) => from[between(0, from.length - 1)] as never,
  };
}
