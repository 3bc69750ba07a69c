/** Checks pieces by xxh64 as soon as they are whole, so that a lie costs 16 MiB and has a name. */
import { isModelsError } from "../base/errors.ts";
import { addRange, type ByteRange, hasRange, type RangeSet } from "../base/range.ts";
import type { Digest } from "../digest/digest.ts";

/** The xxh64 of each piece of an artifact, in order. */
export interface Pieces {
  readonly pieceBytes: number;
  readonly xxh64: readonly string[];
}

export interface PieceCheck {
  /** Starts the check of every piece that is whole in `done`. */
  readonly look: (done: RangeSet) => void;
  /** What the digest of the prefix may read: the pieces that passed. */
  readonly passed: () => RangeSet;
  /** Resolves when no check is under way. */
  readonly settled: () => Promise<void>;
}

export interface PieceCheckOptions {
  readonly path: string;
  readonly size: number;
  readonly onBad: (range: ByteRange) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export function createPieceCheck(
  pieces: Pieces,
  digest: Pick<Digest, "xxh64Range">,
  options: PieceCheckOptions,
): PieceCheck {
  const abort = new AbortController();
  const underWay = new Map<number, Promise<void>>();
  let passed: RangeSet = [];

  const rangeOf = (index: number): ByteRange => ({
    start: index * pieces.pieceBytes,
    end: Math.min(options.size, (index + 1) * pieces.pieceBytes),
  });
  const check = async (index: number, range: ByteRange): Promise<void> => {
    try {
      const seen = await digest.xxh64Range(options.path, range, { signal: abort.signal });
      if (seen === pieces.xxh64[index]) passed = addRange(passed, range);
      else await options.onBad(range);
    } catch (error) {
      if (!isModelsError(error, "INTERRUPTED")) options.onError(error);
    } finally {
      underWay.delete(index);
    }
  };
  return {
    look: (done) => {
      for (let index = 0; index < pieces.xxh64.length; index += 1) {
        const range = rangeOf(index);
        if (underWay.has(index) || hasRange(passed, range) || !hasRange(done, range)) continue;
        underWay.set(index, check(index, range));
      }
    },
    passed: () => passed,
    settled: async () => {
      await Promise.all(underWay.values());
    },
  };
}
