/** Placing: the final name appears once, whole, in the tree, and never takes what is not ours. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync, symlinkSync } from "node:fs";
import { access, link, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { isModelsError } from "../../src/base/errors.ts";
import { place } from "../../src/tree/place.ts";
import { readReceipt } from "../../src/tree/receipt.ts";
import { type Bench, createBench, makeHome, seededBytes, wantedOf } from "./support.ts";

const PLACE_CHILD = fileURLToPath(new URL("place-child.ts", import.meta.url));
const bytes = seededBytes(1, 4096);
const wanted = wantedOf("diffusion_models/flux.safetensors", bytes);
const origin = { mirrors: ["mirror.test"], how: "fetched" } as const;

async function partialIn(bench: Bench, content: Uint8Array = bytes): Promise<string> {
  const { content: partial, journal } = bench.tree.partialOf(wanted);
  await bench.write(journal, "journal");
  return await bench.write(partial, content);
}

describe("place()", () => {
  it("moves the partial to its name, writes the receipt and drops the journal", async () => {
    const bench = await createBench();
    const partial = await partialIn(bench);
    await bench.tree.place(partial, wanted, origin);
    expect(await readFile(join(bench.root, wanted.path))).toEqual(bytes);
    expect(await bench.names()).toEqual([wanted.path]);
    await expect(access(partial)).rejects.toThrow();
    await expect(access(bench.tree.partialOf(wanted).journal)).rejects.toThrow();
    const { ino } = await stat(join(bench.root, wanted.path), { bigint: true });
    expect(await readReceipt(bench.parts.layout, wanted.path)).toMatchObject({
      sha256: wanted.sha256,
      inode: ino,
      mirrors: ["mirror.test"],
      how: "fetched",
    });
  });

  it("refuses a partial of another length", async () => {
    const bench = await createBench();
    const partial = await partialIn(bench, bytes.subarray(1));
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "SIZE_MISMATCH" });
    expect(await bench.names()).toEqual([]);
    await access(partial);
  });

  it("replaces another file only when told to", async () => {
    const bench = await createBench();
    const file = await bench.write(join(bench.root, wanted.path), "precious");
    const partial = await partialIn(bench);
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "TREE_CONFLICT" });
    expect(await readFile(file, "utf8")).toBe("precious");
    await bench.tree.place(partial, wanted, { ...origin, replace: true });
    expect(await readFile(file)).toEqual(bytes);
    expect(await bench.tree.check(wanted)).toMatchObject({ status: "present" });
  });

  it("takes the place of the same artifact without being told", async () => {
    const bench = await createBench();
    await bench.fetch(wanted, bytes);
    await bench.fetch(wanted, bytes);
    expect(await bench.tree.check(wanted)).toMatchObject({ status: "present" });
  });

  it("never replaces a folder or a FIFO, and a link only when told to", async () => {
    const bench = await createBench();
    const file = join(bench.root, wanted.path);
    const partial = await partialIn(bench);
    await mkdir(file, { recursive: true });
    await expect(bench.tree.place(partial, wanted, { ...origin, replace: true })).rejects.toMatchObject({
      code: "TREE_CONFLICT",
      message: expect.stringContaining("a folder"),
    });
    await rm(file, { recursive: true });
    execFileSync("mkfifo", [file]);
    await expect(bench.tree.place(partial, wanted, { ...origin, replace: true })).rejects.toMatchObject({
      code: "TREE_CONFLICT",
    });
    await rm(file);
    const other = await bench.write(join(bench.home, "other.safetensors"), "the target of a link");
    await symlink(other, file);
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "TREE_CONFLICT" });
    await bench.tree.place(partial, wanted, { ...origin, replace: true });
    expect(await readFile(other, "utf8")).toBe("the target of a link");
    expect(await readFile(file)).toEqual(bytes);
  });

  it("refuses a partial that is a link", async () => {
    const bench = await createBench();
    const secret = await bench.write(join(bench.home, "secret"), bytes);
    const { content } = bench.tree.partialOf(wanted);
    await mkdir(join(content, ".."), { recursive: true });
    await symlink(secret, content);
    await expect(bench.tree.place(content, wanted, origin)).rejects.toMatchObject({ code: "DISK_FAILED" });
    expect(await bench.names()).toEqual([]);
  });

  it("follows a folder that links elsewhere in the tree", async () => {
    const bench = await createBench();
    await mkdir(join(bench.root, "unet"), { recursive: true });
    await symlink("unet", join(bench.root, "diffusion_models"));
    await bench.tree.place(await partialIn(bench), wanted, origin);
    expect(await readFile(join(bench.root, "unet/flux.safetensors"))).toEqual(bytes);
    expect(await bench.tree.check(wanted)).toMatchObject({ status: "present" });
  });

  it("works in a root that is itself a link", async () => {
    const home = await makeHome();
    await mkdir(join(home, "disk"));
    await symlink("disk", join(home, "models"));
    const bench = await createBench({ root: join(home, "models") });
    await bench.tree.place(await partialIn(bench), wanted, origin);
    expect(await readFile(join(home, "disk", wanted.path))).toEqual(bytes);
  });

  it("leaves no second name when the file is in its place already", async () => {
    const bench = await createBench();
    await bench.fetch(wanted, bytes);
    const { content } = bench.tree.partialOf(wanted);
    await link(join(bench.root, wanted.path), content);
    await bench.tree.place(content, wanted, origin);
    await expect(access(content)).rejects.toThrow();
    expect((await stat(join(bench.root, wanted.path))).nlink).toBe(1);
  });
});

describe("hostile 9: a link in the target folder that leads outside", () => {
  it("is refused when it was there before", async () => {
    const bench = await createBench();
    const outside = await makeHome();
    const partial = await partialIn(bench);
    await symlink(outside, join(bench.root, "diffusion_models"));
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "PATH_UNSAFE" });
    await expect(access(join(outside, "flux.safetensors"))).rejects.toThrow();
    await access(partial);
  });

  it("is refused when it leads into modelferry's own folder", async () => {
    const bench = await createBench();
    const partial = await partialIn(bench);
    await symlink(".modelferry/partial", join(bench.root, "diffusion_models"));
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "PATH_UNSAFE" });
  });

  it("gets nothing when it is swapped in after the look at the folder", async () => {
    const bench = await createBench();
    const outside = await makeHome();
    const folder = join(bench.root, "diffusion_models");
    const partial = await partialIn(bench);
    const swap = (): number => {
      if (!existsSync(join(bench.root, "aside"))) {
        renameSync(folder, join(bench.root, "aside"));
        symlinkSync(outside, folder);
      }
      return systemClock.now();
    };
    // The receipt's time is asked for when the folder is open already.
    const parts = { ...bench.parts, clock: { ...systemClock, now: swap } };
    await expect(place(parts, partial, wanted, origin)).rejects.toMatchObject({ code: "TREE_CONFLICT" });
    expect(await readdir(outside)).toEqual([]);
    expect(await readFile(join(bench.root, "aside/flux.safetensors"))).toEqual(bytes);
  });

  it("gets nothing when it is swapped in again and again meanwhile", async () => {
    const bench = await createBench();
    const outside = await makeHome();
    const folder = join(bench.root, "diffusion_models");
    const aside = join(bench.root, "aside");
    await mkdir(folder, { recursive: true });
    let isOver = false;
    const attacker = (async (): Promise<void> => {
      while (!isOver) {
        await rename(folder, aside).catch(() => undefined);
        await symlink(outside, folder).catch(() => undefined);
        await rm(folder, { force: true }).catch(() => undefined);
        await rename(aside, folder).catch(() => undefined);
      }
    })();
    let refused = 0;
    for (let round = 0; round < 60; round += 1) {
      const partial = await partialIn(bench);
      try {
        await bench.tree.place(partial, wanted, { ...origin, replace: true });
      } catch (error) {
        if (!isModelsError(error, "PATH_UNSAFE", "TREE_CONFLICT", "DISK_FAILED")) throw error;
        refused += 1;
      }
    }
    isOver = true;
    await attacker;
    await expect(access(join(outside, "flux.safetensors"))).rejects.toThrow();
    expect(refused).toBeGreaterThan(0);
    await bench.tree.place(await partialIn(bench), wanted, { ...origin, replace: true });
    expect(await readFile(join(folder, "flux.safetensors"))).toEqual(bytes);
  });
});

describe("hostile 10: something else under the final name", () => {
  it("keeps a device from being written to", async () => {
    const bench = await createBench();
    await mkdir(join(bench.root, "diffusion_models"), { recursive: true });
    await symlink("/dev/null", join(bench.root, wanted.path));
    const partial = await partialIn(bench);
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "TREE_CONFLICT" });
  });

  it("keeps a file that stands where a folder must be", async () => {
    const bench = await createBench();
    const partial = await partialIn(bench);
    await writeFile(join(bench.root, "diffusion_models"), "a file");
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({
      code: "TREE_CONFLICT",
      message: expect.stringContaining("it is a file, expected a folder"),
    });
  });
});

describe("hostile 58: a process that is killed while it places", () => {
  it("leaves one whole file, a receipt that tells the truth, and a tree that works", async () => {
    const bench = await createBench();
    const versions = [seededBytes(1, 100_000), seededBytes(2, 100_000)].map((content) => ({
      content,
      wanted: wantedOf("diffusion_models/flux.safetensors", content, ["unet/alias.safetensors"]),
    }));
    for (const afterMs of [0, 1, 3, 7, 11, 16, 22, 29, 37, 46]) {
      await killAfter(afterMs, bench.root);
      const seen = await readFile(join(bench.root, wanted.path)).catch(() => null);
      for (const { content, wanted: version } of versions) {
        const { status } = await bench.tree.check(version);
        if (status === "present") expect(seen?.equals(content)).toBe(true);
        if (seen !== null) expect(["present", "unverified", "corrupt"]).toContain(status);
      }
      expect(seen === null || versions.some(({ content }) => seen.equals(content))).toBe(true);
      expect(
        (await bench.names()).filter((name) => !/^(diffusion_models|unet)\/[a-z]+\.safetensors$/.test(name)),
      ).toEqual([]);
    }
    for (const { content, wanted: version } of versions) {
      await bench.fetch(version, content, { replace: true });
      await bench.tree.linkAliases(version);
      expect(await bench.tree.check(version, { isDeep: true })).toMatchObject({ status: "present" });
    }
  });

  async function killAfter(ms: number, root: string): Promise<void> {
    const args = ["--import", "tsx", PLACE_CHILD, root, wanted.path];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    await systemClock.sleep(ms);
    child.kill("SIGKILL");
    expect((await ended)[1]).toBe("SIGKILL");
  }
});

const isRoot = userInfo().uid === 0;
const mounts: string[] = [];

async function mountSmallDisk(folder: string, size: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  mounts.push(folder);
}

afterEach(() => {
  for (const folder of mounts.splice(0)) execFileSync("umount", [folder]);
});

describe.skipIf(!isRoot)("on small disks (skipped unless root, for they must be mounted)", () => {
  it("hostile 57: place() says when the place lies on another device, and keeps the partial", async () => {
    const bench = await createBench();
    const partial = await partialIn(bench);
    await mountSmallDisk(join(bench.root, "diffusion_models"), "1m");
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringContaining("another device"),
    });
    expect(await readFile(partial)).toEqual(bytes);
    expect(await bench.names()).toEqual([]);
  });

  it.each([
    ["a mount of another device", ["-t", "tmpfs", "tmpfs"], [], /another device or mount/],
    ["a bind mount", ["--bind"], [], /another device or mount/],
    [
      "a read-only mount",
      ["--bind"],
      ["-o", "remount,bind,ro"],
      /write to the folder ".*\/diffusion_models": read-only/,
    ],
  ])("hostile 57: refuseObstacle() refuses %s before anything is fetched", async (_, kind, then, message) => {
    const bench = await createBench();
    const folder = join(bench.root, "diffusion_models");
    await mkdir(folder, { recursive: true });
    execFileSync("mount", [...kind, ...(kind.includes("--bind") ? [folder] : []), folder]);
    mounts.push(folder);
    if (then.length > 0) execFileSync("mount", [...then, folder]);
    await expect(bench.tree.refuseObstacle(wanted.path)).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringMatching(message),
    });
  });

  it("hostile 56: place() says that the disk is full, and takes no name", async () => {
    const home = await makeHome();
    await mountSmallDisk(join(home, "models"), "64k");
    const bench = await createBench({ root: join(home, "models") });
    const partial = await partialIn(bench);
    const filler = join(home, "models", "filler");
    await writeFile(filler, Buffer.alloc(1024 * 1024)).catch(() => undefined);
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await readFile(partial)).toEqual(bytes);
    await rm(filler);
    await bench.tree.place(partial, wanted, origin);
    expect(await bench.tree.check(wanted)).toMatchObject({ status: "present" });
  });

  it("hostile 57: place() says that the disk is read-only", async () => {
    const home = await makeHome();
    await mountSmallDisk(join(home, "models"), "1m");
    const bench = await createBench({ root: join(home, "models") });
    const partial = await partialIn(bench);
    execFileSync("mount", ["-o", "remount,ro", join(home, "models")]);
    await expect(bench.tree.place(partial, wanted, origin)).rejects.toMatchObject({
      code: "DISK_FAILED",
      fix: expect.stringContaining("writable"),
    });
  });
});
