/** Reads an object back out of its bucket, piece by piece, and compares it with what was sent. */
import { ModelsError } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import type { PieceTable } from "../catalog/pieces.ts";
import type { OpenBucket } from "./open-bucket.ts";
import { pieceRange } from "./piece-tables.ts";

const AT_ONCE = 4;

export interface ReadBackOptions {
  /** Numbers of pieces, from 0. */
  readonly pieces: readonly number[];
  readonly signal: AbortSignal;
  /** Hears how many bytes were compared. */
  readonly onProgress: (doneBytes: number) => void;
}

/**
 * Compares pieces of an object with its table.
 * @throws ModelsError `DIGEST_MISMATCH` with the first piece that differs, `MIRROR_CHANGED`
 */
export async function readBack(
  { store, pool, digest, name }: OpenBucket,
  object: { readonly key: string; readonly etag: string; readonly table: PieceTable },
  { pieces, signal, onProgress }: ReadBackOptions,
): Promise<void> {
  const { key, etag, table } = object;
  let doneBytes = 0;
  await mapLimit(pieces, AT_ONCE, async (piece) => {
    const range = pieceRange(table, piece);
    const length = range.end - range.start;
    const memory = await pool.take(length, signal);
    try {
      memory.bytes.set(await store.read({ key, etag }, range, signal));
      const { xxh64 } = await digest.digest(memory, length, null);
      if (xxh64 !== table.xxh64[piece]) throw differs(`${name}/${key}`, range);
      doneBytes += length;
      onProgress(doneBytes);
    } finally {
      pool.give(memory);
    }
  });
}

function differs(object: string, { start, end }: { readonly start: number; readonly end: number }): ModelsError {
  const seen = `bytes ${start} to ${end - 1} are not what was published`;
  return new ModelsError("DIGEST_MISMATCH", `Cannot verify "${object}": ${seen}`, {
    fix: "publish it again with --force",
  });
}
