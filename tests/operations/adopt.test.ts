/** adopt(), verify() and ls(): files that are on the box already. */
import { stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";

const nowhere = { sources: ["https://origin.example/nowhere.safetensors"] };

/** A box whose catalogue knows box-a and box-b; box-a lies in its place, unproven. */
async function makeOldBox(): Promise<Box> {
  const box = await makeBox();
  const [a, b] = [await weights("old a", 300_000), await weights("old b", 200_000)];
  await box.catalogue([
    { name: "box-a", ...a.figures, ...nowhere, aliases: ["lora/box-a.safetensors"] },
    { name: "box-b", ...b.figures, ...nowhere },
  ]);
  await box.write("loras/box-a.safetensors", await bytesOf(a.content));
  await b.content.writeTo(join(box.folder, "old", "some-name.bin"));
  return box;
}

async function rot(box: Box, path: string): Promise<void> {
  const before = await stat(join(box.root, path));
  const bytes = await box.read(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await box.write(path, bytes);
  await utimes(join(box.root, path), before.atime, before.mtime);
}

describe("adopt()", () => {
  it("takes over the selection, also from other folders, and links aliases", async () => {
    await using box = await makeOldBox();
    const models = box.open();
    const report = await models.adopt({ kits: ["all"], folders: [join(box.folder, "old")] });
    expect(report.models.map(({ name, status }) => [name, status])).toEqual([
      ["box-a", "adopted"],
      ["box-b", "linked"],
    ]);
    expect(report.adoptedBytes).toBe(500_000);
    expect((await stat(join(box.root, "lora/box-a.safetensors"))).size).toBe(300_000);
    expect(await models.check({ kits: ["all"], isStrict: true })).toMatchObject({ ok: true });
  });

  it("without a selection, takes over whatever the catalogue knows", async () => {
    await using box = await makeOldBox();
    const report = await box.open().adopt();
    expect(report.models.length).toBeGreaterThan(50);
    expect(report.models.filter(({ status }) => status !== "not-found" && status !== "unknown")).toMatchObject([
      { name: "box-a", status: "adopted" },
    ]);
  });

  it("leaves a file with other bytes alone", async () => {
    await using box = await makeOldBox();
    await rot(box, "loras/box-a.safetensors");
    const before = await box.read("loras/box-a.safetensors");
    expect((await box.open().adopt({ models: ["box-a"] })).models).toMatchObject([{ status: "other-bytes" }]);
    expect((await box.read("loras/box-a.safetensors")).equals(before)).toBe(true);
  });
});

describe("verify()", () => {
  it("finds bytes that have rotted, and the next check and sync know", async () => {
    await using box = await makeOldBox();
    const models = box.open();
    await models.adopt({ models: ["box-a"] });
    expect(await models.verify()).toMatchObject({ ok: true, models: [{ status: "present" }] });
    await rot(box, "loras/box-a.safetensors");
    expect(await models.verify()).toMatchObject({ ok: false, models: [{ status: "corrupt" }] });
    expect(await models.check({ models: ["box-a"] })).toMatchObject({ ok: false, models: [{ status: "corrupt" }] });
  });

  it("of a selection, names the models and finds those that are missing", async () => {
    await using box = await makeOldBox();
    const models = box.open();
    await models.adopt({ models: ["box-a"] });
    const report = await models.verify({ kits: ["all"] });
    expect(report.models.map(({ name, status }) => [name, status])).toEqual([
      ["box-a", "present"],
      ["box-b", "missing"],
    ]);
  });
});

describe("ls()", () => {
  it("lists files with their models and their proof; a link counts no bytes", async () => {
    await using box = await makeOldBox();
    const models = box.open();
    await models.adopt({ models: ["box-a"] });
    await box.write("loras/foreign.safetensors", Buffer.from("foreign"));
    const { files, size, root } = await models.ls();
    expect(root).toBe(box.root);
    expect(size).toBe(300_007);
    expect(files.map(({ path, model, isOurs, aliasOf }) => [path, model, isOurs, aliasOf])).toEqual([
      ["lora/box-a.safetensors", "box-a", false, "loras/box-a.safetensors"],
      ["loras/box-a.safetensors", "box-a", true, null],
      ["loras/foreign.safetensors", null, false, null],
    ]);
  });

  it("lists nothing in a folder that does not exist yet", async () => {
    await using box = await makeBox();
    expect(await box.open().ls()).toMatchObject({ files: [], size: 0 });
  });
});
