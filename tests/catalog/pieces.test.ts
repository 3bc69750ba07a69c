import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { isModelsError } from "../../src/base/errors.ts";
import { formatPieceTable, type PieceTable, parsePieceTable } from "../../src/catalog/pieces.ts";
import { digest, problemsOf } from "./texts.ts";

const table: PieceTable = {
  size: 40,
  sha256: digest(1) as Sha256,
  pieceBytes: 16,
  xxh64: ["0".repeat(16), "a".repeat(16), "f".repeat(16)],
};
const text = (more: object): string => JSON.stringify({ version: 1, ...table, ...more });
const problems = (content: string): Promise<readonly string[]> =>
  problemsOf(async () => parsePieceTable(content, "t.json"));

describe("parsePieceTable()", () => {
  it("gives back any table that was formatted", () => {
    const tables = fc.integer({ min: 1, max: 1000 }).chain((pieceBytes) =>
      fc.nat(5000).chain((size) => {
        const length = Math.ceil(size / pieceBytes);
        const pieces = { minLength: Math.min(length, 50), maxLength: Math.min(length, 50) };
        return fc.record({
          size: fc.constant(length > 50 ? 50 * pieceBytes : size),
          sha256: fc.stringMatching(/^[0-9a-f]{64}$/) as fc.Arbitrary<Sha256>,
          pieceBytes: fc.constant(pieceBytes),
          xxh64: fc.array(fc.stringMatching(/^[0-9a-f]{16}$/), pieces),
        });
      }),
    );
    fc.assert(
      fc.property(tables, (any) => {
        expect(parsePieceTable(formatPieceTable(any))).toEqual(any);
      }),
    );
  });

  it("writes one piece a line", () => {
    expect(formatPieceTable(table).split("\n")).toHaveLength(12);
  });

  it("refuses a count of pieces that does not fit the size", async () => {
    expect(await problems(text({ size: 49 }))).toEqual([
      "t.json:1:124 xxh64 has 3 pieces, expected 4 for 49 bytes | publish the piece table again",
    ]);
  });

  it("refuses wrong fields at their places", async () => {
    expect(
      await problems('{"version": 1,\n "size": -1,\n "sha256": "x",\n "pieceBytes": 0,\n "xxh64": ["A"], "more": 1}'),
    ).toEqual([
      "t.json:2:10 size is not a whole number from 0 to 9007199254740991 | write the size in bytes, or leave it out when nobody knows it",
      "t.json:3:12 sha256 has 1 characters, expected 64 hex digits | write the 64 lower-case hex digits that sha256sum prints",
      "t.json:4:16 pieceBytes is not a whole number from 1 to 9007199254740991 | write the bytes of a piece",
      "t.json:5:12 item 1 of xxh64 is not 16 lower-case hex digits | publish the piece table again",
      't.json:5:18 the file has the unknown key "more" | the keys here are version, size, sha256, pieceBytes, xxh64',
    ]);
    expect(await problems(text({ version: 2 }))).toEqual([
      "t.json:1:12 version is 2, this modelferry reads version 1 | update modelferry",
    ]);
  });

  it("throws only MANIFEST_INVALID for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (any) => {
        try {
          parsePieceTable(any);
        } catch (error) {
          expect(isModelsError(error, "MANIFEST_INVALID")).toBe(true);
        }
      }),
    );
  });
});
