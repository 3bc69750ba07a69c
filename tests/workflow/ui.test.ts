/** The editor's format: where widget values are, what links bring, which nodes run. */
import { describe, expect, it } from "vitest";
import { linkObject, socket, uiGraph, uiNode, widgetInput } from "./fixtures/graphs.ts";
import { ask, places } from "./fixtures/registry.ts";

const lora = (id: number, name: string, mode = 0): Record<string, unknown> =>
  uiNode({ id, type: "LoraLoader", mode, widgets: [name, 1, 1] });
/** A LoraLoader whose name comes over link 1, with a value left over from before. */
const fedLora = uiNode({
  id: 2,
  type: "LoraLoader",
  widgets: ["left-over.safetensors", 1, 1],
  inputs: [socket("model", "MODEL"), widgetInput("lora_name", 1)],
});

describe("readUi() on widgets", () => {
  it("reads widgets_values as a list and as an object", () => {
    const object = uiNode({ id: 1, type: "LoraLoader", widgets: { lora_name: "a.safetensors", strength_model: 1 } });
    expect(places(uiGraph([object, lora(2, "b.safetensors")]))).toEqual(["loras/a.safetensors", "loras/b.safetensors"]);
  });

  it("takes the names of inputs for places, control values left out", () => {
    const node = uiNode({
      id: 1,
      type: "UnknownLoader",
      widgets: [42, "randomize", "a.safetensors"],
      inputs: [widgetInput("seed"), widgetInput("lora_name")],
    });
    expect(ask(uiGraph([node])).references).toMatchObject([
      { input: "lora_name", folder: "loras", name: "a.safetensors", how: "inferred" },
    ]);
  });

  it("reads backslashes of Windows as slashes and keeps the raw spelling", () => {
    expect(ask(uiGraph([lora(1, "style\\.\\ink.safetensors")])).references[0]).toMatchObject({
      name: "style/ink.safetensors",
      raw: "style\\.\\ink.safetensors",
    });
  });

  it("finds a name that a version of the node has at another place", () => {
    const node = uiNode({ id: 1, type: "UNETLoader", widgets: ["added", "m.safetensors", "default"] });
    expect(ask(uiGraph([node])).references).toMatchObject([{ folder: "diffusion_models", how: "registry" }]);
  });

  it("reads both nodes of a file in which two share an id", () => {
    expect(places(uiGraph([lora(1, "a.safetensors"), lora(1, "b.safetensors")]))).toHaveLength(2);
  });
});

describe("readUi() on modes", () => {
  const graph = uiGraph([
    lora(1, "on.safetensors"),
    lora(2, "muted.safetensors", 2),
    lora(3, "bypassed.safetensors", 4),
  ]);

  it("leaves out muted and bypassed nodes", () => {
    expect(places(graph)).toEqual(["loras/on.safetensors"]);
  });

  it("keeps them, marked, with includeInactive", () => {
    expect(ask(graph, { includeInactive: true }).references.map((one) => one.isActive)).toEqual([true, false, false]);
  });

  it("leaves out notes", () => {
    expect(places(uiGraph([uiNode({ id: 1, type: "MarkdownNote", widgets: ["a.safetensors"] })]))).toEqual([]);
  });
});

describe("readUi() on links", () => {
  const primitive = uiNode({ id: 1, type: "PrimitiveNode", widgets: ["fed.safetensors", "fixed"] });

  it.each([
    ["lists", [[1, 1, 0, 2, 1, "COMBO"]]],
    ["objects", [linkObject(1, [1, 0], [2, 1])]],
  ])("follows links written as %s to a primitive", (_, links) => {
    expect(places(uiGraph([primitive, fedLora], links))).toEqual(["loras/fed.safetensors"]);
  });

  it("follows relays, and GetNode to its SetNode", () => {
    const nodes = [
      primitive,
      fedLora,
      uiNode({ id: 3, type: "Reroute", inputs: [socket("", "*", 2)] }),
      uiNode({ id: 4, type: "GetNode", widgets: ["name"] }),
      uiNode({ id: 5, type: "SetNode", widgets: ["name"], inputs: [socket("COMBO", "COMBO", 3)] }),
    ];
    const links = [
      [1, 3, 0, 2, 1, "*"],
      [2, 4, 0, 3, 0, "*"],
      [3, 1, 0, 5, 0, "*"],
    ];
    expect(places(uiGraph(nodes, links))).toEqual(["loras/fed.safetensors"]);
  });

  it("takes the value of a text node, and does not report it a second time as inferred", () => {
    const text = uiNode({ id: 1, type: "SomeString", widgets: ["text.safetensors"] });
    expect(ask(uiGraph([text, fedLora], [[1, 1, 0, 2, 1, "STRING"]])).references).toMatchObject([
      { folder: "loras", name: "text.safetensors", how: "registry", nodes: [{ id: "2", input: "lora_name" }] },
    ]);
  });

  it("says that a computed name cannot be known, and leaves the left-over value out", () => {
    const random = uiNode({ id: 1, type: "RandomLine", widgets: [7, "a\nb"], inputs: [socket("seed", "INT", 9)] });
    const { references, warnings } = ask(uiGraph([random, fedLora], [[1, 1, 0, 2, 1, "STRING"]]));
    expect(references).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining("node 2 (LoraLoader) gets lora_name from node 1")]);
  });

  it("goes through a bypassed node by type", () => {
    const bypassed = uiNode({
      id: 3,
      type: "Passing",
      mode: 4,
      inputs: [socket("image", "IMAGE"), socket("name", "COMBO", 2)],
      outputs: [{ name: "name", type: "COMBO" }],
    });
    const links = [
      [1, 3, 0, 2, 1, "COMBO"],
      [2, 1, 0, 3, 1, "COMBO"],
    ];
    expect(places(uiGraph([primitive, fedLora, bypassed], links))).toEqual(["loras/fed.safetensors"]);
  });

  it("uses the widget's own value when the link leads nowhere", () => {
    expect(places(uiGraph([fedLora], [[1, 77, 0, 2, 1, "COMBO"]]))).toEqual(["loras/left-over.safetensors"]);
    expect(places(uiGraph([fedLora]))).toEqual(["loras/left-over.safetensors"]);
  });

  it("ends on relays that feed one another", () => {
    const relays = [
      uiNode({ id: 1, type: "Reroute", inputs: [socket("", "*", 2)] }),
      uiNode({ id: 3, type: "Reroute", inputs: [socket("", "*", 3)] }),
    ];
    const links = [
      [1, 1, 0, 2, 1, "*"],
      [2, 3, 0, 1, 0, "*"],
      [3, 1, 0, 3, 0, "*"],
    ];
    expect(places(uiGraph([...relays, fedLora], links))).toEqual(["loras/left-over.safetensors"]);
  });

  it("reads schema 1.0, with state and links as objects", () => {
    const graph = {
      version: 1,
      state: { lastNodeId: 2 },
      nodes: [primitive, fedLora],
      links: [linkObject(1, [1, 0], [2, 1])],
    };
    expect(places(graph)).toEqual(["loras/fed.safetensors"]);
  });
});
