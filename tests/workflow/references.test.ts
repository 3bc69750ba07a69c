/** What is found in which node, in which folder, and how that is known. */
import { describe, expect, it } from "vitest";
import { createWorkflowReader } from "../../src/workflow/reader.ts";
import type { RegistryPackage } from "../../src/workflow/registry.ts";
import { apiNode, uiGraph, uiNode, widgetInput } from "./fixtures/graphs.ts";
import { ask, places, readerOf } from "./fixtures/registry.ts";

const one = (className: string, inputs: Record<string, unknown>) => ({ "1": apiNode(className, inputs) });
const old = (type: string, widgets: readonly unknown[]) => uiGraph([uiNode({ id: 1, type, widgets })]);

describe("referencesOf() with the shipped registry", () => {
  it.each<readonly [string, object, readonly string[]]>([
    ["GGUF by folder, not by ending", one("UnetLoaderGGUF", { unet_name: "q4.gguf" }), ["diffusion_models/q4.gguf"]],
    [
      "two names of one class",
      one("DualCLIPLoader", { clip_name1: "l.safetensors", clip_name2: "t5.safetensors" }),
      ["text_encoders/l.safetensors", "text_encoders/t5.safetensors"],
    ],
    [
      "a class that wraps another",
      one("UNETLoaderDisTorch2MultiGPU", { unet_name: "m.sft" }),
      ["diffusion_models/m.sft"],
    ],
    ["None and its kin as no file", one("LoraLoader", { lora_name: "None" }), []],
    [
      "only rows that are on",
      one("Power Lora Loader (rgthree)", {
        lora_1: { on: true, lora: "a.safetensors", strength: 1 },
        lora_2: { on: false, lora: "b.safetensors", strength: 1 },
        lora_3: { on: true, lora: "None", strength: 1 },
      }),
      ["loras/a.safetensors"],
    ],
    [
      "rows among the widgets of the editor",
      old("Power Lora Loader (rgthree)", [{}, { type: "header" }, { on: true, lora: "a.safetensors" }, null, ""]),
      ["loras/a.safetensors"],
    ],
    [
      "as many repeated inputs as are counted",
      one("LoRA Stacker", {
        lora_count: 2,
        lora_name_1: "a.safetensors",
        lora_name_2: "None",
        lora_name_3: "c.safetensors",
      }),
      ["loras/a.safetensors"],
    ],
    [
      "as many unnamed values as are counted",
      old("LoRA Stacker", ["simple", 2, "a.safetensors", 1, 1, 1, "b.safetensors", 1, 1, 1, "c.safetensors", 1, 1, 1]),
      ["loras/a.safetensors", "loras/b.safetensors"],
    ],
    [
      "only what its switch turns on",
      one("CR LoRA Stack", { switch_1: "On", lora_name_1: "a.pt", switch_2: "Off", lora_name_2: "b.pt" }),
      ["loras/a.pt"],
    ],
    [
      "an object with content",
      one("LoraLoader|pysssss", { lora_name: { content: "a.pt", image: null } }),
      ["loras/a.pt"],
    ],
    ["a folder", one("DiffusersLoader", { model_path: "sd-folder" }), ["diffusers/sd-folder"]],
    ["a combo that only inserts text as nothing", one("ToDetailerPipe", { "Select to add LoRA": "a.safetensors" }), []],
    [
      "an absolute path by its last part",
      one("LoraLoader", { lora_name: "C:\\models\\loras\\a.safetensors" }),
      ["loras/a.safetensors"],
    ],
    ["several names in one text", one("LoraLoader", { lora_name: "a.pt, b/c.pt" }), ["loras/a.pt", "loras/b/c.pt"]],
    [
      "a list of names",
      one("LoraLoader", { lora_name: { __value__: ["a.pt", "b.pt"] } }),
      ["loras/a.pt", "loras/b.pt"],
    ],
  ])("reads %s", (_, graph, expected) => {
    expect(places(graph)).toEqual(expected);
  });

  it("lists one file once, with every node that names it", () => {
    const graph = {
      "1": apiNode("LoraLoader", { lora_name: "a\\b.pt" }),
      "2": apiNode("LoraLoaderModelOnly", { lora_name: "a/b.pt" }),
    };
    expect(ask(graph).references).toMatchObject([
      {
        name: "a/b.pt",
        input: "lora_name",
        nodes: [
          { id: "1", class: "LoraLoader" },
          { id: "2", class: "LoraLoaderModelOnly" },
        ],
      },
    ]);
  });

  it("gives every folder that ComfyUI searches", () => {
    expect(ask(one("UNETLoader", { unet_name: "m.sft" })).references[0]?.folders).toEqual(["diffusion_models", "unet"]);
    expect(ask(one("VAELoader", { vae_name: "v.sft" })).references[0]?.folders).toEqual(["vae", "vae_approx"]);
  });

  it("keeps apart what a node fetches itself into a place of its own", () => {
    const { references, outside } = ask(one("RIFE VFI", { ckpt_name: "rife47.pth" }));
    expect(references).toEqual([]);
    expect(outside).toMatchObject([
      { folder: "custom_nodes/ComfyUI-Frame-Interpolation/ckpts/rife", name: "rife47.pth" },
    ]);
  });

  it("warns of a value that names no file", () => {
    expect(ask(one("CheckpointLoaderSimple", { ckpt_name: "$CHECKPOINT" })).warnings).toEqual([
      'node 1 (CheckpointLoaderSimple) has "$CHECKPOINT" as ckpt_name, which names no file',
    ]);
  });
});

describe("referencesOf() on classes that nobody knows", () => {
  it("marks what ends like weights as inferred, with a folder where the input's name tells it", () => {
    const { references } = ask(
      one("NobodysLoader", { lora_name: "a.pt", thing: { deep: ["b.gguf"] }, text: "no.txt" }),
    );
    expect(references).toMatchObject([
      { how: "inferred", folder: "loras", name: "a.pt", input: "lora_name" },
      { how: "inferred", folder: null, name: "b.gguf", input: "thing" },
    ]);
  });

  it("takes the declared folder and address, marked as declared", () => {
    const models = [
      {
        name: "m.safetensors",
        url: "https://example.net/o/r/blob/main/m.safetensors",
        directory: "unet",
        hash: "AB".repeat(32),
        hash_type: "SHA256",
      },
    ];
    const node = uiNode({ id: 1, type: "NobodysLoader", widgets: ["m.safetensors"], properties: { models } });
    expect(ask(uiGraph([node])).references).toMatchObject([
      {
        how: "declared",
        folder: "diffusion_models",
        declared: {
          url: "https://example.net/o/r/resolve/main/m.safetensors",
          sha256: "ab".repeat(32),
          directory: "diffusion_models",
        },
      },
    ]);
  });

  it("takes the name at the end of an address", () => {
    expect(
      ask(one("UrlLoader", { url: "https://example.net/a/my%20lora.safetensors?download=true" })).references,
    ).toMatchObject([{ how: "inferred", name: "my lora.safetensors" }]);
  });

  it("does not repeat what a known node names", () => {
    const graph = { "1": apiNode("VAELoader", { vae_name: "v.pt" }), "2": apiNode("Note taker", { about: "v.pt" }) };
    expect(ask(graph).references).toMatchObject([
      { folder: "vae", how: "registry", nodes: [{ id: "1" }, { id: "2" }] },
    ]);
  });

  it("takes no prompt that ends in an embedding for a file", () => {
    expect(places(one("Prompt", { text: "bad hands, embedding:neg.pt" }))).toEqual(["embeddings/neg.pt"]);
  });
});

describe("referencesOf() on declared models", () => {
  const entry = (name: string, directory: string) => ({ name, directory, url: `https://example.net/${name}` });
  const loader = (models: readonly object[]) =>
    uiNode({ id: 1, type: "CheckpointLoaderSimple", widgets: ["used.safetensors"], properties: { models } });

  it("believes the widget, not a declaration of another name", () => {
    const [reference] = ask(uiGraph([loader([entry("stale.safetensors", "checkpoints")])])).references;
    expect(reference).toMatchObject({ name: "used.safetensors", how: "registry" });
    expect(reference).not.toHaveProperty("declared");
  });

  it("reads models of the whole file", () => {
    const graph = uiGraph([loader([])], [], { models: [entry("used.safetensors", "checkpoints")] });
    expect(ask(graph).references[0]?.declared?.url).toBe("https://example.net/used.safetensors");
  });

  it("leaves out entries without a folder or an address", () => {
    const broken = [
      { name: "used.safetensors", url: "https://example.net/x" },
      { name: "used.safetensors", directory: "vae" },
    ];
    expect(ask(uiGraph([loader(broken)])).references[0]).not.toHaveProperty("declared");
  });

  it("warns of an address that ends in another file", () => {
    const models = [{ ...entry("used.safetensors", "checkpoints"), url: "https://example.net/other.safetensors" }];
    expect(ask(uiGraph([loader(models)])).warnings).toEqual([
      "used.safetensors is declared with an address that ends in other.safetensors",
    ]);
  });
});

describe("referencesOf() on prompts", () => {
  it("reads embeddings anywhere, also through a link, with the endings that ComfyUI tries", () => {
    const graph = {
      "1": apiNode("CLIPTextEncode", { text: ["2", 0] }),
      "2": apiNode("Text", { text: "(embedding:sub/neg:1.2), cat" }),
    };
    expect(ask(graph).references).toMatchObject([
      { how: "prompt", folder: "embeddings", name: "sub/neg", endings: [".safetensors", ".pt", ".bin"] },
    ]);
  });

  it("reads <lora:…> only where a node obeys it", () => {
    const text = "a <lora:ink:0.8> and <lora:sub\\wash.safetensors:1:0.5:LBW=x>";
    expect(places(one("CLIPTextEncode", { text }))).toEqual([]);
    expect(places(one("LoraTagLoader", { text }))).toEqual(["loras/ink", "loras/sub/wash.safetensors"]);
  });

  it("warns of wildcards, which are drawn when the graph runs", () => {
    expect(ask(one("ImpactWildcardProcessor", { populated_text: "__style__" })).warnings).toHaveLength(1);
  });
});

describe("referencesOf() on presets", () => {
  const loader = apiNode("IPAdapterUnifiedLoader", { preset: "PLUS (high strength)" });
  const withBase = (name: string) => ({ "1": apiNode("CheckpointLoaderSimple", { ckpt_name: name }), "2": loader });

  it("takes the files of the base model's family", () => {
    expect(places(withBase("sd_xl_base_1.0.safetensors"))).toContain(
      "ipadapter/ip-adapter-plus_sdxl_vit-h.safetensors",
    );
    expect(places(withBase("v1-5-pruned.safetensors"))).toContain("ipadapter/ip-adapter-plus_sd15.safetensors");
  });

  it("says so when the names do not tell the family", () => {
    const { references, warnings } = ask(withBase("mystery.safetensors"));
    expect(references).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining("chooses its files by the base model")]);
  });

  it("takes what a class always needs", () => {
    expect(places(one("InstantIDFaceAnalysis", { provider: "CPU" }))).toContain(
      "insightface/models/antelopev2/glintr100.onnx",
    );
  });

  it("finds the value of a widget that has no name", () => {
    expect(places(old("SAMModelLoader (segment anything)", ["sam_hq_vit_b (379MB)"]))).toEqual([
      "sams/sam_hq_vit_b.pth",
    ]);
  });
});

describe("createRegistry()", () => {
  it("lets the package that a node names decide between two of one class", () => {
    const packageOf = (name: string, folder: string): RegistryPackage => ({
      name,
      loaders: [{ class: "L", input: "m", index: 0, folders: [folder], written: "name", gate: null }],
      presets: [],
      wrappers: [],
    });
    const registry = [packageOf("someone/ComfyUI-First", "first"), packageOf("someone/ComfyUI-Second", "second")];
    const reader = createWorkflowReader({ registry });
    const folderFor = (properties: Record<string, unknown>): string | null | undefined => {
      const graph = uiGraph([uiNode({ id: 1, type: "L", widgets: ["a.pt"], properties })]);
      return reader.referencesOf(reader.read(graph, { at: "x" })).references[0]?.folder;
    };
    expect(folderFor({})).toBe("first");
    expect(folderFor({ aux_id: "fork/comfyui_second" })).toBe("second");
    expect(folderFor({ cnr_id: "second" })).toBe("second");
  });

  it("knows inputs by their place only when the file names none", () => {
    const reader = readerOf([{ class: "L", input: "m", index: 1 }]);
    const named = uiNode({
      id: 1,
      type: "L",
      widgets: ["a.pt", "b.pt"],
      inputs: [widgetInput("m"), widgetInput("other")],
    });
    const workflow = reader.read(uiGraph([named]), { at: "x" });
    expect(reader.referencesOf(workflow).references.map((one) => [one.name, one.how])).toEqual([
      ["a.pt", "registry"],
      ["b.pt", "inferred"],
    ]);
  });
});
