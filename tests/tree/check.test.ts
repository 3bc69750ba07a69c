/** Checks: one finding for each thing that can lie at a path. */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseTreePath } from "../../src/base/paths.ts";
import { readReceipt, writeReceipt } from "../../src/tree/receipt.ts";
import { createBench, seededBytes, sha256Of, wantedOf } from "./support.ts";

const bytes = seededBytes(1, 5000);
const wanted = wantedOf("checkpoints/base.safetensors", bytes);
const sync = "run models sync base.safetensors";

describe("check()", () => {
  it("calls a placed file present without reading it", async () => {
    const { tree, fetch, digest } = await createBench();
    await fetch(wanted, bytes);
    expect(await tree.check(wanted)).toEqual({
      name: "base.safetensors",
      path: "checkpoints/base.safetensors",
      sha256: wanted.sha256,
      size: 5000,
      status: "present",
    });
    expect(digest.paths).toEqual([]);
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({ status: "present" });
    expect(digest.paths).toHaveLength(1);
  });

  it("calls an absent file missing, also below a file or in no tree at all", async () => {
    const { tree, root, write } = await createBench();
    expect(await tree.check(wanted)).toMatchObject({ status: "missing", fix: sync });
    await write(join(root, "checkpoints"), "a file where a folder belongs");
    expect(await tree.check(wanted)).toMatchObject({ status: "missing", fix: sync });
  });

  it("calls a file without a receipt unverified, and deep what it is", async () => {
    const { tree, root, write } = await createBench();
    const file = await write(join(root, wanted.path), bytes);
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified", fix: "run models adopt base.safetensors" });
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({ status: "present" });
    await writeFile(file, seededBytes(2, 5000));
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({ status: "corrupt", fix: sync });
  });

  it("calls a file of another length wrong-size", async () => {
    const { tree, root, write } = await createBench();
    await write(join(root, wanted.path), bytes.subarray(1));
    expect(await tree.check(wanted)).toMatchObject({ status: "wrong-size", fix: sync });
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({ status: "wrong-size" });
  });

  it("stops believing a receipt when the file was written, replaced or restored", async () => {
    const { tree, root, fetch } = await createBench();
    const file = join(root, wanted.path);
    await fetch(wanted, bytes);
    await writeFile(file, seededBytes(3, 5000));
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
    await fetch(wanted, bytes, { replace: true });
    await writeFile(`${file}.new`, await readFile(file));
    await rename(`${file}.new`, file);
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
    await fetch(wanted, bytes, { replace: true });
    await utimes(file, new Date(0), new Date(0));
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
  });

  it("calls a file that is proven to be another one corrupt", async () => {
    const { tree, fetch } = await createBench();
    await fetch(wanted, bytes);
    expect(await tree.check({ ...wanted, sha256: sha256Of("newer") })).toMatchObject({ status: "corrupt", fix: sync });
  });

  it("goes by the receipt when the manifest knows no digest", async () => {
    const { tree, root, fetch, write } = await createBench();
    const vague = { ...wanted, sha256: null, size: null };
    await write(join(root, wanted.path), bytes);
    expect(await tree.check(vague)).toMatchObject({ status: "unverified", size: 5000 });
    expect(await tree.check(vague, { isDeep: true })).toMatchObject({ status: "unverified", sha256: wanted.sha256 });
    await fetch(wanted, bytes, { replace: true });
    expect(await tree.check(vague)).toMatchObject({ status: "present", sha256: wanted.sha256, size: 5000 });
  });

  it("remembers that a later reading found other bytes", async () => {
    const { tree, parts, fetch } = await createBench();
    await fetch(wanted, bytes);
    const receipt = await readReceipt(parts.layout, wanted.path);
    if (receipt === null) throw new Error("expected a receipt");
    await writeReceipt(parts, { ...receipt, sha256: sha256Of("rot"), shouldBe: receipt.sha256 });
    expect(await tree.check(wanted)).toMatchObject({ status: "corrupt" });
    expect(await tree.check({ ...wanted, sha256: null })).toMatchObject({ status: "corrupt", sha256: wanted.sha256 });
  });

  it("follows a link to a file and knows the file by its own inode", async () => {
    const { tree, root, home, parts, write } = await createBench();
    const real = await write(join(home, "big-disk/base.safetensors"), bytes);
    await mkdir(join(root, "checkpoints"), { recursive: true });
    await symlink(real, join(root, wanted.path));
    expect(await tree.check(wanted)).toMatchObject({ status: "unverified" });
    expect(await tree.adopt([wanted])).toMatchObject([{ status: "adopted" }]);
    expect(await tree.check(wanted)).toMatchObject({ status: "present" });
    expect(await readReceipt(parts.layout, wanted.path)).toMatchObject({ how: "adopted" });
  });

  it("names what else lies at the path, and what to do about it", async () => {
    const { tree, root } = await createBench();
    const file = join(root, wanted.path);
    await mkdir(file, { recursive: true });
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({
      status: "corrupt",
      fix: `move away a folder at ${file}, then ${sync}`,
    });
    await rm(file, { recursive: true });
    execFileSync("mkfifo", [file]);
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({
      status: "corrupt",
      fix: expect.stringMatching(/a FIFO/),
    });
    await rm(file);
    await symlink("/dev/zero", file);
    expect(await tree.check(wanted, { isDeep: true })).toMatchObject({
      status: "corrupt",
      fix: expect.stringMatching(/a device/),
    });
    await rm(file);
    await symlink("nowhere", file);
    expect(await tree.check(wanted)).toMatchObject({
      status: "missing",
      fix: expect.stringMatching(/leads to nothing/),
    });
    await rm(file);
    await symlink("base.safetensors", file);
    expect(await tree.check(wanted)).toMatchObject({
      status: "missing",
      fix: expect.stringMatching(/leads to nothing/),
    });
  });

  it("quotes a name for the shell", async () => {
    const { tree } = await createBench();
    const odd = { ...wanted, name: "it's $HOME", path: parseTreePath("loras/x.pt") };
    expect((await tree.check(odd)).fix).toBe("run models sync 'it'\\''s $HOME'");
  });

  it("stops when it is told to", async () => {
    const { tree, root, write } = await createBench();
    await write(join(root, wanted.path), bytes);
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(tree.check(wanted, { isDeep: true, signal: stop })).rejects.toThrow();
  });
});
