import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHeaderCheck, type HeaderProblem } from "../../src/transfer/header-check.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-header-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A safetensors file with one tensor, whose header is filled up to `headerBytes`. */
function weights(headerBytes: number): Buffer {
  const header = JSON.stringify({ w: { dtype: "U8", shape: [100], data_offsets: [0, 100] } }).padEnd(headerBytes);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(100)]);
}

async function rig(content: Buffer, path = "vae/x.safetensors") {
  const partial = join(folder, "x.part");
  await writeFile(partial, content);
  const bad: HeaderProblem[] = [];
  const errors: unknown[] = [];
  const size = content.length;
  const check = createHeaderCheck({
    path,
    size,
    partial,
    onBad: (one) => bad.push(one),
    onError: (one) => errors.push(one),
  });
  const look = async (bytes: number): Promise<void> => {
    check.look(bytes);
    await check.settled();
  };
  return { check, look, bad, errors, partial, size };
}

const good = weights(200);
const broken = Buffer.from(good);
broken.write("\0", 20);

describe("createHeaderCheck()", () => {
  it("is content with a right header", async () => {
    const { look, bad, size } = await rig(good);
    await look(size);
    expect(bad).toEqual([]);
  });

  it("tells of a wrong one once, as soon as its bytes are there", async () => {
    const { look, bad, size } = await rig(Buffer.concat([broken, Buffer.alloc(100_000)]));
    await look(65_535);
    expect(bad).toEqual([]);
    await look(65_536);
    await look(size);
    expect(bad).toEqual([{ problem: expect.any(String), bytes: 65_536 }]);
  });

  it("reads on when a header is longer than the first look", async () => {
    const long = weights(200_000);
    const { look, bad } = await rig(long);
    await look(65_536);
    await look(long.length);
    expect(bad).toEqual([]);
    const harmed = Buffer.from(long);
    harmed.write("\0", 150_000);
    const other = await rig(harmed);
    await other.look(harmed.length);
    expect(other.bad).toHaveLength(1);
  });

  it("looks again after a restart, only when the bytes are there again", async () => {
    const { check, look, bad, partial, size } = await rig(broken);
    await look(size);
    check.restart();
    await check.settled();
    expect(bad).toHaveLength(1);
    await writeFile(partial, good);
    await look(size);
    expect(bad).toHaveLength(1);
  });

  it("what was exchanged while it was read does not count", async () => {
    const { check, bad, size } = await rig(broken);
    check.look(size);
    check.restart();
    await check.settled();
    expect(bad).toEqual([]);
  });

  it.each(["x.bin", "x.pt", "x.safetensors.index.json", "x"])("lets %s pass", async (path) => {
    const { look, bad, size } = await rig(broken, path);
    await look(size);
    expect(bad).toEqual([]);
  });

  it.each(["X.SafeTensors", "x.sft", "x.gguf"])("looks at %s", async (path) => {
    const { look, bad, size } = await rig(broken, path);
    await look(size);
    expect(bad).toHaveLength(1);
  });

  it("tells of a file that cannot be read", async () => {
    const { look, errors, partial, size } = await rig(good);
    await rm(partial);
    await look(size);
    expect(errors).toHaveLength(1);
  });
});
