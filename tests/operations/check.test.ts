/** check() and require(): what is here, without network and without what a check has no use for. */
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { startRangeServer } from "../origins/index.ts";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";
import { runChild } from "./child.ts";

/** A box with box-a present, box-b unverified, box-c missing and box-d of the wrong size. */
async function makeMixedBox(): Promise<Box> {
  const box = await makeBox();
  const { content, figures } = await weights("mixed", 400_000);
  await using server = await startRangeServer({ "/a.safetensors": content });
  const source = { sources: [`${server.url}/a.safetensors`] };
  const all = [
    { name: "box-a", ...figures, ...source },
    { name: "box-b", ...figures, sha256: "ab".repeat(32), ...source },
    { name: "box-c", ...figures, sha256: "cd".repeat(32), ...source },
    { name: "box-d", ...figures, sha256: "ef".repeat(32), ...source },
  ];
  await box.catalogue(all.slice(0, 1));
  const { error } = await box.sync();
  if (error !== null) throw error;
  await box.catalogue(all);
  await box.write("loras/box-b.safetensors", await bytesOf(content));
  await box.write("loras/box-d.safetensors", Buffer.from("short"));
  return box;
}

const statuses = (report: { readonly models: readonly { name: string; status: string }[] }) =>
  Object.fromEntries(report.models.map(({ name, status }) => [name, status]));

describe("check()", () => {
  it("tells what is present, unverified, missing and of the wrong size", async () => {
    await using box = await makeMixedBox();
    const report = await box.open().check({ kits: ["all"] });
    expect(report).toMatchObject({ ok: false, root: box.root });
    expect(statuses(report)).toEqual({
      "box-a": "present",
      "box-b": "unverified",
      "box-c": "missing",
      "box-d": "wrong-size",
    });
    expect(report.models.find(({ name }) => name === "box-c")?.fix).toBe("run models sync box-c");
  });

  it("an unverified file is good enough, unless it is strict", async () => {
    await using box = await makeMixedBox();
    const models = box.open();
    expect((await models.check({ models: ["box-a", "box-b"] })).ok).toBe(true);
    expect((await models.check({ models: ["box-a", "box-b"], isStrict: true })).ok).toBe(false);
    expect((await models.check({ models: ["box-a"], isStrict: true })).ok).toBe(true);
  });

  it("deep, reads the bytes", async () => {
    await using box = await makeMixedBox();
    const path = join(box.root, "loras/box-a.safetensors");
    const before = await stat(path);
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await box.write("loras/box-a.safetensors", bytes);
    await utimes(path, before.atime, before.mtime);
    const report = await box.open().check({ models: ["box-a", "box-b"], isDeep: true });
    expect(statuses(report)).toEqual({ "box-a": "corrupt", "box-b": "corrupt" });
  });

  it("loads no network, no source, no transfer, no SDK and, also with a config, no schema library", async () => {
    await using box = await makeMixedBox();
    const list = join(box.folder, "modules.txt");
    await writeFile(join(box.folder, "models.config.yaml"), "version: 1\nlimits:\n  lanes: 8\n  reserve: 1GB\n");
    const child = runChild(
      "const report = await createModels(BOX).check({ kits: ['all'] }); process.stdout.write(JSON.stringify(report));",
      box.settings,
      {
        cwd: box.folder,
        env: { ...box.environment, MODULE_LIST: list },
        // The list is made with what later versions of Node call deprecated.
        nodeFlags: ["--no-deprecation", "--import", new URL("./list-modules.mjs", import.meta.url).href],
      },
    );
    const { out, err } = await child.ended;
    expect(err).toBe("");
    expect(JSON.parse(out).models).toHaveLength(4);
    const loaded = (await readFile(list, "utf8")).split("\n");
    expect(loaded.length).toBeGreaterThan(10);
    const heavy =
      /undici|@aws-sdk|p-queue|commander|log-update|xxhash|\/zod\/|\/yaml\/|\/dist\/(net|sources|transfer|digest|report|workflow|cli)\//;
    expect(loaded.filter((url) => heavy.test(url))).toEqual([]);
  });
});

describe("require()", () => {
  it("gives the report when all is here", async () => {
    await using box = await makeMixedBox();
    expect(await box.open().require({ models: ["box-a"] })).toMatchObject({ ok: true });
  });

  it("throws MODELS_MISSING with each model and its fix", async () => {
    await using box = await makeMixedBox();
    const error = await box
      .open()
      .require({ kits: ["all"] })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "MODELS_MISSING" });
    expect(isModelsError(error) && error.problems).toEqual([
      { at: "box-c", message: "loras/box-c.safetensors is missing", fix: "run models sync box-c" },
      { at: "box-d", message: "loras/box-d.safetensors is wrong-size", fix: "run models sync box-d" },
    ]);
    expect(String(error)).toContain("2 of 4 are not usable: loras/box-c.safetensors is missing and 1 more");
  });
});
