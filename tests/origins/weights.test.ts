/** Made-up weights must be real files: valid for any reader, of the exact size, the same every time. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bytesOf, makeGguf, makeSafetensors, type Weights } from "./index.ts";

const sizes = [300, 301, 1000, 4097, 1_000_000, 16 * 1024 * 1024, 40_000_001];

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const BYTES_OF: Readonly<Record<string, number>> = { F16: 2, U8: 1 };

function tensorsIn(weights: Weights): readonly Entry[] {
  const length = Number(Buffer.from(weights.read(0, 8)).readBigUInt64LE());
  expect(length + 8).toBe(weights.headerBytes);
  const header: unknown = JSON.parse(Buffer.from(weights.read(8, 8 + length)).toString("utf8"));
  const { __metadata__, ...tensors } = header as Record<string, Entry>;
  expect(__metadata__).toMatchObject({ format: "pt" });
  return Object.values(tensors);
}

describe("makeSafetensors()", () => {
  it.each(sizes)("fills %i bytes with tensors that touch and end with the file", (size) => {
    const weights = makeSafetensors({ size });
    let at = 0;
    for (const { dtype, shape, data_offsets } of tensorsIn(weights)) {
      expect(data_offsets[0]).toBe(at);
      expect(data_offsets[1] - at).toBe(shape.reduce((product, side) => product * side, BYTES_OF[dtype] as number));
      at = data_offsets[1];
    }
    expect(weights.headerBytes + at).toBe(size);
    expect(weights.headerBytes % 8).toBe(0);
  });

  it("is the same for the same seed and another for another", async () => {
    const make = (seed: string): Promise<string> => makeSafetensors({ size: 5_000_000, seed }).sha256();
    expect(await make("a")).toBe(await make("a"));
    expect(await make("a")).not.toBe(await make("b"));
  });

  it("reads the same from anywhere", async () => {
    const weights = makeSafetensors({ size: 3_000_001 });
    const whole = await bytesOf(weights);
    for (const [start, end] of [
      [0, 1],
      [weights.headerBytes - 3, weights.headerBytes + 3],
      [1_234_567, 1_234_600],
      [3_000_000, 3_000_001],
    ] as const) {
      expect(Buffer.from(weights.read(start, end)).equals(whole.subarray(start, end))).toBe(true);
    }
    expect(await weights.sha256()).toBe(createHash("sha256").update(whole).digest("hex"));
  });

  it("writes a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weights-"));
    const weights = makeSafetensors({ size: 2_500_000, shape: "lora" });
    await weights.writeTo(join(folder, "loras", "a.safetensors"));
    const written = await readFile(join(folder, "loras", "a.safetensors"));
    expect(createHash("sha256").update(written).digest("hex")).toBe(await weights.sha256());
    await rm(folder, { recursive: true });
  });

  it("refuses a size that cannot hold a header", () => {
    expect(() => makeSafetensors({ size: 60 })).toThrow(RangeError);
  });
});

describe("makeGguf()", () => {
  it.each(sizes)("fills %i bytes, counts its tensors and aligns them", (size) => {
    const weights = makeGguf({ size });
    const head = Buffer.from(weights.read(0, weights.headerBytes));
    expect(head.toString("latin1", 0, 4)).toBe("GGUF");
    expect(head.readUInt32LE(4)).toBe(3);
    const [tensors, keys] = [Number(head.readBigUInt64LE(8)), Number(head.readBigUInt64LE(16))];
    let at = 24;
    const text = (): string => {
      const length = Number(head.readBigUInt64LE(at));
      at += 8 + length;
      return head.toString("utf8", at - length, at);
    };
    for (let key = 0; key < keys; key += 1) {
      text();
      at += 4;
      if (head.readUInt32LE(at - 4) === 8) text();
      else at += 4;
    }
    let data = 0;
    for (let tensor = 0; tensor < tensors; tensor += 1) {
      expect(text()).not.toBe("");
      const dims = head.readUInt32LE(at);
      at += 4;
      let elements = 1;
      for (let dim = 0; dim < dims; dim += 1, at += 8) elements *= Number(head.readBigUInt64LE(at));
      expect(Number(head.readBigUInt64LE(at + 4))).toBe(data);
      expect(data % 32).toBe(0);
      data += elements * (head.readUInt32LE(at) === 1 ? 2 : 1);
      at += 12;
    }
    expect(weights.headerBytes + data).toBe(size);
  });
});
