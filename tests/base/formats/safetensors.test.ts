/** The safetensors header: what the reference reader accepts, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_SAFETENSORS_HEADER, readSafetensorsHeader } from "../../../src/base/formats/safetensors.ts";
import { makeSafetensors } from "../../origins/weights.ts";

const lengthOf = (length: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(length);
  return bytes;
};
const fileOf = (header: unknown, dataBytes: number): { bytes: Buffer; size: number } => {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const bytes = Buffer.concat([lengthOf(BigInt(Buffer.byteLength(text))), Buffer.from(text)]);
  return { bytes, size: bytes.length + dataBytes };
};
const read = (header: unknown, dataBytes: number): ReturnType<typeof readSafetensorsHeader> => {
  const { bytes, size } = fileOf(header, dataBytes);
  return readSafetensorsHeader(bytes, size);
};
const tensor = (start: number, end: number, dtype = "U8", shape = [end - start]): object => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

describe("readSafetensorsHeader()", () => {
  it("accepts a file as others write it, and says where its data begins", () => {
    const weights = makeSafetensors({ size: 100_001 });
    expect(readSafetensorsHeader(weights.read(0, 20_000), weights.size)).toEqual({
      kind: "ok",
      headerBytes: weights.headerBytes,
    });
  });

  it.each([
    ["no tensors", {}, 0],
    ["metadata", { __metadata__: { format: "pt" }, a: tensor(0, 2) }, 2],
    ["tensors in any order", { b: tensor(2, 4), a: tensor(0, 2) }, 4],
    ["an empty tensor", { a: tensor(0, 0, "F32", [0, 7]), b: tensor(0, 3) }, 3],
    ["a scalar", { a: tensor(0, 4, "F32", []) }, 4],
    ["two four-bit values in a byte", { a: tensor(0, 1, "F4", [2]) }, 1],
    ["a dtype that was invented later", { a: tensor(0, 3, "F12_NEW", [2]) }, 3],
    ["padding", `${JSON.stringify({ a: tensor(0, 1) })}   `, 1],
    ["keys that look special", '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1],
    ["quotes and colons in names", { 'a":{': tensor(0, 1), "b\\": tensor(1, 2) }, 2],
  ])("accepts %s", (_title, header, data) => expect(read(header, data).kind).toBe("ok"));

  it.each([
    ["a hole", { a: tensor(0, 2), b: tensor(3, 4) }, 4, /at 3, expected it at 2/],
    ["an overlap", { a: tensor(0, 2), b: tensor(1, 4) }, 4, /at 1, expected it at 2/],
    ["bytes after the last tensor", { a: tensor(0, 2) }, 3, /tensors of 2 bytes after its header, the file has 3/],
    ["a file that is too short", { a: tensor(0, 4) }, 3, /tensors of 4 bytes/],
    ["a shape that does not fit", { a: tensor(0, 4, "F32", [2]) }, 4, /make 8/],
    ["a shape that overflows", { a: tensor(0, 4, "F32", [2 ** 40, 2 ** 40, 2 ** 40]) }, 4, /make \d{30,}/],
    ["half a byte", { a: tensor(0, 1, "F4", [1]) }, 1, /not whole/],
    ["a negative shape", { a: tensor(0, 1, "U8", [-1]) }, 1, /shape/],
    ["offsets backwards", { a: { dtype: "U8", shape: [0], data_offsets: [4, 0] } }, 4, /before it begins/],
    [
      "offsets beyond what a number holds",
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1e308]}}',
      1,
      /data_offsets/,
    ],
    ["three offsets", { a: { dtype: "U8", shape: [1], data_offsets: [0, 1, 1] } }, 1, /data_offsets/],
    ["no dtype", { a: { shape: [1], data_offsets: [0, 1] } }, 1, /dtype/],
    [
      "a tensor twice",
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
      /twice/,
    ],
    ["a field twice", '{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, /twice/],
    ["metadata that is not text", { __metadata__: { a: 1 } }, 0, /__metadata__/],
    ["an array", "[]", 0, /begin with/],
    ["what is no JSON", "{a}", 0, /not a JSON object/],
    ["padding with zeros", `${JSON.stringify({})}\0`, 0, /JSON/],
    ["padding with line breaks", `${JSON.stringify({})}\n`, 0, /padded/],
  ])("refuses %s", (_title, header, data, problem) => {
    expect(read(header, data)).toEqual({ kind: "bad", problem: expect.stringMatching(problem) });
  });

  it.each([
    ["2^63", 2n ** 63n, 1000],
    ["2^64-1", 2n ** 64n - 1n, 1000],
    ["more than the format allows", BigInt(MAX_SAFETENSORS_HEADER + 1), 2 ** 40],
    ["more than the file", 993n, 1000],
  ])("refuses a header length of %s", (_title, length, size) => {
    expect(readSafetensorsHeader(lengthOf(length), size)).toMatchObject({
      kind: "bad",
      problem: expect.stringContaining(String(length)),
    });
  });

  it("refuses invalid UTF-8, a byte order mark and a file of seven bytes", () => {
    expect(readSafetensorsHeader(Buffer.concat([lengthOf(3n), Buffer.from([0x7b, 0xff, 0x7d])]), 11).kind).toBe("bad");
    expect(readSafetensorsHeader(Buffer.concat([lengthOf(5n), Buffer.from("\ufeff{}")]), 13).kind).toBe("bad");
    expect(readSafetensorsHeader(Buffer.alloc(7), 7)).toMatchObject({
      kind: "bad",
      problem: expect.stringMatching(/only 7 bytes/),
    });
  });

  it("reads a header of ten thousand nested lists without falling over", () => {
    expect(read(`{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, 0).kind).toBe("bad");
    expect(
      read(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}}`, 0)
        .kind,
    ).toBe("ok");
  });

  it("asks for the bytes that it lacks, until it has them", () => {
    const { bytes, size } = fileOf({ a: tensor(0, 4) }, 4);
    for (let have = 0; have < bytes.length; have += 1) {
      const verdict = readSafetensorsHeader(bytes.subarray(0, have), size);
      expect(verdict).toEqual({ kind: "more", needBytes: have < 8 ? 8 : bytes.length });
    }
  });

  it("never throws on garbage", () => {
    const garbage = fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.nat()).map(([bytes, size]) => ({ bytes, size }));
    const almost = fc.tuple(fc.json(), fc.nat({ max: 50 })).map(([text, data]) => fileOf(text, data));
    const nearly = fc
      .tuple(
        fc.dictionary(
          fc.string(),
          fc.record({
            dtype: fc.constantFrom("U8", "F16"),
            shape: fc.array(fc.nat()),
            data_offsets: fc.array(fc.integer()),
          }),
        ),
        fc.nat({ max: 50 }),
      )
      .map(([header, data]) => fileOf(header, data));
    fc.assert(
      fc.property(fc.oneof(garbage, almost, nearly), ({ bytes, size }) => {
        expect(["ok", "more", "bad"]).toContain(readSafetensorsHeader(bytes, size).kind);
      }),
      { numRuns: 500 },
    );
  });

  it("accepts tensors exactly when they lie end to end over the whole file", () => {
    const ranges = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 4 })), { maxLength: 4 });
    const endToEnd = fc.array(fc.nat({ max: 9 }), { maxLength: 8 }).map((lengths) => {
      let at = 0;
      return lengths.map((length): [number, number] => {
        at += length;
        return [at - length, length];
      });
    });
    fc.assert(
      fc.property(fc.oneof(ranges, endToEnd), fc.nat({ max: 1 }), (tensors, extra) => {
        const header = Object.fromEntries(
          tensors.map(([start, length], index) => [`t${index}`, tensor(start, start + length)]),
        );
        const covered = Array.from(
          { length: 100 },
          (_, byte) => tensors.filter(([start, length]) => start <= byte && byte < start + length).length,
        );
        const end = covered.lastIndexOf(1) + 1;
        const isCovered = covered.slice(0, end).every((count) => count === 1) && !covered.some((count) => count > 1);
        // An empty tensor may stand at a seam only.
        const isSeamed = tensors.every(
          ([start, length]) =>
            length > 0 || start === end || tensors.some(([other, its]) => its > 0 && other === start),
        );
        expect(read(header, end + extra).kind === "ok").toBe(isCovered && isSeamed && extra === 0);
      }),
      { numRuns: 1000 },
    );
  });
});
