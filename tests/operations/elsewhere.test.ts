/** Presence as ComfyUI finds files: under older folder names, and in folders outside the tree. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { startRangeServer } from "../origins/index.ts";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";

/** A box that knows one model, with no server that could send it, and a place outside the tree. */
async function makeBoxBeside(
  model: { readonly path: string; readonly aliases?: readonly string[] },
  paths: string,
): Promise<Box & { readonly put: (path: string) => Promise<string>; readonly yaml: string }> {
  const box = await makeBox();
  const { content, figures } = await weights("elsewhere", 300_000);
  await box.catalogue([{ name: "far", ...model, ...figures, sources: ["https://127.0.0.1:1/far.safetensors"] }]);
  const yaml = join(box.folder, "extra_model_paths.yaml");
  await writeFile(yaml, paths);
  const put = async (path: string): Promise<string> => {
    const file = join(box.folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, await bytesOf(content));
    return file;
  };
  return { ...box, put, yaml };
}

const UNET = { path: "diffusion_models/far.safetensors" };

describe("withElsewhere()", () => {
  it("check finds a file of unet/ for diffusion_models/, and a sync proves it where it is", async () => {
    await using box = await makeBoxBeside(UNET, "");
    const at = await box.put("models/unet/far.safetensors");
    const models = box.open();
    const [finding] = (await models.check({ kits: ["all"] })).models;
    expect(finding).toMatchObject({ path: UNET.path, at, status: "unverified" });
    expect(finding?.fix).toBe("run models sync far, which reads it once");
    const { summary } = await box.sync();
    expect(summary).toMatchObject({ ok: true, fetchedBytes: 0 });
    expect(existsSync(join(box.root, UNET.path))).toBe(false);
    expect((await models.check({ kits: ["all"], isStrict: true })).models[0]).toMatchObject({ at, status: "present" });
  });

  it("check finds a file of clip/ for text_encoders/ and the other way round", async () => {
    await using box = await makeBoxBeside({ path: "clip/far.safetensors" }, "");
    await box.put("models/text_encoders/far.safetensors");
    expect((await box.open().check({ kits: ["all"] })).ok).toBe(true);
  });

  it("a file in a folder of extra_model_paths.yaml is present, and is neither fetched nor copied", async () => {
    await using box = await makeBoxBeside(UNET, "nas:\n  base_path: nas\n  unet: |\n    old/unet\n    new/unet\n");
    const at = await box.put("nas/new/unet/far.safetensors");
    const settings = { extraModelPaths: [box.yaml] };
    expect((await box.open().check({ kits: ["all"] })).ok).toBe(false);
    const models = box.open(settings);
    expect((await models.check({ kits: ["all"] })).models[0]).toMatchObject({ at, status: "unverified" });
    expect((await models.check({ kits: ["all"], isDeep: true })).models[0]).toMatchObject({ status: "present" });
    expect((await box.sync(settings)).summary).toMatchObject({ ok: true, fetchedBytes: 0 });
    expect(existsSync(join(box.root, UNET.path))).toBe(false);
  });

  it("a file elsewhere with other bytes is none, and the right ones are fetched", async () => {
    await using server = await startRangeServer();
    await using box = await makeBoxBeside(UNET, "");
    const { content, figures } = await weights("elsewhere", 300_000);
    await box.catalogue([{ name: "far", ...UNET, ...figures, sources: [server.put("far.safetensors", content)] }]);
    await box.write("unet/far.safetensors", Buffer.alloc(300_000, 7));
    expect((await box.sync()).summary).toMatchObject({ ok: true, fetchedBytes: 300_000 });
    expect((await box.open().check({ kits: ["all"], isStrict: true })).ok).toBe(true);
  });

  it("a model that must be seen in another folder too is taken into the tree and linked there", async () => {
    await using box = await makeBoxBeside(
      { path: "checkpoints/far.safetensors", aliases: ["diffusion_models/far.safetensors"] },
      "nas:\n  base_path: nas\n  checkpoints: checkpoints\n",
    );
    await box.put("nas/checkpoints/far.safetensors");
    expect((await box.sync({ extraModelPaths: [box.yaml] })).summary).toMatchObject({ ok: true, fetchedBytes: 0 });
    expect(existsSync(join(box.root, "diffusion_models/far.safetensors"))).toBe(true);
  });

  it("a tree that another run filled proves its files with its own receipts", async () => {
    await using box = await makeBoxBeside(UNET, "nas:\n  base_path: nas\n  diffusion_models: diffusion_models\n");
    await box.put("nas/diffusion_models/far.safetensors");
    const there = box.open({ root: join(box.folder, "nas") });
    await there.adopt({ kits: ["all"] });
    const report = await box.open({ extraModelPaths: [box.yaml] }).check({ kits: ["all"], isStrict: true });
    expect(report.models[0]).toMatchObject({ status: "present" });
  });
});
