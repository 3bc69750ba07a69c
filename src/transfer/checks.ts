/** What is proven of a file while it still grows: its header, its pieces, and the sha256 of its front. */
import type { Sha256 } from "../base/artifact.ts";
import { type ByteRange, prefixLength, type RangeSet } from "../base/range.ts";
import type { Digest } from "../digest/digest.ts";
import { createHeaderCheck, type HeaderProblem } from "./header-check.ts";
import { createPieceCheck, type PieceCheckOptions, type Pieces } from "./piece-check.ts";

export interface Checks {
  /** True when every piece is checked by itself. */
  readonly hasPieces: boolean;
  /** Looks at what is there now; never waits. */
  readonly look: (done: RangeSet) => void;
  /** Bytes of `range` will change: whatever was found about them does not count. */
  readonly forget: (range: ByteRange) => void;
  /** Resolves when nothing is being looked at; a problem was told before. */
  readonly settled: () => Promise<void>;
  /** The sha256 of the whole file, once all of it was looked at. @throws ModelsError `DISK_FAILED` */
  readonly sha256: () => Promise<Sha256>;
  /** Bytes that are in the sha256 so far. */
  readonly digestedBytes: () => number;
  readonly stop: () => void;
}

export interface ChecksOptions {
  /** Path in the tree. */
  readonly path: string;
  readonly size: number;
  readonly pieces: Pieces | null;
  /** Where the bytes are. */
  readonly partial: string;
  readonly onBadHeader: (problem: HeaderProblem) => void;
  readonly onPiece: Pick<PieceCheckOptions, "sentIn" | "onBad" | "onLiar">;
  readonly onError: (error: unknown) => void;
}

export function createChecks(digest: Digest, options: ChecksOptions): Checks {
  const { path, size, partial, onBadHeader, onPiece, onError } = options;
  const header = createHeaderCheck({ path, size, partial, onBad: onBadHeader, onError });
  const table = fitting(options.pieces, size);
  const pieces = table === null ? null : createPieceCheck(table, digest, { ...onPiece, path: partial, size, onError });
  let prefix = digest.sha256Prefix(partial);
  let announced = 0;
  return {
    hasPieces: pieces !== null,
    look: (done) => {
      pieces?.look(done);
      header.look(prefixLength(done));
      announced = Math.max(announced, prefixLength(pieces === null ? done : pieces.passed()));
      prefix.advance(announced);
    },
    forget: (range) => {
      header.restart();
      pieces?.forget(range);
      if (range.start >= announced) return;
      prefix.cancel();
      prefix = digest.sha256Prefix(partial);
      announced = 0;
    },
    settled: async () => {
      await header.settled();
      await pieces?.settled();
    },
    sha256: () => prefix.finish(size),
    digestedBytes: () => prefix.position(),
    stop: () => {
      prefix.cancel();
      pieces?.stop();
    },
  };
}

/** A table with too few or too many pieces would hold up the digest for ever. */
function fitting(pieces: Pieces | null, size: number): Pieces | null {
  const isFitting =
    pieces !== null && pieces.pieceBytes > 0 && Math.ceil(size / pieces.pieceBytes) === pieces.xxh64.length;
  return isFitting ? pieces : null;
}
