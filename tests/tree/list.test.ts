/** Listing, verifying and measuring a tree. */
import { mkdir, open, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseTreePath } from "../../src/base/paths.ts";
import { createBench, seededBytes, wantedOf } from "./support.ts";

const bytes = seededBytes(1, 3000);
const wanted = wantedOf("vae/ae.safetensors", bytes, ["vae_approx/ae.safetensors"]);

describe("list()", () => {
  it("lists nothing where there is no tree", async () => {
    const { tree } = await createBench();
    expect(await tree.list()).toEqual([]);
  });

  it("tells ours from others', aliases from files, and weights from the rest", async () => {
    const { tree, root, home, write, fetch } = await createBench();
    await fetch(wanted, bytes);
    await tree.linkAliases(wanted);
    await fetch(wantedOf("configs/x.yaml", "x: 1"), Buffer.from("x: 1"));
    await write(join(root, "loras/theirs.safetensors"), "theirs");
    await write(join(root, "loras/readme.txt"), "not a weight");
    await write(join(root, ".modelferry/partial/x.safetensors"), "never listed");
    await write(join(home, "disk/deep/far.gguf"), "far");
    await symlink(join(home, "disk"), join(root, "linked"));
    await symlink(root, join(home, "disk/loop"));
    const entries = await tree.list();
    expect(entries.map(({ path, isOurs, aliasOf }) => [path, isOurs, aliasOf])).toEqual([
      ["configs/x.yaml", true, null],
      ["linked/deep/far.gguf", false, null],
      ["loras/theirs.safetensors", false, null],
      ["vae/ae.safetensors", true, null],
      ["vae_approx/ae.safetensors", false, "vae/ae.safetensors"],
    ]);
    expect(entries[3]).toMatchObject({
      size: 3000,
      sha256: wanted.sha256,
      mirrors: ["mirror.test"],
      verifiedAt: expect.any(Number),
    });
  });

  it("lists a file under its real name where a linked folder comes first", async () => {
    const { tree, root, fetch } = await createBench();
    await fetch(wanted, bytes);
    await symlink("vae", join(root, "a-link"));
    expect((await tree.list()).map(({ path }) => path)).toEqual(["vae/ae.safetensors"]);
  });
});

describe("verify()", () => {
  it("reads again, renews the receipt of an untouched file and convicts a rotten one", async () => {
    const { tree, root, fetch, digest } = await createBench();
    const rotten = wantedOf("loras/rotten.safetensors", seededBytes(2, 3000));
    await fetch(wanted, bytes);
    await fetch(rotten, seededBytes(2, 3000));
    await utimes(join(root, wanted.path), new Date(0), new Date(0));
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
    const long = new Date(1_000_000_000_000);
    await utimes(join(root, rotten.path), long, long);
    await tree.verify([rotten.path]);
    await rotWithoutATrace(join(root, rotten.path), long);
    expect(await tree.check(rotten)).toMatchObject({ status: "present" });
    const findings = await tree.verify(null);
    expect(findings).toMatchObject([
      { path: rotten.path, status: "corrupt", sha256: rotten.sha256 },
      { path: wanted.path, status: "present" },
    ]);
    expect(digest.paths).toHaveLength(3);
    expect(await tree.check(wanted)).toMatchObject({ status: "present" });
    expect(await tree.check(rotten)).toMatchObject({ status: "corrupt" });
    expect(await tree.verify([rotten.path])).toMatchObject([{ status: "corrupt" }]);
    await fetch(rotten, seededBytes(2, 3000), { replace: true });
    expect(await tree.verify([rotten.path])).toMatchObject([{ status: "present" }]);
  });

  it("says what it cannot verify", async () => {
    const { tree, root, write } = await createBench();
    await write(join(root, "loras/theirs.safetensors"), "theirs");
    await mkdir(join(root, "loras/folder"));
    const paths = ["loras/theirs.safetensors", "loras/absent.safetensors", "loras/folder"].map(parseTreePath);
    expect(await tree.verify(paths)).toMatchObject([
      { status: "unverified", fix: expect.stringContaining("adopt") },
      { status: "missing" },
      { status: "corrupt", fix: expect.stringContaining("a folder") },
    ]);
    expect(await tree.verify(null)).toEqual([]);
  });
});

/** What a bad disk does: other bytes under the same size and time. */
async function rotWithoutATrace(file: string, time: Date): Promise<void> {
  const handle = await open(file, "r+");
  await handle.write(Buffer.from([0xff, 0xfe, 0xfd]), 0, 3, 1000);
  await handle.utimes(time, time);
  await handle.close();
}

describe("freeBytes() and partialBytes()", () => {
  it("measure the disk of a root that does not exist yet", async () => {
    const { tree } = await createBench();
    expect(await tree.freeBytes()).toBeGreaterThan(1024 * 1024);
  });

  it("count what is allocated, not what is long", async () => {
    const { tree, write } = await createBench();
    const partial = tree.partialOf(wanted);
    expect(await tree.partialBytes(partial)).toBe(0);
    await write(partial.content, "");
    const handle = await open(partial.content, "r+");
    await handle.truncate(1024 ** 3);
    expect(await tree.partialBytes(partial)).toBeLessThan(64 * 1024);
    await handle.write(Buffer.alloc(256 * 1024, 1), 0, 256 * 1024, 512 * 1024 * 1024);
    await handle.sync();
    await handle.close();
    const allocated = await tree.partialBytes(partial);
    expect(allocated).toBeGreaterThanOrEqual(256 * 1024);
    expect(allocated).toBeLessThan(1024 * 1024);
  });
});
