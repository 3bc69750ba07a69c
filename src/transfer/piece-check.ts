/** Checks pieces by xxh64 as soon as they are whole, so that a lie costs 16 MiB and has a name. */
import { addRange, type ByteRange, hasRange, type RangeSet, removeRange } from "../base/range.ts";
import type { Digest } from "../digest/digest.ts";

/** The xxh64 of each piece of an artifact, in order. */
export interface Pieces {
  readonly pieceBytes: number;
  readonly xxh64: readonly string[];
}

export interface PieceCheck {
  /** Checks every piece that is whole in `done`, a few at a time. */
  readonly look: (done: RangeSet) => void;
  /** What the digest of the prefix may read: the pieces that passed. */
  readonly passed: () => RangeSet;
  /** Bytes of `range` will change: nothing that was found about its pieces counts. */
  readonly forget: (range: ByteRange) => void;
  /** Resolves when no check is under way or waiting. */
  readonly settled: () => Promise<void>;
  readonly stop: () => void;
}

/** A part of a piece, and who sent it. */
export interface Sent {
  readonly source: string;
  readonly range: ByteRange;
}

export interface PieceCheckOptions {
  readonly path: string;
  readonly size: number;
  /** Who sent which part of `range`. */
  readonly sentIn: (range: ByteRange) => readonly Sent[];
  /** Hears of a piece that failed, and who sent it; it is checked again when it was forgotten. */
  readonly onBad: (range: ByteRange, sources: readonly string[]) => void;
  /** A piece of several senders failed, then passed: this one's part of it had been wrong. */
  readonly onLiar: (source: string, range: ByteRange) => void;
  readonly onError: (error: unknown) => void;
}

/** Checks at a time: each holds a descriptor, and a resumed file has all its pieces at once. */
const MOST_UNDER_WAY = 4;

export function createPieceCheck(
  pieces: Pieces,
  digest: Pick<Digest, "xxh64Range">,
  { path, size, sentIn, onBad, onLiar, onError }: PieceCheckOptions,
): PieceCheck {
  const abort = new AbortController();
  /** Pieces that wait for their check, are in it, or have had it. */
  const known = new Map<number, { readonly range: ByteRange }>();
  const waiting: number[] = [];
  const underWay = new Set<Promise<void>>();
  /** What was in pieces that failed, by the digest of each sender's part. */
  const evidence = new Map<number, readonly (Sent & { readonly xxh64: string })[]>();
  let passed: RangeSet = [];

  const rangeOf = (index: number): ByteRange => ({
    start: index * pieces.pieceBytes,
    end: Math.min(size, (index + 1) * pieces.pieceBytes),
  });
  const xxh64Of = (range: ByteRange): Promise<string> => digest.xxh64Range(path, range, { signal: abort.signal });
  const check = async (index: number): Promise<void> => {
    const piece = known.get(index);
    if (piece === undefined) return;
    const { range } = piece;
    const isRight = (await xxh64Of(range)) === pieces.xxh64[index];
    const sent = isRight ? [] : sentIn(range);
    const sources = [...new Set(sent.map(({ source }) => source))];
    const seen = sources.length < 2 ? [] : await Promise.all(sent.map((part) => xxh64Of(part.range)));
    // Forgotten meanwhile: what was read may be of before and after.
    if (known.get(index) !== piece) return;
    if (!isRight) {
      const parts = sent.slice(0, seen.length).map((part, at) => ({ ...part, xxh64: seen[at] ?? "" }));
      evidence.set(index, [...(evidence.get(index) ?? []), ...parts]);
      return onBad(range, sources);
    }
    passed = addRange(passed, range);
    await accuse(index);
  };
  const accuse = async (index: number): Promise<void> => {
    const parts = evidence.get(index) ?? [];
    evidence.delete(index);
    for (const { source, range, xxh64 } of parts) if ((await xxh64Of(range)) !== xxh64) onLiar(source, range);
  };
  const begin = (): void => {
    while (underWay.size < MOST_UNDER_WAY && !abort.signal.aborted) {
      const index = waiting.shift();
      if (index === undefined) return;
      const work: Promise<void> = check(index)
        .catch((error: unknown) => {
          if (!abort.signal.aborted) onError(error);
        })
        .then(() => {
          underWay.delete(work);
          begin();
        });
      underWay.add(work);
    }
  };
  return {
    look: (done) => {
      for (let index = 0; index < pieces.xxh64.length; index += 1) {
        if (known.has(index)) continue;
        const range = rangeOf(index);
        if (!hasRange(done, range)) continue;
        known.set(index, { range });
        waiting.push(index);
      }
      begin();
    },
    passed: () => passed,
    forget: ({ start, end }) => {
      for (const [index, { range }] of [...known]) {
        if (range.end <= start || end <= range.start) continue;
        known.delete(index);
        passed = removeRange(passed, range);
      }
    },
    settled: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    stop: () => abort.abort(),
  };
}
