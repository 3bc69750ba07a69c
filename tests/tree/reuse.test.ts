/** Reuse: bytes on this box count only when they were read, and are shared rather than copied. */
import { access, mkdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readReceipt } from "../../src/tree/receipt.ts";
import { type Bench, createBench, makeHome, seededBytes, sha256Of, wantedOf } from "./support.ts";

const bytes = seededBytes(1, 9000);
const wanted = wantedOf("vae/ae.safetensors", bytes);
const nowhere = { adopt: [], hubCache: null };

async function hubWith(bench: Bench, content: Uint8Array, name: string = wanted.sha256): Promise<string> {
  const hubCache = join(bench.home, "hub");
  await bench.write(join(hubCache, "models--org--repo/blobs", name), content);
  return hubCache;
}

describe("findReusable()", () => {
  it("finds nothing in an empty tree and absent folders", async () => {
    const { tree, home } = await createBench();
    const found = await tree.findReusable([wanted], { adopt: [join(home, "none")], hubCache: join(home, "no-hub") });
    expect(found.size).toBe(0);
  });

  it("believes a receipt of another place in the tree", async () => {
    const { tree, fetch, digest, root } = await createBench();
    await fetch(wantedOf("checkpoints/other.safetensors", bytes), bytes);
    const found = await tree.findReusable([wanted], nowhere);
    expect(found.get(wanted.sha256)).toMatchObject({ from: "tree", path: join(root, "checkpoints/other.safetensors") });
    expect(digest.paths).toEqual([]);
  });

  it("does not offer a file to its own place, nor one that changed", async () => {
    const { tree, fetch, root } = await createBench();
    await fetch(wanted, bytes);
    expect((await tree.findReusable([wanted], nowhere)).size).toBe(0);
    const other = wantedOf("checkpoints/other.safetensors", bytes);
    await fetch(other, bytes);
    expect((await tree.findReusable([wanted], nowhere)).size).toBe(1);
    await writeFile(join(root, other.path), seededBytes(2, bytes.length));
    expect((await tree.findReusable([wanted], nowhere)).size).toBe(0);
  });

  it("finds what a person put into the tree under another name, and reads no file whose digest is known", async () => {
    const { tree, fetch, digest, root, write } = await createBench();
    const twin = seededBytes(2, bytes.length);
    await fetch(wantedOf("diffusion_models/high_noise.safetensors", twin), twin);
    const path = await write(join(root, "checkpoints/mine.safetensors"), bytes);
    expect((await tree.findReusable([wanted], nowhere)).get(wanted.sha256)?.path).toBe(path);
    expect(digest.paths).toEqual([path]);
  });

  it("reads a blob of the Hub's cache before it counts, and only once", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, bytes);
    const found = await bench.tree.findReusable([wanted], { adopt: [], hubCache });
    expect(found.get(wanted.sha256)).toMatchObject({ from: "hub-cache" });
    await bench.tree.findReusable([wanted], { adopt: [], hubCache });
    expect(bench.digest.paths).toHaveLength(1);
    await utimes(join(hubCache, "models--org--repo/blobs", wanted.sha256), new Date(0), new Date(0));
    await bench.tree.findReusable([wanted], { adopt: [], hubCache });
    expect(bench.digest.paths).toHaveLength(2);
  });

  it("hostile 64: refuses a blob with the right name and wrong content", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, seededBytes(2, 9000));
    expect((await bench.tree.findReusable([wanted], { adopt: [], hubCache })).size).toBe(0);
    expect(bench.digest.paths).toHaveLength(1);
    await bench.write(join(hubCache, "models--org--second/blobs", wanted.sha256), bytes);
    const found = await bench.tree.findReusable([wanted], { adopt: [], hubCache });
    expect(found.get(wanted.sha256)?.path).toContain("models--org--second");
  });

  it("leaves a blob of another length unread", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, bytes.subarray(1));
    expect((await bench.tree.findReusable([wanted], { adopt: [], hubCache })).size).toBe(0);
    expect(bench.digest.paths).toEqual([]);
  });

  it("walks adopted folders by size and then by digest, through links and loops", async () => {
    const bench = await createBench();
    const folder = join(bench.home, "old");
    await bench.write(join(folder, "a/same-size.safetensors"), seededBytes(3, 9000));
    await bench.write(join(folder, "a/short.safetensors"), seededBytes(3, 10));
    const real = await bench.write(join(bench.home, "elsewhere/deep/right.bin"), bytes);
    await symlink(join(bench.home, "elsewhere"), join(folder, "linked"));
    await symlink("..", join(folder, "a/loop"));
    await symlink("nothing", join(folder, "dangling"));
    const found = await bench.tree.findReusable([wanted], { adopt: [folder], hubCache: null });
    expect(found.get(wanted.sha256)).toMatchObject({
      from: "adopted-folder",
      path: join(folder, "linked/deep/right.bin"),
    });
    expect(bench.digest.paths.map((path) => path.slice(folder.length))).toEqual([
      "/a/same-size.safetensors",
      "/linked/deep/right.bin",
    ]);
    expect(await readFile(real)).toEqual(bytes);
  });

  it("starts over with an unreadable memory", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, bytes);
    await bench.write(bench.parts.layout.knownDigests, '{"content":{"version":1,"files":[{}]},"seal":"0"}\n');
    expect((await bench.tree.findReusable([wanted], { adopt: [], hubCache })).size).toBe(1);
    expect(bench.digest.paths).toHaveLength(1);
  });

  it("stops when it is told to", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, bytes);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(bench.tree.findReusable([wanted], { adopt: [], hubCache, signal })).rejects.toThrow("enough");
  });
});

describe("reuse()", () => {
  it("links within the tree, so that one file has two names", async () => {
    const { tree, fetch, root, names } = await createBench();
    const other = wantedOf("checkpoints/other.safetensors", bytes);
    await fetch(other, bytes);
    const from = (await tree.findReusable([wanted], nowhere)).get(wanted.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    expect(await tree.reuse(from, wanted)).toEqual({ how: "hardlink", bytes: 9000 });
    expect((await stat(join(root, wanted.path))).ino).toBe((await stat(join(root, other.path))).ino);
    expect(await tree.check(wanted)).toMatchObject({ status: "present" });
    expect(await tree.check(other)).toMatchObject({ status: "present" });
    expect(await names()).toEqual([other.path, wanted.path]);
  });

  it("takes a blob over, with its origin in the receipt, and gives up a begun download", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, bytes);
    const partial = bench.tree.partialOf(wanted);
    await bench.write(partial.content, "begun");
    await bench.write(partial.journal, "begun");
    const from = (await bench.tree.findReusable([wanted], { adopt: [], hubCache })).get(wanted.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    const { how } = await bench.tree.reuse(from, wanted);
    expect(["reflink", "hardlink"]).toContain(how);
    expect(await readReceipt(bench.parts.layout, wanted.path)).toMatchObject({ how: "reused", mirrors: [from.path] });
    await expect(access(partial.content)).rejects.toThrow();
    await expect(access(partial.journal)).rejects.toThrow();
    expect(await readFile(from.path)).toEqual(bytes);
  });

  it("follows a link in an adopted folder to the file itself", async () => {
    const bench = await createBench();
    await bench.write(join(bench.home, "real.bin"), bytes);
    await mkdir(join(bench.home, "old"));
    await symlink("../real.bin", join(bench.home, "old/link.bin"));
    const found = await bench.tree.findReusable([wanted], { adopt: [join(bench.home, "old")], hubCache: null });
    const from = found.get(wanted.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    await bench.tree.reuse(from, wanted);
    expect(await readFile(join(bench.root, wanted.path))).toEqual(bytes);
    expect(await bench.tree.check(wanted)).toMatchObject({ status: "present" });
  });

  it("refuses a file that changed since it was found, and leaves no name", async () => {
    const bench = await createBench();
    const hubCache = await hubWith(bench, bytes);
    const from = (await bench.tree.findReusable([wanted], { adopt: [], hubCache })).get(wanted.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    await writeFile(from.path, seededBytes(4, 9000));
    await expect(bench.tree.reuse(from, wanted)).rejects.toMatchObject({ code: "MIRROR_CHANGED" });
    expect(await bench.names()).toEqual([]);
  });

  it("hostile 65: a linked file that the app writes into is not believed any more", async () => {
    const { tree, fetch, root } = await createBench();
    const other = wantedOf("checkpoints/other.safetensors", bytes);
    await fetch(other, bytes);
    const from = (await tree.findReusable([wanted], nowhere)).get(wanted.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    await tree.reuse(from, wanted);
    await writeFile(join(root, wanted.path), seededBytes(5, 9000));
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
    expect(await tree.check(other, { isDeep: true })).toMatchObject({ status: "corrupt" });
    await fetch(wanted, bytes, { replace: true });
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({ status: "present" });
    expect((await stat(join(root, other.path))).nlink).toBe(1);
  });
});

// A second file system is at hand on every Linux, without any right to mount.
const OTHER_DISK = "/dev/shm";
const hasOtherDisk = await stat(OTHER_DISK).then(
  async (disk) => disk.dev !== (await stat("/tmp")).dev,
  () => false,
);

describe.skipIf(!hasOtherDisk)("hostile 66: reuse() from a disk that shares nothing with the tree", () => {
  async function onOtherDisk(bench: Bench, content: Uint8Array): Promise<string> {
    const folder = await makeHome(OTHER_DISK);
    await bench.write(join(folder, "ae.bin"), content);
    return folder;
  }

  it("copies, reads the copy again and reports the progress", async () => {
    const bench = await createBench();
    const big = seededBytes(6, 5 * 1024 * 1024);
    const one = wantedOf("vae/big.safetensors", big);
    const folder = await onOtherDisk(bench, big);
    const from = (await bench.tree.findReusable([one], { adopt: [folder], hubCache: null })).get(one.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    const progress: number[] = [];
    expect(await bench.tree.reuse(from, one, { onProgress: ({ doneBytes }) => progress.push(doneBytes) })).toEqual({
      how: "copy",
      bytes: big.length,
    });
    expect(progress).toEqual([4 * 1024 * 1024, 5 * 1024 * 1024]);
    expect(bench.digest.paths.at(-1)).toBe(bench.tree.partialOf(one).content);
    expect(await bench.tree.check(one, { isDeep: true })).toMatchObject({ status: "present" });
    expect(await bench.names()).toEqual([one.path]);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const bench = await createBench();
    const folder = await onOtherDisk(bench, bytes);
    const from = (await bench.tree.findReusable([wanted], { adopt: [folder], hubCache: null })).get(wanted.sha256);
    if (from === undefined) throw new Error("expected a file to reuse");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(bench.tree.reuse(from, wanted, { signal })).rejects.toThrow("enough");
    await expect(access(bench.tree.partialOf(wanted).content)).rejects.toThrow();
  });

  it("catches a copy that does not hold its bytes", async () => {
    const bench = await createBench();
    const folder = await onOtherDisk(bench, bytes);
    const found = (await bench.tree.findReusable([wanted], { adopt: [folder], hubCache: null })).get(wanted.sha256);
    if (found === undefined) throw new Error("expected a file to reuse");
    const other = { ...wanted, sha256: sha256Of("something else") };
    const lying = { ...found, sha256: other.sha256 };
    await expect(bench.tree.reuse(lying, other)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(await bench.names()).toEqual([]);
  });
});

describe("adopt()", () => {
  it("gives receipts to files in their place, and leaves those with other bytes alone", async () => {
    const bench = await createBench();
    const right = wantedOf("loras/right.safetensors", "right");
    const wrong = wantedOf("loras/wrong.safetensors", "wrong");
    const short = wantedOf("loras/short.safetensors", "short");
    const absent = wantedOf("loras/absent.safetensors", "absent");
    await bench.write(join(bench.root, right.path), "right");
    await bench.write(join(bench.root, wrong.path), "gnorw");
    await bench.write(join(bench.root, short.path), "s");
    const vague = { ...absent, name: "vague", sha256: null };
    const results = await bench.tree.adopt([right, wrong, short, absent, vague]);
    expect(results.map(({ status }) => status)).toEqual([
      "adopted",
      "other-bytes",
      "other-bytes",
      "not-found",
      "unknown",
    ]);
    expect(await bench.tree.check(right)).toMatchObject({ status: "present" });
    expect(await readFile(join(bench.root, wrong.path), "utf8")).toBe("gnorw");
    expect((await bench.tree.adopt([right])).map(({ status }) => status)).toEqual(["present"]);
  });

  it("links in what lies under another name in the tree or in a folder", async () => {
    const bench = await createBench();
    const inTree = wantedOf("diffusion_models/a.safetensors", "aaaaaa", ["unet/a.safetensors"]);
    const inFolder = wantedOf("vae/b.safetensors", "bbbbbbb");
    await bench.write(join(bench.root, "unet/a.safetensors"), "aaaaaa");
    await bench.write(join(bench.home, "old/renamed.bin"), "bbbbbbb");
    const results = await bench.tree.adopt([inTree, inFolder], { folders: [join(bench.home, "old")] });
    expect(results).toMatchObject([
      { status: "linked", from: join(bench.root, "unet/a.safetensors"), how: expect.any(String) },
      { status: "linked", from: join(bench.home, "old/renamed.bin") },
    ]);
    expect(await bench.tree.check(inTree)).toMatchObject({ status: "present" });
    expect(await bench.tree.check(inFolder)).toMatchObject({ status: "present" });
    expect(await bench.tree.linkAliases(inTree)).toMatchObject([
      { status: expect.stringMatching(/present|in-the-way/) },
    ]);
  });
});
