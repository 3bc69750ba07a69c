/** A running ComfyUI is asked: over its own protocol, once, and its word shows in inspect, check and sync. */
import { describe, expect, it } from "vitest";
import { startComfyui, status } from "../origins/index.ts";
import { makeBox } from "./box.ts";

const KINDS = {
  loras: { names: ["style.safetensors", "sub/other.safetensors"] },
  rare_things: { names: ["thing.pth"] },
  diffusion_models: {
    names: ["flux.safetensors"],
    directories: ["/comfyui/models/unet", "/comfyui/models/diffusion_models"],
  },
  custom_nodes: { names: ["readme.md"] },
};
const CLASSES = {
  LoraLoader: { required: { model: { type: "MODEL" }, lora_name: { files: "loras" } } },
  UNETLoader: { required: { unet_name: { files: "diffusion_models", schema: "v3" } } },
  Strange: {
    required: {
      amount: { type: "FLOAT", options: { max: "<Infinity>" } },
      thing: { files: "rare_things", before: ["None"] },
    },
    module: "custom_nodes.strange",
  },
} as const;
const GRAPH = {
  "1": { class_type: "Strange", inputs: { amount: 1, thing: "thing.pth" } },
  "2": { class_type: "LoraLoader", inputs: { lora_name: "sub\\other.safetensors" } },
  "3": { class_type: "UNETLoader", inputs: { unet_name: "flux.safetensors" } },
  "4": { class_type: "NotInstalled", inputs: {} },
};

describe("askComfyui()", () => {
  it("makes the answer exact for nodes that no registry knows, and tells what the server would refuse", async () => {
    await using comfyui = await startComfyui({ kinds: KINDS, classes: CLASSES });
    await using box = await makeBox();
    const report = await box.open({ comfyui: `${comfyui.url}/` }).inspect(GRAPH);
    expect(report.references.map(({ path, how, isListed }) => [path, how, isListed])).toEqual([
      ["loras/sub/other.safetensors", "registry", false],
      ["diffusion_models/flux.safetensors", "registry", true],
      ["rare_things/thing.pth", "server", true],
    ]);
    expect(report.server?.address).toBe(comfyui.url);
    expect(report.server?.differences).toEqual([
      {
        node: "node 1 (Strange)",
        kind: "new",
        says: "thing is a list of files of rare_things, which the registry does not know",
      },
      { node: "node 4 (NotInstalled)", kind: "class", says: "the server has no class NotInstalled" },
    ]);
    expect((await box.open().inspect(GRAPH)).references.at(-1)).toMatchObject({ how: "inferred", folder: null });
  });

  it("is asked once for all workflows of one run, and never for what no list needs", async () => {
    await using comfyui = await startComfyui({ kinds: KINDS, classes: CLASSES, hasExperiments: false });
    await using box = await makeBox();
    const models = box.open({ comfyui: comfyui.url.replace("http://", "") });
    const report = await models.check({ workflows: [GRAPH, { "1": GRAPH["1"] }] });
    expect(report.models.map(({ path }) => path)).toContain("rare_things/thing.pth");
    await models.check({ workflows: [GRAPH] });
    const paths = comfyui.origin.requests.map(({ url }) => url);
    expect(paths.filter((path) => path === "/object_info")).toHaveLength(1);
    expect(paths).not.toContain("/prompt");
  });

  it("says so when no ComfyUI answers there", async () => {
    await using comfyui = await startComfyui({ kinds: {}, classes: {} });
    await using box = await makeBox();
    comfyui.origin.faults.add(({ path }) => path === "/models", status(404));
    await expect(box.open({ comfyui: comfyui.url }).inspect(GRAPH)).rejects.toMatchObject({
      code: "MIRROR_FAILED",
      fix: expect.stringContaining("http://127.0.0.1:8188"),
    });
    await expect(box.open({ comfyui: "ftp://x" }).inspect(GRAPH)).rejects.toMatchObject({ code: "USAGE" });
  });
});
