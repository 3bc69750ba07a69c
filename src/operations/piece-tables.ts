/** Piece tables in a bucket: written beside their objects, and made from what an upload or a reading found. */
import { hash } from "node:crypto";
import { formatPieceTable, type PieceTable, parsePieceTable } from "../catalog/pieces.ts";
import { partsOf } from "../transfer/part-plan.ts";
import { PIECES_SUFFIX } from "./destination.ts";
import type { OpenBucket } from "./open-bucket.ts";

/** Longer than any table of ours: one of a terabyte has 3 MB. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024;

/** Writes the table of the object `etag` under `key`. The ETag goes along: it proves later that the object is still this one. */
export async function putPieceTable(
  { store }: OpenBucket,
  { key, etag }: { readonly key: string; readonly etag: string },
  table: PieceTable,
  signal: AbortSignal,
): Promise<void> {
  const bytes = Buffer.from(formatPieceTable(table));
  const md5 = hash("md5", bytes);
  const metadata = { sha256: hash("sha256", bytes), "object-etag": etag };
  const facts = { metadata, contentType: "application/json", cacheControl: "public, max-age=3600" };
  await store.put({ key: key + PIECES_SUFFIX, bytes, md5, ...facts }, { kind: "any" }, { signal });
}

/** The table that lies beside `key`, and the ETag that its object had; null where there is none. */
export async function readPieceTable(
  { store, name }: OpenBucket,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly table: PieceTable; readonly objectEtag: string | null } | null> {
  const place = key + PIECES_SUFFIX;
  const head = await store.head(place, signal);
  if (head === null || head.size === 0 || head.size > MAX_TABLE_BYTES) return null;
  const bytes = await store.read(head, { start: 0, end: head.size }, signal);
  const table = parsePieceTable(Buffer.from(bytes).toString("utf8"), `${name}/${place}`);
  return { table, objectEtag: head.metadata["object-etag"] ?? null };
}

/** Pieces to read back: all, or the first, the last and a few between, which `random` picks. */
export function sampledPieces(count: number, how: "sample" | "all", random: () => number): readonly number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  if (how === "all" || count <= SAMPLES) return all;
  const between = all.slice(1, -1).sort(() => random() - 0.5);
  return [0, ...between.slice(0, SAMPLES - 2), count - 1].sort((one, other) => one - other);
}

const SAMPLES = 5;

/** Where piece `index` of a table lies. */
export function pieceRange(
  { size, pieceBytes }: PieceTable,
  index: number,
): { readonly start: number; readonly end: number } {
  const { start = 0, end = 0 } = partsOf(size, pieceBytes)[index] ?? {};
  return { start, end };
}
