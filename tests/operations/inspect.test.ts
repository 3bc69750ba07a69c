/** Workflows: what they need, whether it is known and here, and how sync and check answer for it. */
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import { startRangeServer } from "../origins/index.ts";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";

const node = (class_type: string, inputs: object) => ({ class_type, inputs });
const GRAPH = {
  "1": node("LoraLoader", { lora_name: "sub\\box-a.safetensors", model: ["9", 0] }),
  "2": node("VAELoader", { vae_name: "box-unheard-of.safetensors" }),
  "3": node("UNETLoader", { unet_name: "box-b.safetensors" }),
  "9": node("SaveImage", { filename_prefix: "ComfyUI" }),
};

/** A box that knows box-a and box-b, which is catalogued in another folder than the graph's node looks in. */
async function makeGraphBox(): Promise<Box & { readonly server: Awaited<ReturnType<typeof startRangeServer>> }> {
  const server = await startRangeServer();
  const box = await makeBox();
  const [a, b] = [await weights("graph a", 300_000), await weights("graph b", 200_000)];
  await box.catalogue([
    {
      name: "box-a",
      path: "loras/sub/box-a.safetensors",
      ...a.figures,
      sources: [server.put("a.safetensors", a.content)],
    },
    {
      name: "box-b",
      path: "checkpoints/box-b.safetensors",
      ...b.figures,
      sources: [server.put("b.safetensors", b.content)],
    },
  ]);
  return {
    ...box,
    server,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await box[Symbol.asyncDispose]();
    },
  };
}

describe("inspect()", () => {
  it("names each node with its model, its place, and whether it is known and here", async () => {
    await using box = await makeGraphBox();
    const report = await box.open().inspect(GRAPH);
    expect(report).toMatchObject({ workflow: "graph", format: "api", ok: false, root: box.root });
    const rows = report.references.map(({ nodes, path, models, status }) => [nodes[0]?.id, path, models[0], status]);
    expect(rows).toEqual([
      ["1", "loras/sub/box-a.safetensors", "box-a", "missing"],
      ["2", "vae/box-unheard-of.safetensors", undefined, "unknown"],
      ["3", "checkpoints/box-b.safetensors", "box-b", "missing"],
    ]);
    expect(report.references[0]?.nodes).toEqual([{ id: "1", class: "LoraLoader", input: "lora_name" }]);
    expect(report.references[1]?.fix).toContain("write an entry");
  });

  it("reads a file, and says which one cannot be read", async () => {
    await using box = await makeGraphBox();
    await writeFile(join(box.folder, "graph.json"), JSON.stringify(GRAPH));
    await writeFile(join(box.folder, "broken.json"), "{ not json");
    const models = box.open();
    expect((await models.inspect("graph.json")).references).toHaveLength(3);
    await expect(models.inspect("broken.json")).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
    await expect(models.inspect("absent.json")).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
    await expect(models.inspect(7)).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  });
});

describe("a workflow at an address", () => {
  it("is read as a file is, and one that is not there is told", async () => {
    await using box = await makeGraphBox();
    const url = box.server.put("graph.json", Buffer.from(JSON.stringify(GRAPH)));
    const models = box.open();
    const report = await models.inspect(`${url}?token=secret`);
    expect(report.references).toHaveLength(3);
    expect(report.workflow).not.toContain("secret");
    expect((await models.check({ workflows: [url] })).models).toHaveLength(3);
    await expect(models.inspect(`${url}.absent`)).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  });
});

describe("a workflow as a selection", () => {
  it("sync brings what is known to where its nodes look, and names what nobody knows", async () => {
    await using box = await makeGraphBox();
    const models = box.open();
    const error = await models.sync({ workflows: [GRAPH] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "MODEL_UNKNOWN" });
    expect(String(error)).toContain("vae/box-unheard-of.safetensors");
    expect((await stat(join(box.root, "loras/sub/box-a.safetensors"))).size).toBe(300_000);
    expect((await stat(join(box.root, "diffusion_models/box-b.safetensors"))).size).toBe(200_000);
  });

  it("check tells unknown files last, and require throws for them", async () => {
    await using box = await makeGraphBox();
    const models = box.open();
    const report = await models.check({ workflows: [GRAPH] });
    expect(report.models.map(({ name, status }) => [name, status])).toEqual([
      ["box-a", "missing"],
      ["box-b", "missing"],
      ["box-unheard-of.safetensors", "unknown"],
    ]);
    const error = await models.require({ workflows: [GRAPH] }).catch((thrown: unknown) => thrown);
    expect(isModelsError(error, "MODELS_MISSING") && error.problems).toHaveLength(3);
  });

  it("a model that is here, but not where its node looks, is missing until a sync shows it there", async () => {
    await using box = await makeGraphBox();
    const graph = { "3": GRAPH["3"] };
    const models = box.open();
    await models.sync({ models: ["box-b"] });
    expect(await models.check({ workflows: [graph] })).toMatchObject({
      ok: false,
      models: [{ name: "box-b", path: "diffusion_models/box-b.safetensors", status: "missing" }],
    });
    expect((await models.sync({ workflows: [graph] })).summary.fetchedBytes).toBe(0);
    expect((await models.check({ workflows: [graph] })).ok).toBe(true);
  });

  it("a file that nobody knows, but that a person put where the node looks, is unverified", async () => {
    await using box = await makeGraphBox();
    const { content } = await weights("by hand", 100_000);
    await box.write("vae/box-unheard-of.safetensors", await bytesOf(content));
    const models = box.open();
    await models.sync({ workflows: [GRAPH] });
    const report = await models.check({ workflows: [GRAPH] });
    expect(report.ok).toBe(true);
    expect(report.models.at(-1)).toMatchObject({ path: "vae/box-unheard-of.safetensors", status: "unverified" });
    expect(report.models.at(-1)?.fix).toContain("write an entry");
    expect((await models.check({ workflows: [GRAPH], isStrict: true })).ok).toBe(false);
  });

  it("select() puts values into the one workflow that is named, as a caller overrides them", async () => {
    await using box = await makeGraphBox();
    const set = [{ node: "3", input: "unet_name", value: "sub/box-a.safetensors" }];
    const { models, views } = await box.open().select({ workflows: [{ "3": GRAPH["3"] }], set });
    expect(models.map(({ name }) => name)).toEqual(["box-a"]);
    expect(views).toEqual([{ model: "box-a", path: "diffusion_models/sub/box-a.safetensors" }]);
    await expect(box.open().select({ workflows: [GRAPH, GRAPH], set })).rejects.toMatchObject({ code: "USAGE" });
    await expect(box.open().select({ models: ["box-a"], set })).rejects.toMatchObject({ code: "USAGE" });
    const absent = [{ node: "77", input: "x", value: "y" }];
    await expect(box.open().inspect(GRAPH, { set: absent })).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  });

  it("comes from PRELOAD_WORKFLOW when nothing is named", async () => {
    await using box = await makeGraphBox();
    await writeFile(join(box.folder, "graph.json"), JSON.stringify(GRAPH));
    const models = box.open({ environment: { ...box.environment, PRELOAD_WORKFLOW: "graph.json" } });
    expect((await models.select()).models.map(({ name }) => name)).toEqual(["box-a", "box-b"]);
    await expect(box.open().select()).rejects.toMatchObject({ code: "USAGE" });
  });
});
