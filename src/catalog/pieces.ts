/** How a piece table is spelled: JSON, since only machines write it, with one piece a line. */
import { z } from "zod";
import type { Sha256 } from "../base/artifact.ts";
import { checkDocument, checkedText, wholeNumber } from "./check.ts";
import type { Checked } from "./checked.ts";
import type { Document } from "./document.ts";
import { sha256Field, sizeField, versionField } from "./fields.ts";
import { problemsError } from "./problems.ts";
import { readJsonDocument } from "./read.ts";

/** What each piece of an artifact must hash to, so that a wrong one is known before the whole is there. */
export interface PieceTable {
  /** Bytes of the whole artifact. */
  readonly size: number;
  readonly sha256: Sha256;
  /** Bytes of every piece but the last, which is shorter. */
  readonly pieceBytes: number;
  /** 16 lower-case hex digits each, in order. */
  readonly xxh64: readonly string[];
}

const pieceField = checkedText({
  problem: (text) => (/^[0-9a-f]{16}$/.test(text) ? null : "is not 16 lower-case hex digits"),
  fix: "publish the piece table again",
});

const tableSchema: z.ZodType<Omit<PieceTable, "sha256"> & { readonly version: 1; readonly sha256: string }> =
  z.strictObject({
    version: versionField,
    size: sizeField,
    sha256: sha256Field,
    pieceBytes: wholeNumber(1, Number.MAX_SAFE_INTEGER, "write the bytes of a piece"),
    xxh64: z.array(pieceField),
  });

/**
 * Reads a piece table.
 * @param file how the place of a problem names it
 * @throws ModelsError `MANIFEST_INVALID` with every problem
 */
export function parsePieceTable(text: string, file = "piece table"): PieceTable {
  const read = readJsonDocument(file, text);
  const checked = read.kind === "ok" ? checkTable(read.document) : read;
  if (checked.kind === "ok") return checked.value;
  throw problemsError("MANIFEST_INVALID", file === "piece table" ? "the piece table" : `"${file}"`, checked.problems);
}

/** The one spelling of a piece table. */
export function formatPieceTable({ size, sha256, pieceBytes, xxh64 }: PieceTable): string {
  return `${JSON.stringify({ version: 1, size, sha256, pieceBytes, xxh64 }, null, 1)}\n`;
}

function checkTable(document: Document): Checked<PieceTable> {
  const checked = checkDocument(tableSchema, document);
  if (checked.kind === "bad") return checked;
  const { size, sha256, pieceBytes, xxh64 } = checked.value;
  const expected = Math.ceil(size / pieceBytes);
  if (xxh64.length === expected) return { kind: "ok", value: { size, sha256: sha256 as Sha256, pieceBytes, xxh64 } };
  const message = `xxh64 has ${xxh64.length} pieces, expected ${expected} for ${size} bytes`;
  return {
    kind: "bad",
    problems: [{ at: document.placeOf(["xxh64"]), message, fix: "publish the piece table again" }],
  };
}
