/** The GGUF header: every count and length is held against the file's size. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGgufHeader } from "../../../src/base/formats/gguf.ts";
import { makeGguf } from "../../origins/weights.ts";

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: bigint | number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const begin = (tensors: bigint | number, pairs: bigint | number, version = 3): Buffer =>
  Buffer.concat([Buffer.from("GGUF"), u32(version), u64(tensors), u64(pairs)]);
const read = (...parts: readonly Buffer[]): ReturnType<typeof readGgufHeader> => {
  const bytes = Buffer.concat([...parts, Buffer.alloc(64)]);
  return readGgufHeader(bytes, bytes.length);
};

describe("readGgufHeader()", () => {
  it("accepts a file as others write it", () => {
    const weights = makeGguf({ size: 200_001 });
    const verdict = readGgufHeader(weights.read(0, 50_000), weights.size);
    expect(verdict.kind).toBe("ok");
    expect(verdict.kind === "ok" && Math.ceil(verdict.headerBytes / 32) * 32).toBe(weights.headerBytes);
  });

  it("reads values of every type, and lists of them", () => {
    const scalars = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12].map((type) => {
      const bytes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][type] ?? 0;
      return Buffer.concat([text(`k${type}`), u32(type), Buffer.alloc(bytes)]);
    });
    const texts = Buffer.concat([text("tokens"), u32(9), u32(8), u64(2), text("a"), text("bc")]);
    const lists = Buffer.concat([text("lists"), u32(9), u32(9), u64(1), u32(5), u64(3), Buffer.alloc(12)]);
    expect(read(begin(0, scalars.length + 2), ...scalars, texts, lists).kind).toBe("ok");
  });

  it.each([
    ["another magic", [Buffer.from("GGML"), Buffer.alloc(20)], /does not begin with "GGUF"/],
    ["version 1", [begin(0, 0, 1)], /version 1/],
    ["big-endian", [begin(0, 0, 0x03000000)], /version 50331648/],
    ["2^60 tensors", [begin(2n ** 60n, 0)], /1152921504606846976 tensors/],
    ["2^60 metadata values", [begin(0, 2n ** 60n)], /metadata values/],
    ["a text longer than the file", [begin(0, 1), u64(2n ** 40n)], /bytes of a metadata key/],
    ["a list longer than the file", [begin(0, 1), text("k"), u32(9), u32(12), u64(2n ** 61n)], /list items/],
    ["an unknown type", [begin(0, 1), text("k"), u32(77), Buffer.alloc(8)], /unknown type 77/],
    [
      "lists without an end",
      [begin(0, 1), text("k"), u32(9), ...Array.from({ length: 20 }, () => Buffer.concat([u32(9), u64(1)]))],
      /nested/,
    ],
    ["a tensor of a thousand dimensions", [begin(1, 0), text("t"), u32(1000), Buffer.alloc(8100)], /1000 dimensions/],
    ["a tensor beyond the file", [begin(1, 0), text("t"), u32(1), u64(8), u32(0), u64(2n ** 40n)], /tensor at/],
    ["a tensor that is not aligned", [begin(1, 0), text("t"), u32(1), u64(8), u32(0), u64(33)], /alignment/],
    ["an alignment of nothing", [begin(0, 1), text("general.alignment"), u32(4), u32(0)], /alignment 0/],
  ])("refuses %s", (_title, parts, problem) => {
    expect(read(...parts)).toEqual({ kind: "bad", problem: expect.stringMatching(problem) });
  });

  it("asks for more until it has the header, and then for no more", () => {
    const weights = makeGguf({ size: 60_000 });
    let have = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const verdict = readGgufHeader(weights.read(0, have), weights.size);
      if (verdict.kind === "ok") return;
      if (verdict.kind !== "more") throw new Error(verdict.problem);
      expect(verdict.needBytes).toBeGreaterThan(have);
      have = verdict.needBytes;
    }
    throw new Error("it never had enough");
  });

  it("never throws on garbage", () => {
    const head = fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(2, 3));
    fc.assert(
      fc.property(fc.option(head), fc.uint8Array({ maxLength: 300 }), fc.nat(), (counts, rest, size) => {
        const bytes = Buffer.concat([counts === null ? Buffer.alloc(0) : begin(...counts), rest]);
        expect(["ok", "more", "bad"]).toContain(readGgufHeader(bytes, size).kind);
      }),
      { numRuns: 1000 },
    );
  });
});
