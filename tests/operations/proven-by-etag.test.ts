/** The ways in which other tools cut uploads. */
import { describe, expect, it } from "vitest";
import { pieceRange, sampledPieces } from "../../src/operations/piece-tables.ts";
import { partSizesFor } from "../../src/operations/proven-by-etag.ts";
import { etagOf } from "../../src/operations/store-object.ts";

const MIB = 1024 * 1024;

describe("partSizesFor()", () => {
  it("gives every usual size of a part that makes so many parts, ours first", () => {
    expect(partSizesFor(100 * MIB, 7)[0]).toBe(16 * MIB);
    expect(partSizesFor(100 * MIB, 13)).toEqual([8 * MIB]);
    expect(partSizesFor(100 * MIB, 20)).toEqual([5 * MIB]);
  });

  it("gives none for a number of parts that fits no whole MiB", () => {
    expect(partSizesFor(10 * MIB, 999)).toEqual([]);
  });
});

describe("etagOf()", () => {
  it("is the md5 itself, or the md5 of all md5s with their number", () => {
    const md5 = "d41d8cd98f00b204e9800998ecf8427e";
    expect(etagOf([md5], false)).toBe(md5);
    expect(etagOf([md5, md5], true)).toMatch(/^[0-9a-f]{32}-2$/);
  });
});

describe("sampledPieces()", () => {
  it("takes the first, the last and some between, in order", () => {
    const pieces = sampledPieces(100, "sample", () => 0.3);
    expect(pieces).toHaveLength(5);
    expect([pieces[0], pieces.at(-1)]).toEqual([0, 99]);
    expect([...pieces]).toEqual([...pieces].sort((a, b) => a - b));
  });

  it("takes all where there are few, or all are asked for", () => {
    expect(sampledPieces(3, "sample", Math.random)).toEqual([0, 1, 2]);
    expect(sampledPieces(100, "all", Math.random)).toHaveLength(100);
  });
});

describe("pieceRange()", () => {
  it("ends the last piece where the file ends", () => {
    const table = { size: 40 * MIB, sha256: "" as never, pieceBytes: 16 * MIB, xxh64: ["", "", ""] };
    expect(pieceRange(table, 2)).toEqual({ start: 32 * MIB, end: 40 * MIB });
  });
});
