/** repair(): bit rot is mended with the fewest bytes, and nothing else that is on the box is touched. */
import { link, mkdir, open, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatPieceTable } from "../../src/catalog/pieces.ts";
import { bytesOf, type Content, type RangeServer, startRangeServer } from "../origins/index.ts";
import { type Box, makeBox, weights } from "./box.ts";
import { pieceTableOf } from "./piece-table.ts";

const MB = 1024 * 1024;
const PIECE = 16 * MB;
const SIZE = 5 * PIECE - 4 * MB;
const PATH = "loras/rotten.safetensors";

interface Scene extends AsyncDisposable {
  readonly box: Box;
  readonly server: RangeServer;
  readonly content: Content;
}

/** A box that has synced one file of five pieces. */
async function makeScene({ hasTable }: { readonly hasTable: boolean }): Promise<Scene> {
  const { content, figures } = await weights("rotten", SIZE);
  const table = Buffer.from(formatPieceTable(await pieceTableOf(content)));
  const server = await startRangeServer({ "/rotten.safetensors": content, "/rotten.pieces": table });
  const box = await makeBox();
  const pieces = hasTable ? { pieces: `${server.url}/rotten.pieces` } : {};
  const source = `${server.url}/rotten.safetensors`;
  await box.catalogue([{ name: "rotten", path: PATH, ...figures, sources: [source], ...pieces }]);
  expect((await box.sync()).error).toBeNull();
  return {
    box,
    server,
    content,
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Flips bits at `offsets`, and leaves size and time as they were: what only reading finds. */
async function rot({ box }: Scene, offsets: readonly number[]): Promise<void> {
  const path = join(box.root, PATH);
  const { atime, mtime } = await stat(path);
  await using file = await open(path, "r+");
  for (const offset of offsets) {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 4]), 0, 1, offset);
  }
  await utimes(path, atime, mtime);
}

async function isRight({ box, content }: Scene): Promise<boolean> {
  return (await box.read(PATH)).equals(await bytesOf(content));
}

const partials = ({ box }: Scene): Promise<readonly string[]> => readdir(join(box.root, ".modelferry", "partial"));

describe("repair()", () => {
  it("63: fetches only the pieces that rotted, where there is a piece table", async () => {
    await using scene = await makeScene({ hasTable: true });
    await rot(scene, [PIECE + 5, 3 * PIECE + 7, 3 * PIECE + 9]);
    const report = await scene.box.open().repair();
    expect(report).toMatchObject({ ok: true, repaired: ["rotten"], fetchedBytes: 2 * PIECE });
    expect(report.models).toMatchObject([{ path: PATH, status: "present" }]);
    expect(await isRight(scene)).toBe(true);
    expect(await partials(scene)).toEqual([]);
    expect(await scene.box.open().verify()).toMatchObject({ ok: true });
  });

  it("fetches the whole file where there is no table, from a file whose size and time are as they were", async () => {
    await using scene = await makeScene({ hasTable: false });
    await rot(scene, [PIECE + 9]);
    expect(await scene.box.open().repair()).toMatchObject({ ok: true, repaired: ["rotten"], fetchedBytes: SIZE });
    expect(await isRight(scene)).toBe(true);
    expect(await partials(scene)).toEqual([]);
  });

  it("65: leaves the other names of a hard-linked file as the application made them", async () => {
    await using scene = await makeScene({ hasTable: true });
    const other = join(scene.box.folder, "blobs", "cached");
    await mkdir(join(other, ".."));
    await link(join(scene.box.root, PATH), other);
    await rot(scene, [2 * PIECE]);
    const altered = await scene.box.read(PATH);
    expect(await scene.box.open().repair()).toMatchObject({ ok: true, fetchedBytes: PIECE });
    expect(await isRight(scene)).toBe(true);
    await using file = await open(other);
    expect((await file.readFile()).equals(altered)).toBe(true);
  });

  it("mends what a selection misses, and touches nothing that is right", async () => {
    await using scene = await makeScene({ hasTable: true });
    const before = await stat(join(scene.box.root, PATH));
    const untouched = await scene.box.open().repair({ kits: ["all"] });
    expect(untouched).toMatchObject({ ok: true, repaired: [], fetchedBytes: 0 });
    expect((await stat(join(scene.box.root, PATH))).ino).toBe(before.ino);
    await writeFile(join(scene.box.root, PATH), "cut short");
    expect(await scene.box.open().repair({ kits: ["all"] })).toMatchObject({ ok: true, repaired: ["rotten"] });
    expect(await isRight(scene)).toBe(true);
  });

  it("says of a file that no manifest knows any more that it is corrupt, and leaves it", async () => {
    await using scene = await makeScene({ hasTable: false });
    await rot(scene, [11]);
    await scene.box.catalogue([]);
    const report = await scene.box.open().repair();
    expect(report).toMatchObject({ ok: false, repaired: [], models: [{ path: PATH, status: "corrupt" }] });
    expect((await scene.box.read(PATH)).length).toBe(SIZE);
  });

  it("keeps what is right of the file when no mirror answers, and goes on with it later", async () => {
    await using scene = await makeScene({ hasTable: true });
    const { box, server } = scene;
    await rot(scene, [PIECE]);
    const { content, figures } = await weights("rotten", SIZE);
    const gone = { name: "rotten", path: PATH, ...figures, sources: ["http://127.0.0.1:9/rotten.safetensors"] };
    await box.catalogue([gone]);
    // It knows the other source, too.
    await rm(box.lockfile);
    await expect(box.open().repair()).rejects.toMatchObject({ code: expect.stringMatching(/MIRROR/) });
    await expect(stat(join(box.root, PATH))).rejects.toMatchObject({ code: "ENOENT" });
    const sources = [`${server.url}/rotten.safetensors`];
    await box.catalogue([{ ...gone, sources, pieces: `${server.url}/rotten.pieces` }]);
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary.fetchedBytes).toBe(PIECE);
    expect((await box.read(PATH)).equals(await bytesOf(content))).toBe(true);
  });
});
