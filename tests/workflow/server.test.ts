/** readServer() and withServer(): what a running ComfyUI says is exact for nodes that no registry knows. */
import { describe, expect, it } from "vitest";
import { createWorkflowReader } from "../../src/workflow/reader.ts";
import type { LoaderInput } from "../../src/workflow/registry.ts";
import { readServer, type Server } from "../../src/workflow/server.ts";

const COMBO = (...values: string[]) => [values, {}];
const LISTS: Readonly<Record<string, readonly string[]>> = {
  loras: ["a.safetensors", "sub/b.safetensors"],
  vae: ["ae.safetensors"],
  diffusion_models: ["flux.safetensors"],
  unet_gguf: ["flux-Q4.gguf"],
  rare_things: ["thing.pth"],
  twin_one: ["same.pth"],
  twin_two: ["same.pth"],
  configs: ["v1.yaml"],
};
const DIRECTORIES = Object.keys(LISTS).map((name) => ({
  name,
  folders:
    name === "unet_gguf" ? ["/c/models/unet", "/c/models/diffusion_models"] : [`/c/models/${name}`, `/c/out/${name}`],
}));

function server(classes: Readonly<Record<string, object>>): Server {
  const objectInfo = Object.fromEntries(
    Object.entries(classes).map(([name, required]) => [name, { input: { required } }]),
  );
  return readServer({ objectInfo, names: new Map(Object.entries(LISTS)), folders: DIRECTORIES });
}

const loader = (name: string, input: string, folders: readonly string[]): LoaderInput => ({
  class: name,
  input,
  index: 0,
  folders,
  written: "name",
  gate: null,
});
const reader = createWorkflowReader({
  registry: [
    {
      name: "core",
      loaders: [
        loader("LoraLoader", "lora_name", ["loras"]),
        loader("Wrong", "x", ["vae"]),
        loader("CLIPLoader", "clip_name", ["text_encoders"]),
        loader("DualCLIPLoader", "clip_name", ["text_encoders"]),
      ],
      presets: [],
      wrappers: [],
    },
  ],
});

describe("readServer()", () => {
  it("finds the folder of a list in V1 and V3 schemas, words like None aside", () => {
    const { inputsOf } = server({
      V1: { lora: COMBO("None", "a.safetensors", "sub/b.safetensors"), mode: COMBO("fast", "slow") },
      V3: { lora: ["COMBO", { multiselect: false, options: ["a.safetensors", "sub/b.safetensors"] }] },
    });
    expect(inputsOf("V1")?.map(({ input, index, folders, hasFiles }) => [input, index, folders, hasFiles])).toEqual([
      ["lora", 0, ["loras"], true],
      ["mode", 1, [], false],
    ]);
    expect(inputsOf("V3")?.[0]).toMatchObject({ folders: ["loras"], isWhole: true });
    expect(inputsOf("Absent")).toBeNull();
  });

  it("takes the place of a kind from the directories that the server searches", () => {
    const { inputsOf } = server({ Gguf: { unet: COMBO("flux-Q4.gguf") } });
    expect(inputsOf("Gguf")?.[0]?.folders).toEqual(["diffusion_models"]);
  });

  it("says several folders where lists are alike, and none for a list that is of no folder", () => {
    const { inputsOf } = server({ Twin: { x: COMBO("same.pth") }, Own: { x: COMBO("fetched-by-itself.pth") } });
    expect(inputsOf("Twin")?.[0]?.folders).toEqual(["twin_one", "twin_two"]);
    expect(inputsOf("Own")?.[0]).toMatchObject({ folders: [], hasFiles: true });
  });

  it("counts the places of widgets as the editor lays them out", () => {
    const { inputsOf } = server({
      Places: {
        model: ["MODEL"],
        seed: ["INT", { control_after_generate: true }],
        text: ["STRING", {}],
        linked: ["FLOAT", { forceInput: true }],
        lora: COMBO("a.safetensors", "sub/b.safetensors"),
        kind: [
          "COMFY_DYNAMICCOMBO_V3",
          { options: [{ key: "k", inputs: { required: { vae: COMBO("ae.safetensors") } } }] },
        ],
        late: COMBO("thing.pth"),
      },
    });
    expect(inputsOf("Places")?.map(({ input, index }) => [input, index])).toEqual([
      ["lora", 3],
      ["kind.vae", null],
      ["late", null],
    ]);
  });

  it("never fails on nonsense", () => {
    const nonsense = readServer({
      objectInfo: { A: { input: { required: { x: 7, y: [[{}]], z: [null, null] } } }, B: 3 },
      names: new Map([["loras", 9]]),
      folders: "no",
    });
    expect(nonsense.inputsOf("A")).toEqual([
      { input: "y", index: 0, values: new Set(), hasFiles: false, folders: [], isWhole: false },
    ]);
    expect(nonsense.inputsOf("B")).toBeNull();
    expect(nonsense.inputsOf("__proto__")).toBeNull();
  });
});

describe("withServer()", () => {
  const asks = (graph: object, one: Server | null) =>
    reader
      .referencesOf(reader.read(graph, { at: "graph" }), one)
      .references.map(({ nodes, folder, name, how }) => [nodes[0]?.id, nodes[0]?.input, folder, name, how]);

  it("answers for a class that no registry knows, in both formats", () => {
    const known = server({ Strange: { strength: ["FLOAT", {}], style: COMBO("thing.pth") } });
    const api = { "1": { class_type: "Strange", inputs: { style: "thing.pth" } } };
    const ui = {
      version: 0.4,
      links: [],
      nodes: [{ id: 1, type: "Strange", mode: 0, widgets_values: [0.5, "thing.pth"] }],
    };
    expect(asks(api, null)).toEqual([["1", "style", null, "thing.pth", "inferred"]]);
    for (const graph of [api, ui])
      expect(asks(graph, known)).toEqual([["1", "style", "rare_things", "thing.pth", "server"]]);
  });

  it("puts right a folder that the registry has wrong, and adds a list that it lacks", () => {
    const known = server({ Wrong: { x: COMBO("a.safetensors", "sub/b.safetensors"), more: COMBO("ae.safetensors") } });
    const graph = { "1": { class_type: "Wrong", inputs: { x: "a.safetensors", more: "ae.safetensors" } } };
    expect(asks(graph, known)).toEqual([
      ["1", "x", "loras", "a.safetensors", "server"],
      ["1", "more", "vae", "ae.safetensors", "server"],
    ]);
    const told = reader.differencesOf(reader.read(graph, { at: "graph" }), known);
    expect(told.map(({ kind, says }) => [kind, says])).toEqual([
      ["folder", "x lists the files of loras, the registry says vae"],
      ["new", "more is a list of files of vae, which the registry does not know"],
    ]);
  });

  it("leaves the registry's word where an empty or ambiguous list says nothing", () => {
    const known = server({ LoraLoader: { lora_name: COMBO() }, Wrong: { x: COMBO("same.pth") } });
    const graph = {
      "1": { class_type: "LoraLoader", inputs: { lora_name: "mine.safetensors" } },
      "2": { class_type: "Wrong", inputs: { x: "same.pth" } },
    };
    expect(asks(graph, known)).toEqual([
      ["1", "lora_name", "loras", "mine.safetensors", "registry"],
      ["2", "x", "vae", "same.pth", "registry"],
    ]);
    expect(reader.differencesOf(reader.read(graph, { at: "graph" }), known)).toEqual([]);
  });

  it("tells which classes and inputs the server does not have", () => {
    const known = server({ LoraLoader: { other: COMBO("x") } });
    const graph = {
      "1": { class_type: "LoraLoader", inputs: { lora_name: "mine.safetensors" } },
      "2": { class_type: "NotInstalled", inputs: {} },
    };
    expect(reader.differencesOf(reader.read(graph, { at: "graph" }), known)).toEqual([
      { node: "node 1 (LoraLoader)", kind: "input", says: "the server has no list for lora_name" },
      { node: "node 2 (NotInstalled)", kind: "class", says: "the server has no class NotInstalled" },
    ]);
  });
});
