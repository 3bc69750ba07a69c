/** What lies in a bucket, held against the catalogue, proven, and taken away. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listed, object, openDesk } from "../net/s3-harness.ts";
import { type Emulator, startEmulator } from "../origins/emulator.ts";
import { type Box, bytesOf, weights } from "./box.ts";
import { makePublisher, prefixFor } from "./bucket-box.ts";

const MB = 1024 * 1024;
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
}, 60_000);
afterAll(() => emulator[Symbol.asyncDispose]());

/** A box that has published `a` and `b` below `to`, and whose catalogue has a third model. */
async function published(to: string): Promise<Box> {
  const box = await makePublisher(emulator);
  const entries = [];
  for (const name of ["a", "b", "c"]) {
    const { content, figures } = await weights(`bucket ${name}`, 20 * MB);
    if (name !== "c") await box.write(`loras/${name}.safetensors`, await bytesOf(content));
    entries.push({ name, ...figures, sources: [] });
  }
  await box.catalogue(entries);
  await box.open({ lanes: 3 }).publish({ models: ["a", "b"], to, manifest: null });
  return box;
}

describe("listBucket()", () => {
  it("says which model each object is, and whether its table is there", async () => {
    const to = prefixFor("ls");
    await using box = await published(to);
    const { objects, size, unfinished } = await box.open().listBucket({ to });
    expect(objects.map(({ key, model, hasPieces }) => [key, model, hasPieces])).toEqual([
      ["ls/loras/a.safetensors", "a", true],
      ["ls/loras/a.safetensors.pieces", null, false],
      ["ls/loras/b.safetensors", "b", true],
      ["ls/loras/b.safetensors.pieces", null, false],
    ]);
    expect(size).toBeGreaterThan(40 * MB);
    expect(unfinished).toBeNull();
  });
});

describe("diffBucket()", () => {
  it("tells what is missing, of another size, of another content, and what nobody knows", async () => {
    const to = prefixFor("diff");
    await using box = await published(to);
    await using desk = openDesk(emulator.access());
    await desk.store.put(object("diff/loras/b.safetensors", Buffer.alloc(5)), { kind: "any" });
    await desk.store.put(object("diff/stray.bin", Buffer.alloc(5)), { kind: "any" });
    const report = await box.open().diffBucket({ to, models: ["a", "b", "c"] });
    expect(report.ok).toBe(false);
    expect(report.objects.map(({ name, status }) => [name, status])).toEqual([
      ["a", "same"],
      ["b", "wrong-size"],
      ["c", "missing"],
    ]);
    const whole = await box.open().diffBucket({ to });
    expect(whole.objects).toContainEqual(expect.objectContaining({ key: "diff/stray.bin", status: "stray" }));
    expect(whole.objects.filter(({ key, status }) => status === "stray" && key.endsWith(".pieces"))).toEqual([]);
    const other = {
      ...object("diff/loras/b.safetensors", Buffer.alloc(20 * MB)),
      metadata: { sha256: "ab".repeat(32) },
    };
    await desk.store.put(other, { kind: "any" });
    expect((await box.open().diffBucket({ to, models: ["b"] })).objects).toMatchObject([{ status: "wrong-content" }]);
  });
});

describe("verifyBucket()", () => {
  it("proves objects without reading them, as long as they are those that were published", async () => {
    const to = prefixFor("verify");
    await using box = await published(to);
    const report = await box.open().verifyBucket({ to });
    expect(report).toMatchObject({
      ok: true,
      objects: [
        { name: "a", status: "proven" },
        { name: "b", status: "proven" },
      ],
    });
    expect(await box.open().verifyBucket({ to, models: ["c"] })).toMatchObject({
      ok: false,
      objects: [{ status: "missing" }],
    });
    expect(await box.open().verifyBucket({ to: prefixFor("nothing-here") })).toMatchObject({ ok: false, objects: [] });
    const deep = await box.open().verifyBucket({ to, isDeep: true });
    expect(deep).toMatchObject({ ok: true, objects: [{ status: "proven" }, { status: "proven" }] });
  });
});

describe("removeFromBucket()", () => {
  it("removes objects with their tables, but only when told to for sure", async () => {
    const to = prefixFor("rm");
    await using box = await published(to);
    await using desk = openDesk(emulator.access());
    const models = box.open();
    await expect(models.removeFromBucket({ to, what: ["a"] })).rejects.toMatchObject({
      code: "USAGE",
      fix: expect.stringContaining("--yes"),
      problems: [{ message: "rm/loras/a.safetensors" }],
    });
    await expect(models.removeFromBucket({ to, what: ["rm/nope"], isSure: true })).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
    });
    await models.removeFromBucket({ to, what: ["a", `${to}/loras/b.safetensors`], isSure: true });
    expect(await listed(desk.store, "rm/")).toEqual([]);
    await expect(models.removeFromBucket({ to, what: ["r2://other/x"], isSure: true })).rejects.toMatchObject({
      code: "USAGE",
    });
  });
});
