/** Aliases: links that lead to the one file, never in the place of another's. */
import { lstat, mkdir, readFile, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { linkAliases } from "../../src/tree/aliases.ts";
import { readReceipt } from "../../src/tree/receipt.ts";
import { createBench, makeHome, seededBytes, wantedOf } from "./support.ts";

const bytes = seededBytes(1, 3000);
const wanted = wantedOf("diffusion_models/sub/flux.safetensors", bytes, ["unet/flux.safetensors"]);
const alias = "unet/flux.safetensors";

const noSymlinks = async (): Promise<void> => {
  throw Object.assign(new Error("operation not permitted"), { code: "EPERM" });
};

describe("linkAliases()", () => {
  it("makes a relative link, so that the tree can be moved", async () => {
    const { tree, root, home, fetch, parts } = await createBench();
    await fetch(wanted, bytes);
    expect(await tree.linkAliases(wanted)).toEqual([{ alias, status: "linked" }]);
    expect(await readlink(join(root, alias))).toBe("../diffusion_models/sub/flux.safetensors");
    expect((await readReceipt(parts.layout, wanted.path))?.aliases).toEqual([alias]);
    await rename(root, join(home, "moved"));
    expect(await readFile(join(home, "moved", alias))).toEqual(bytes);
  });

  it("does nothing the second time, and follows the file when it is replaced", async () => {
    const { tree, root, fetch, parts } = await createBench();
    await fetch(wanted, bytes);
    await tree.linkAliases(wanted);
    const before = await lstat(join(root, alias));
    expect(await tree.linkAliases(wanted)).toEqual([{ alias, status: "present" }]);
    expect((await lstat(join(root, alias))).ino).toBe(before.ino);
    const newer = { ...wantedOf(wanted.path, seededBytes(2, 10)), aliases: wanted.aliases };
    await fetch(newer, seededBytes(2, 10), { replace: true });
    expect(await tree.linkAliases(newer)).toEqual([{ alias, status: "present" }]);
    expect((await readReceipt(parts.layout, wanted.path))?.aliases).toEqual([alias]);
  });

  it("is right through folders that are links themselves", async () => {
    const { tree, root, fetch } = await createBench();
    await mkdir(join(root, "a/b/c"), { recursive: true });
    await symlink("a/b/c", join(root, "unet"));
    await fetch(wanted, bytes);
    await tree.linkAliases(wanted);
    expect(await readFile(join(root, alias))).toEqual(bytes);
  });

  it("leaves files, folders and links of others alone, and says so", async () => {
    const { tree, root, write, fetch } = await createBench();
    await fetch(wanted, bytes);
    const file = await write(join(root, alias), "another's");
    expect(await tree.linkAliases(wanted)).toEqual([{ alias, status: "in-the-way", seen: "a file" }]);
    expect(await readFile(file, "utf8")).toBe("another's");
    await rm(file);
    await symlink("/elsewhere", file);
    expect(await tree.linkAliases(wanted)).toEqual([{ alias, status: "in-the-way", seen: "a link" }]);
    expect(await readlink(file)).toBe("/elsewhere");
    await rm(file);
    await mkdir(file);
    expect(await tree.linkAliases(wanted)).toEqual([{ alias, status: "in-the-way", seen: "a folder" }]);
  });

  it("refuses to leave the root, and to link to nothing", async () => {
    const { tree, root, fetch } = await createBench();
    await expect(tree.linkAliases(wanted)).rejects.toMatchObject({ code: "MODELS_MISSING" });
    await fetch(wanted, bytes);
    await symlink(await makeHome(), join(root, "unet"));
    await expect(tree.linkAliases(wanted)).rejects.toMatchObject({ code: "PATH_UNSAFE" });
  });

  it("makes hard links where there are no symbolic ones, and renews its own only", async () => {
    const { root, fetch, parts, write } = await createBench();
    await fetch(wanted, bytes);
    expect(await linkAliases(parts, wanted, noSymlinks)).toEqual([{ alias, status: "linked" }]);
    expect((await stat(join(root, alias))).ino).toBe((await stat(join(root, wanted.path))).ino);
    expect(await linkAliases(parts, wanted, noSymlinks)).toEqual([{ alias, status: "present" }]);
    const newer = { ...wantedOf(wanted.path, "newer"), aliases: wanted.aliases };
    await fetch(newer, Buffer.from("newer"), { replace: true });
    expect(await linkAliases(parts, newer, noSymlinks)).toEqual([{ alias, status: "linked" }]);
    expect(await readFile(join(root, alias), "utf8")).toBe("newer");
    await fetch(wanted, bytes, { replace: true });
    await rm(join(root, alias));
    await write(join(root, alias), "written by the app");
    expect(await linkAliases(parts, wanted, noSymlinks)).toMatchObject([{ status: "in-the-way" }]);
  });
});
