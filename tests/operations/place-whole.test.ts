/** Small files that came whole get their places, here and in a thread alike. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseTreePath } from "../../src/base/paths.ts";
import { openPlaceThread } from "../../src/operations/place-thread.ts";
import { createPlaceWhole, type PlaceWhole, type WholeFile } from "../../src/operations/place-whole.ts";
import { makeSafetensors } from "../origins/index.ts";
import { type Bench, createBench, sha256Of } from "../tree/support.ts";

const SIZE = 100_000;

async function wholeFile({ tree }: Bench, name = "a"): Promise<WholeFile> {
  const bytes = Buffer.from(await makeSafetensors({ size: SIZE, seed: name }).read(0, SIZE));
  const path = parseTreePath(`vae/${name}.safetensors`);
  const wanted = { name, path, aliases: [], size: SIZE, sha256: sha256Of(bytes) };
  return { bytes, partial: tree.partialOf(wanted).content, wanted, origin: { mirrors: ["far"], how: "fetched" } };
}

const ways: readonly (readonly [string, (bench: Bench) => { readonly placeWhole: PlaceWhole } & AsyncDisposable])[] = [
  ["here", ({ tree }) => ({ placeWhole: createPlaceWhole(tree), [Symbol.asyncDispose]: async () => undefined })],
  ["in a thread", ({ root }) => openPlaceThread(root)],
];

describe.each(ways)("PlaceWhole %s", (_, open) => {
  it("gives proven bytes their name and their receipt, many at once", async () => {
    const bench = await createBench();
    await (await bench.tree.lease("x", LEASE))[Symbol.asyncDispose]();
    await using way = open(bench);
    const files = await Promise.all(Array.from({ length: 20 }, (_one, index) => wholeFile(bench, `f${index}`)));
    const copies = files.map(({ bytes }) => Buffer.from(bytes));
    expect(await Promise.all(files.map(way.placeWhole))).toEqual(files.map(() => true));
    for (const [index, { wanted, partial }] of files.entries()) {
      expect(await readFile(join(bench.root, wanted.path))).toEqual(copies[index]);
      expect(await bench.tree.check(wanted)).toMatchObject({ status: "present" });
      expect(existsSync(partial)).toBe(false);
    }
  });

  it("places nothing of other bytes", async () => {
    const bench = await createBench();
    await using way = open(bench);
    const file = await wholeFile(bench);
    expect(await way.placeWhole({ ...file, bytes: Buffer.alloc(SIZE) })).toBe(false);
    expect(await bench.tree.check(file.wanted)).toMatchObject({ status: "missing" });
  });

  it("throws what the tree throws, and leaves nothing half done", async () => {
    const bench = await createBench();
    await using way = open(bench);
    const file = await wholeFile(bench);
    await mkdir(join(bench.root, file.wanted.path), { recursive: true });
    await expect(way.placeWhole(file)).rejects.toMatchObject({
      name: "ModelsError",
      code: "TREE_CONFLICT",
      fix: expect.stringContaining("move"),
    });
    expect(existsSync(file.partial)).toBe(false);
  });
});

const LEASE = { signal: new AbortController().signal, wait: false, onWait: () => undefined };

describe("openPlaceThread()", () => {
  it("fails what is under way when its thread is ended", async () => {
    const bench = await createBench();
    const thread = openPlaceThread(bench.root);
    const placing = thread.placeWhole(await wholeFile(bench)).catch((error: unknown) => error);
    await thread[Symbol.asyncDispose]();
    expect(await placing).toMatchObject({ code: "DISK_FAILED" });
  });
});
