/** How an artifact is cut into the parts of a multipart upload. Pure. */
import { PIECE_BYTES } from "../base/artifact.ts";

const MIB = 1024 * 1024;
/** S3 and R2 take at most this many parts (https://developers.cloudflare.com/r2/platform/limits/). */
const MOST_PARTS = 10_000;

/** One part: bytes `start` (included) to `end` (excluded). */
export interface Part {
  /** From 1. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** Bytes of every part but the last, for a file of `size`: a piece, or as many whole MiB as keep within 10,000 parts. */
export function partBytesFor(size: number): number {
  return Math.max(PIECE_BYTES, Math.ceil(size / MOST_PARTS / MIB) * MIB);
}

/** The parts in order, equal but for the last, as R2 demands. An empty file has none. */
export function partsOf(size: number, partBytes: number = partBytesFor(size)): readonly Part[] {
  return Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => ({
    number: index + 1,
    start: index * partBytes,
    end: Math.min(size, (index + 1) * partBytes),
  }));
}
