/** How a liar is found when the whole file has the wrong digest and no pieces are known: ask one mirror alone. Pure. */
import { type ByteRange, type RangeSet, rangeBytes } from "../base/range.ts";

export interface Crosscheck {
  /** The one mirror that the suspect bytes are fetched from again. */
  readonly keep: string;
  /** Bytes that others sent, with who sent them. */
  readonly suspects: readonly { readonly source: string; readonly range: ByteRange }[];
}

export interface CrosscheckFacts {
  readonly served: ReadonlyMap<string, RangeSet>;
  /** Sources that can still be asked. */
  readonly usable: readonly string[];
  /** Sources that were kept in an earlier round, in vain. */
  readonly tried: ReadonlySet<string>;
  /** False when the last round ended before every byte had come. */
  readonly isWhole: boolean;
}

/**
 * The next round: the untried mirror with the most bytes in the file is kept, everything of the others is fetched
 * again from it. After one round per mirror at the latest the file is all of one honest mirror.
 * @returns null when no mirror is left that could make a difference
 */
export function planCrosscheck(facts: CrosscheckFacts): Crosscheck | null {
  const bytesOf = (source: string): number => rangeBytes(facts.served.get(source) ?? []);
  const candidates = facts.usable
    .filter((source) => !facts.tried.has(source))
    .sort((one, other) => bytesOf(other) - bytesOf(one));
  for (const keep of candidates) {
    const suspects = [...facts.served]
      .filter(([source]) => source !== keep)
      .flatMap(([source, ranges]) => ranges.map((range) => ({ source, range })));
    // A mirror that sent everything already has just been proven wrong.
    if (suspects.length > 0 || !facts.isWhole) return { keep, suspects };
  }
  return null;
}
