/** Small files that came whole: what proves them, and how they are written. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { isProven, writeWhole } from "../../src/transfer/whole.ts";
import { makeSafetensors, sha256Of } from "../origins/index.ts";

const SIZE = 100_000;
const weights = async (): Promise<Buffer> => Buffer.from(await makeSafetensors({ size: SIZE }).read(0, SIZE));

describe("isProven()", () => {
  const path = "vae/x.safetensors";

  it("takes the bytes that are wanted, and no others", async () => {
    const bytes = await weights();
    const wanted = { path, size: SIZE, sha256: parseSha256(await sha256Of(bytes)) };
    expect(isProven(bytes, wanted)).toBe(true);
    expect(isProven(bytes.subarray(1), wanted)).toBe(false);
    expect(isProven(Buffer.alloc(SIZE), wanted)).toBe(false);
    expect(isProven(bytes, { ...wanted, sha256: parseSha256("ab".repeat(32)) })).toBe(false);
  });

  it("takes no right bytes that begin as no weights with this ending do", async () => {
    const bytes = Buffer.from("not weights at all, whatever its manifest says".repeat(100));
    const wanted = { path, size: bytes.length, sha256: parseSha256(await sha256Of(bytes)) };
    expect(isProven(bytes, wanted)).toBe(false);
    expect(isProven(bytes, { ...wanted, path: "vae/x.txt" })).toBe(true);
  });
});

describe("writeWhole()", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelferry-whole-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("makes the folder, and replaces what an earlier run left", async () => {
    const bytes = await weights();
    const path = join(folder, "partial", "x.part");
    await writeWhole(path, Buffer.alloc(SIZE + 10));
    await writeWhole(path, bytes);
    expect(await readFile(path)).toEqual(bytes);
  });

  it("throws DISK_FAILED with the path", async () => {
    await writeFile(join(folder, "partial"), "a file in the way");
    const path = join(folder, "partial", "x.part");
    const error = { code: "DISK_FAILED", message: expect.stringContaining(path) };
    await expect(writeWhole(path, await weights())).rejects.toMatchObject(error);
  });
});
