/** Subgraphs: three generations of promoted widgets, nesting, several instances, and the older group nodes. */
import { describe, expect, it } from "vitest";
import { parseOverride } from "../../src/workflow/overrides.ts";
import { linkObject, subgraph, uiGraph, uiNode, widgetInput } from "./fixtures/graphs.ts";
import { ask, places } from "./fixtures/registry.ts";

/** A subgraph with one UNETLoader, whose name is bound to the input `unet_name`. */
const bound = subgraph({
  id: "sub",
  inputs: [{ name: "model" }, { name: "unet_name", label: "the model" }],
  nodes: [
    uiNode({
      id: 3,
      type: "UNETLoader",
      widgets: ["inside.safetensors", "default"],
      inputs: [widgetInput("unet_name", 1), widgetInput("weight_dtype")],
    }),
  ],
  links: [linkObject(1, [-10, 1], [3, 0])],
});
const withSubgraphs = (
  nodes: readonly Record<string, unknown>[],
  subgraphs: readonly object[],
  links: readonly unknown[] = [],
) => uiGraph(nodes, links, { definitions: { subgraphs } });
const instance = (id: number, more: object = {}): Record<string, unknown> => uiNode({ id, type: "sub", ...more });

describe("subgraphs", () => {
  it("are read with the instance's id before the node's", () => {
    expect(ask(withSubgraphs([instance(11)], [bound])).references).toMatchObject([
      { name: "inside.safetensors", nodes: [{ id: "11:3", class: "UNETLoader", input: "unet_name" }] },
    ]);
  });

  it("are not read without an instance", () => {
    expect(places(withSubgraphs([], [bound]))).toEqual([]);
  });

  it("first generation: a proxy of an inner widget leaves the value inside", () => {
    const properties = { proxyWidgets: [["3", "unet_name"]] };
    expect(places(withSubgraphs([instance(11, { properties })], [bound]))).toEqual([
      "diffusion_models/inside.safetensors",
    ]);
  });

  it("second generation: a proxy of the instance's own input brings its value in", () => {
    const properties = {
      proxyWidgets: [
        ["3", "weight_dtype"],
        ["-1", "unet_name"],
      ],
    };
    const host = instance(11, { properties, widgets: [null, "host.safetensors"] });
    expect(places(withSubgraphs([host], [bound]))).toEqual(["diffusion_models/host.safetensors"]);
  });

  it("second generation: proxies written as text are read too", () => {
    const properties = { proxyWidgets: JSON.stringify([["-1", "unet_name"]]) };
    const host = instance(11, { properties, widgets: ["host.safetensors"] });
    expect(places(withSubgraphs([host], [bound]))).toEqual(["diffusion_models/host.safetensors"]);
  });

  it("third generation: values follow the inputs that feed widgets, each instance its own", () => {
    const hosts = [instance(11, { widgets: ["one.safetensors"] }), instance(12, { widgets: ["two.safetensors"] })];
    expect(places(withSubgraphs(hosts, [bound]))).toEqual([
      "diffusion_models/one.safetensors",
      "diffusion_models/two.safetensors",
    ]);
  });

  it("third generation: a missing value is kept inside", () => {
    expect(places(withSubgraphs([instance(11, { widgets: [] })], [bound]))).toEqual([
      "diffusion_models/inside.safetensors",
    ]);
  });

  it("take what a primitive outside feeds into the instance", () => {
    const nodes = [
      uiNode({ id: 1, type: "PrimitiveNode", widgets: ["outside.safetensors", "fixed"] }),
      instance(11, { inputs: [widgetInput("unet_name", 5)], widgets: ["host.safetensors"] }),
    ];
    expect(places(withSubgraphs(nodes, [bound], [[5, 1, 0, 11, 0, "COMBO"]]))).toEqual([
      "diffusion_models/outside.safetensors",
    ]);
  });

  it("give what a node inside feeds to one outside", () => {
    const giver = subgraph({
      id: "sub",
      outputs: [{ name: "name" }],
      nodes: [uiNode({ id: 3, type: "SomeString", widgets: ["given.safetensors"] })],
      links: [linkObject(1, [3, 0], [-20, 0])],
    });
    const nodes = [
      instance(11),
      uiNode({ id: 2, type: "LoraLoader", widgets: ["old.safetensors", 1, 1], inputs: [widgetInput("lora_name", 5)] }),
    ];
    expect(places(withSubgraphs(nodes, [giver], [[5, 11, 0, 2, 0, "STRING"]]))).toEqual(["loras/given.safetensors"]);
  });

  it("nest, with a value that passes through both instances", () => {
    const outer = subgraph({
      id: "outer",
      inputs: [{ name: "unet_name" }],
      nodes: [uiNode({ id: 7, type: "sub", inputs: [widgetInput("unet_name", 2)] })],
      links: [linkObject(2, [-10, 0], [7, 0])],
      definitions: { subgraphs: [bound] },
    });
    const host = uiNode({ id: 20, type: "outer", widgets: ["far.safetensors"] });
    expect(ask(withSubgraphs([host], [outer])).references).toMatchObject([
      { name: "far.safetensors", nodes: [{ id: "20:7:3" }] },
    ]);
  });

  it("are switched off as a whole, unless another instance is on", () => {
    expect(places(withSubgraphs([instance(11, { mode: 4 })], [bound]))).toEqual([]);
    expect(places(withSubgraphs([instance(11, { mode: 2 }), instance(12)], [bound]))).toHaveLength(1);
    const all = ask(withSubgraphs([instance(11, { mode: 2 })], [bound]), { includeInactive: true });
    expect(all.references).toMatchObject([{ isActive: false }]);
  });

  it("that contain themselves are read once, with a warning", () => {
    const loop = subgraph({
      id: "sub",
      nodes: [instance(1), uiNode({ id: 2, type: "UNETLoader", widgets: ["m.gguf"] })],
    });
    const { references, warnings } = ask(withSubgraphs([instance(11)], [loop]));
    expect(references).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining("contains itself at node 11:1")]);
  });

  it("that unfold to millions of nodes are refused", () => {
    const levels = Array.from({ length: 30 }, (_, level) =>
      subgraph({ id: `s${level}`, nodes: [1, 2].map((id) => uiNode({ id, type: `s${level + 1}` })) }),
    );
    expect(() => places(withSubgraphs([uiNode({ id: 1, type: "s0" })], levels))).toThrow(
      expect.objectContaining({ code: "WORKFLOW_INVALID", message: expect.stringContaining("unfold") }),
    );
  });

  it.each([
    ["the instance's input", "11.unet_name"],
    ["its label", "11.the model"],
    ["the node inside", "11:3.unet_name"],
  ])("take an override on %s", (_, target) => {
    expect(
      places(withSubgraphs([instance(11)], [bound]), { set: [parseOverride(`${target}=set.safetensors`)] }),
    ).toEqual(["diffusion_models/set.safetensors"]);
  });

  it("take an override on a widget that is only a proxy", () => {
    const plain = subgraph({ id: "sub", nodes: [uiNode({ id: 3, type: "UNETLoader", widgets: ["a.safetensors"] })] });
    const host = instance(11, { properties: { proxyWidgets: [["3", "unet_name"]] } });
    const set = [parseOverride("11.unet_name=set.safetensors")];
    expect(places(withSubgraphs([host], [plain]), { set })).toEqual(["diffusion_models/set.safetensors"]);
  });
});

describe("group nodes", () => {
  const groupNodes = {
    Pair: {
      nodes: [
        { type: "CheckpointLoaderSimple", index: 0, widgets_values: ["template.safetensors"] },
        { type: "LoraLoader", index: 1, widgets_values: ["template-lora.safetensors", 1, 1] },
      ],
      links: [],
    },
  };
  const group = (widgets: readonly unknown[], type = "workflow>Pair") =>
    uiGraph([uiNode({ id: 5, type, widgets })], [], { extra: { groupNodes } });

  it.each(["workflow>Pair", "workflow/Pair"])("spelled %s give each inner node its part of the values", (type) => {
    expect(places(group(["own.safetensors", "own-lora.safetensors", 0.5, 0.5], type))).toEqual([
      "checkpoints/own.safetensors",
      "loras/own-lora.safetensors",
    ]);
  });

  it("with hidden widgets are read by the order of names", () => {
    expect(places(group(["own.safetensors", "own-lora.safetensors"]))).toEqual([
      "checkpoints/own.safetensors",
      "loras/own-lora.safetensors",
    ]);
  });

  it("that are not instantiated ask for nothing", () => {
    expect(places(uiGraph([], [], { extra: { groupNodes } }))).toEqual([]);
  });

  it("that contain themselves are refused", () => {
    const self = { Self: { nodes: [{ type: "workflow>Self", index: 0 }] } };
    const graph = uiGraph([uiNode({ id: 1, type: "workflow>Self" })], [], { extra: { groupNodes: self } });
    expect(() => places(graph)).toThrow(expect.objectContaining({ code: "WORKFLOW_INVALID" }));
  });
});
