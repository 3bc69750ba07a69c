/** prune(): frees what may go and nothing else, whatever is open, shared or killed. */
import { spawn } from "node:child_process";
import { link, lstat, mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { TreePath } from "../../src/base/paths.ts";
import type { PruneReport } from "../../src/operations/prune.ts";
import { stampAt } from "../../src/tree/known-digests.ts";
import { createLayout } from "../../src/tree/layout.ts";
import { readReceipt, writeReceipt } from "../../src/tree/receipt.ts";
import { createTree } from "../../src/tree/tree.ts";
import { startRangeServer } from "../origins/index.ts";
import { createTestDigest } from "../tree/digest.ts";
import { makeHome, seededBytes, wantedOf } from "../tree/support.ts";
import { type Box, makeBox, weights } from "./box.ts";
import { runChild } from "./child.ts";

const SIZE = 200_000;
const DAY = 86_400_000;

/** A box that synced the models `a` (with an alias), `b` and `c`. */
async function makeFull(): Promise<Box> {
  const names = ["a", "b", "c"];
  const made = await Promise.all(names.map((name) => weights(name, SIZE)));
  await using server = await startRangeServer(
    Object.fromEntries(made.map(({ content }, index) => [`/${names[index]}.safetensors`, content])),
  );
  const box = await makeBox();
  await box.catalogue(
    made.map(({ figures }, index) => ({
      name: names[index] ?? "",
      ...figures,
      ...(index === 0 ? { path: "diffusion_models/a.safetensors", aliases: ["unet/a.safetensors"] } : {}),
      sources: [`${server.url}/${names[index]}.safetensors`],
    })),
  );
  expect((await box.sync()).error).toBeNull();
  return box;
}

const gone = ({ files }: PruneReport): readonly string[] =>
  files.filter(({ action }) => action === "remove").map(({ path }) => path);

const exists = async (box: Box, path: string): Promise<boolean> =>
  (await lstat(join(box.root, path)).catch(() => null)) !== null;

describe("prune()", () => {
  it("says first what would go, and removes nothing until it is told to", async () => {
    await using box = await makeFull();
    const plan = await box.open().prune({ isUnneeded: true, models: ["b"] });
    expect(plan).toMatchObject({ isDone: false, removedBytes: 2 * SIZE, keptBytes: SIZE });
    expect(gone(plan)).toEqual(expect.arrayContaining(["diffusion_models/a.safetensors", "loras/c.safetensors"]));
    expect((await box.open().check({ kits: ["all"] })).ok).toBe(true);
  });

  it("removes files with their aliases and receipts, and leaves what is selected", async () => {
    await using box = await makeFull();
    const report = await box.open().prune({ isUnneeded: true, models: ["b"], isSure: true });
    expect(report).toMatchObject({ isDone: true, removedBytes: 2 * SIZE });
    expect(await exists(box, "diffusion_models/a.safetensors")).toBe(false);
    expect(await exists(box, "unet/a.safetensors")).toBe(false);
    const receipts = await readdir(join(box.root, ".modelferry/receipts"), { recursive: true });
    expect(receipts.filter((name) => name.endsWith(".json"))).toEqual(["loras/b.safetensors.json"]);
    expect((await box.open().check({ models: ["b"], isStrict: true })).ok).toBe(true);
    expect((await box.open().check({ models: ["a"] })).models).toMatchObject([{ status: "missing" }]);
  });

  it("without a selection, what the lockfile does not pin is not needed", async () => {
    await using box = await makeFull();
    expect(gone(await box.open().prune({ isUnneeded: true }))).toEqual([]);
    await writeFile(box.lockfile, "version: 1\nmodels: []\n");
    expect(gone(await box.open().prune({ isUnneeded: true }))).toHaveLength(3);
    const nowhere = box.open({ lockfile: join(box.folder, "none.yaml") });
    await expect(nowhere.prune({ isUnneeded: true })).rejects.toMatchObject({ code: "USAGE" });
    await expect(nowhere.prune({})).rejects.toMatchObject({
      code: "USAGE",
      fix: expect.stringContaining("--older-than"),
    });
  });

  it("goes by the last use, and down to a size", async () => {
    await using box = await makeFull();
    const used = (path: string, days: number): Promise<void> => {
      const seconds = systemClock.now() / 1000 - days * 86_400;
      return utimes(join(box.root, path), seconds, seconds);
    };
    await used("loras/b.safetensors", 50);
    // It was verified today, whatever its times say.
    expect(gone(await box.open().prune({ olderThanMs: DAY }))).toEqual([]);
    for (const path of ["loras/b.safetensors", "loras/c.safetensors"]) await ageReceipt(box, path, 40);
    await used("loras/c.safetensors", 3);
    expect(gone(await box.open({}).prune({ olderThanMs: 30 * DAY, isForeign: true }))).toEqual(["loras/b.safetensors"]);
    expect(gone(await box.open({}).prune({ maxBytes: SIZE, isForeign: true }))).toEqual([
      "loras/b.safetensors",
      "loras/c.safetensors",
    ]);
  });

  it("leaves what is not ours unless it is told to", async () => {
    await using box = await makeFull();
    await box.write("loras/mine.safetensors", Buffer.alloc(5));
    const kept = await box.open().prune({ maxBytes: 0, isSure: true });
    expect(gone(kept)).toHaveLength(3);
    expect(await exists(box, "loras/mine.safetensors")).toBe(true);
    expect(gone(await box.open().prune({ maxBytes: 0, isForeign: true, isSure: true }))).toEqual([
      "loras/mine.safetensors",
    ]);
    expect(await exists(box, "loras/mine.safetensors")).toBe(false);
  });

  it("leaves what another process has open", async () => {
    await using box = await makeFull();
    const child = spawn("tail", ["-f", join(box.root, "loras/b.safetensors")], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      const report = await box.open().prune({ maxBytes: 0, isSure: true });
      expect(report.files.find(({ path }) => path === "loras/b.safetensors")).toMatchObject({
        action: "keep",
        why: "a process has it open",
      });
      expect(await exists(box, "loras/b.safetensors")).toBe(true);
    } finally {
      child.kill();
    }
  });

  it("leaves what another process holds the lease of", async () => {
    await using box = await makeFull();
    const { sha256 } = (await weights("b", SIZE)).figures;
    const tree = createTree(box.root, { clock: systemClock, digest: createTestDigest() });
    const signal = new AbortController().signal;
    await using _ = await tree.lease(sha256, { signal, wait: false, onWait: () => undefined });
    const report = await box.open().prune({ maxBytes: 0, isSure: true });
    expect(report.files.find(({ path }) => path === "loras/b.safetensors")?.why).toBe("another process is at it");
    expect(await exists(box, "loras/b.safetensors")).toBe(true);
    expect(await exists(box, "loras/c.safetensors")).toBe(false);
  });

  it("leaves the unfinished file of another process also where nobody knows its digest yet", async () => {
    await using box = await makeFull();
    const path = "loras/unknown.safetensors" as TreePath;
    const tree = createTree(box.root, { clock: systemClock, digest: createTestDigest() });
    const { content } = tree.partialOf({ sha256: null, path });
    await writeFile(content, Buffer.alloc(4096, 1));
    const signal = new AbortController().signal;
    {
      await using _ = await tree.lease(path, { signal, wait: false, onWait: () => undefined });
      const held = await box.open().prune({ isUnneeded: true, kits: ["all"], isSure: true });
      expect(held.unfinished).toEqual([]);
    }
    const free = await box.open().prune({ isUnneeded: true, kits: ["all"], isSure: true });
    expect(free.unfinished).toMatchObject([{ path: content }]);
  });

  it("counts as freed only what has no other name", async () => {
    await using box = await makeFull();
    await mkdir(join(box.folder, "cache"));
    await link(join(box.root, "loras/b.safetensors"), join(box.folder, "cache/blob"));
    expect(await box.open().prune({ maxBytes: 0, isSure: true })).toMatchObject({ removedBytes: 2 * SIZE });
    expect((await stat(join(box.folder, "cache/blob"))).size).toBe(SIZE);
  });

  it("removes unfinished downloads that are old or not needed, never to make the tree smaller", async () => {
    await using box = await makeFull();
    const folder = join(box.root, ".modelferry/partial");
    const needed = (await weights("c", SIZE)).figures.sha256;
    for (const name of [`${"0".repeat(64)}.part`, `${"0".repeat(64)}.journal`, `${needed}.part`]) {
      await writeFile(join(folder, name), Buffer.alloc(8192, 1));
    }
    expect((await box.open().prune({ maxBytes: 10 * SIZE })).unfinished).toEqual([]);
    expect((await box.open().prune({ olderThanMs: DAY })).unfinished).toEqual([]);
    const { unfinished } = await box.open().prune({ isUnneeded: true, kits: ["all"], isSure: true });
    expect(unfinished).toMatchObject([{ path: join(folder, `${"0".repeat(64)}.part`), bytes: 8192 }]);
    expect(await readdir(folder)).toEqual([`${needed}.part`]);
  });

  it("is killed at any moment: no name leads to nothing, and the next sync or prune goes on", async () => {
    const root = join(await makeHome(), "models");
    const program = fileURLToPath(new URL("../tree/prune-child.ts", import.meta.url));
    const tsx = createRequire(import.meta.url).resolve("tsx");
    for (let round = 0; round < 8; round += 1) {
      const child = spawn(process.execPath, ["--import", tsx, program, root], { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await systemClock.sleep(40 + 60 * Math.random());
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
      const [file, alias] = ["diffusion_models/x.safetensors", "unet/x.safetensors"].map((path) => join(root, path));
      const isThere = (path = ""): Promise<boolean> =>
        readFile(path).then(
          () => true,
          () => false,
        );
      const isNamed = (await lstat(alias ?? "").catch(() => null)) !== null;
      expect(isNamed && !(await isThere(file))).toBe(false);
      const tree = createTree(root, { clock: systemClock, digest: createTestDigest() });
      const wanted = wantedOf("diffusion_models/x.safetensors", seededBytes(7, 100_000), ["unet/x.safetensors"]);
      expect(["present", "missing"]).toContain((await tree.check(wanted)).status);
      await tree.remove(wanted.path);
      expect(await readdir(dirname(file ?? "")).catch(() => [])).toEqual([]);
    }
  }, 60_000);

  it("a kill of the whole command leaves a tree that a sync makes whole", async () => {
    await using box = await makeFull();
    const child = runChild(
      `const models = createModels({ ...BOX.settings, environment: BOX.environment });
       console.log("ready"); await models.prune({ maxBytes: 0, isSure: true });`,
      { settings: box.settings, environment: box.environment },
    );
    child.onLine(() => setTimeout(() => child.process.kill("SIGKILL"), 30));
    await child.ended;
    const report = await box.open().check({ kits: ["all"] });
    expect(report.models.every(({ status }) => status === "present" || status === "missing")).toBe(true);
  });
});

/** As if it had been verified `days` ago. */
async function ageReceipt(box: Box, path: string, days: number): Promise<void> {
  const layout = createLayout(box.root);
  const receipt = await readReceipt(layout, path as TreePath);
  const stamp = await stampAt(join(box.root, path));
  if (receipt === null || stamp === null) throw new Error(`${path} has no receipt`);
  const verifiedAt = systemClock.now() - days * DAY;
  await writeReceipt({ layout, clock: systemClock }, { ...receipt, ...stamp, verifiedAt });
}
