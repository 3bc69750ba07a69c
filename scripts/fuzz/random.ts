/** Numbers that look random and are the same for the same seed. */

export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  readonly next: () => number;
  /** A whole number from 0 to `count - 1`; 0 when there is none. */
  readonly below: (count: number) => number;
  /** True once in `count`. */
  readonly once: (count: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
}

/** The generator "mulberry32". */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (count: number): number => (count <= 1 ? 0 : next() % count);
  return { next, below, once: (count) => below(count) === 0, pick: (list) => list[below(list.length)] as never };
}
