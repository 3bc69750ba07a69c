/** Graphs that are huge, deep, circular or nonsense: read or refused, never a crash, and in time that grows with their size. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { ModelsError } from "../../src/base/errors.ts";
import { linkObject, socket, subgraph, uiGraph, uiNode, widgetInput } from "./fixtures/graphs.ts";
import { ask, places } from "./fixtures/registry.ts";

/** The least of three, in milliseconds: other work on the machine only ever adds. */
function elapsed(run: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const started = systemClock.monotonicMs();
    run();
    return systemClock.monotonicMs() - started;
  });
  return Math.min(...times);
}

/** A chain of relays with a loader at every one, each loader fed from the far end. */
function chain(length: number): string {
  const nodes: Record<string, unknown>[] = [uiNode({ id: 0, type: "PrimitiveNode", widgets: ["far.safetensors"] })];
  const links: unknown[] = [];
  for (let at = 1; at <= length; at += 1) {
    nodes.push(uiNode({ id: at, type: "Reroute", inputs: [socket("", "*", at)] }));
    nodes.push(
      uiNode({ id: -at, type: "LoraLoader", widgets: ["x.pt"], inputs: [widgetInput("lora_name", length + at)] }),
    );
    links.push([at, at - 1, 0, at, 0, "*"], [length + at, at, 0, -at, 0, "*"]);
  }
  return JSON.stringify(uiGraph(nodes, links));
}

/** One definition with many outputs, each of which feeds a loader outside. */
function fan(width: number): string {
  const ids = Array.from({ length: width }, (_, index) => index + 1);
  const giver = subgraph({
    id: "sub",
    outputs: ids.map((id) => ({ name: `o${id}` })),
    nodes: ids.map((id) => uiNode({ id, type: "Text", widgets: [`${id}.pt`] })),
    links: ids.map((id) => linkObject(id, [id, 0], [-20, id - 1])),
  });
  const loaders = ids.map((id) =>
    uiNode({ id, type: "LoraLoader", widgets: ["x.pt"], inputs: [widgetInput("lora_name", id)] }),
  );
  const links = ids.map((id) => [id, 0, id - 1, id, 0, "STRING"]);
  return JSON.stringify(
    uiGraph([uiNode({ id: 0, type: "sub" }), ...loaders], links, { definitions: { subgraphs: [giver] } }),
  );
}

function circle(length: number): string {
  const entries = Array.from({ length }, (_, at) => [
    at,
    { class_type: "LoraLoader", inputs: { lora_name: [String((at + 1) % length), 0] } },
  ]);
  return JSON.stringify(Object.fromEntries(entries));
}

/** Every loader declares every model that it has. */
function declared(count: number): string {
  const models = [{ name: "same.safetensors", url: "https://example.net/same.safetensors", directory: "loras" }];
  const nodes = Array.from({ length: count }, (_, id) =>
    uiNode({
      id,
      type: "LoraLoader",
      widgets: ["same.safetensors"],
      properties: { models: [{ ...models[0], url: `https://example.net/${id}.pt` }] },
    }),
  );
  return JSON.stringify(uiGraph(nodes));
}

describe("a large graph", () => {
  it.each([
    ["10,000 relays, each with a loader", chain, 10_000, 1],
    ["a subgraph of 10,000 outputs", fan, 10_000, 10_000],
    ["10,000 nodes in a circle", circle, 10_000, 0],
    ["10,000 declarations of one name", declared, 10_000, 1],
  ])("of %s is read in time that grows with its size", (_, build, size, expected) => {
    const [small, large] = [build(size / 10), build(size)];
    expect(places(large)).toHaveLength(expected);
    const [few, many] = [elapsed(() => ask(small)), elapsed(() => ask(large))];
    // Ten times the size: linear is 10, quadratic is 100.
    expect(many).toBeLessThan(40 * Math.max(few, 2));
  });

  it("of one text of 20 MB is read", () => {
    const text = `{"1":{"class_type":"LoraTagLoader","inputs":{"text":"${"<lora:a ".repeat(2_500_000)}"}}}`;
    expect(places(text)).toEqual([]);
  });

  it("of 20 MB without its closing quote is refused", () => {
    const text = `{"1":{"class_type":"A","inputs":{"a":NaN,"text":"${'\\"'.repeat(10_000_000)}`;
    expect(() => places(text)).toThrow(expect.objectContaining({ code: "WORKFLOW_INVALID" }));
  });

  it("nested a million levels deep is refused or read, never a crash", () => {
    const deep = `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`;
    expect(() => places(deep)).toThrow(expect.objectContaining({ code: "WORKFLOW_INVALID" }));
    expect(places(`{"1":{"class_type":"A","inputs":{"a":${deep}}}}`)).toEqual([]);
    expect(places(uiGraph([uiNode({ id: 1, type: "A", widgets: [JSON.parse(deep)] })]))).toEqual([]);
  });
});

describe("nonsense", () => {
  const junk = fc.jsonValue({ maxDepth: 4 });
  const key = fc.constantFrom(
    "nodes",
    "links",
    "definitions",
    "subgraphs",
    "extra",
    "groupNodes",
    "inputs",
    "outputs",
    "properties",
    "models",
    "widgets_values",
    "proxyWidgets",
    "type",
    "id",
    "mode",
    "widget",
    "link",
    "name",
    "class_type",
    "prompt",
    "workflow",
    "input",
    "__proto__",
    "constructor",
  );
  const { tree: graphLike } = fc.letrec<{ tree: unknown; node: unknown }>((tie) => ({
    node: fc.oneof(junk, fc.constantFrom("LoraLoader", "a.safetensors", "workflow>x", "sub", -10, -20, 1, 2, 4)),
    tree: fc.oneof(
      { maxDepth: 6 },
      tie("node"),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 6 }),
    ),
  }));
  const readOrRefuse = (input: string | Uint8Array | object): void => {
    try {
      const { references } = ask(input, { includeInactive: true });
      for (const one of references) expect(typeof one.name).toBe("string");
    } catch (error) {
      expect(error).toBeInstanceOf(ModelsError);
      expect(error).toMatchObject({ code: "WORKFLOW_INVALID" });
    }
  };

  it("as JSON is read or refused with WORKFLOW_INVALID", () => {
    fc.assert(
      fc.property(graphLike, (tree) => readOrRefuse(JSON.stringify(tree))),
      { numRuns: 1500 },
    );
  });

  it("in the place of any part of a graph is read or refused with WORKFLOW_INVALID", () => {
    fc.assert(
      fc.property(fc.array(graphLike), fc.array(graphLike), graphLike, (nodes, links, definitions) => {
        readOrRefuse({ nodes, links, definitions, extra: definitions, models: nodes });
        readOrRefuse(Object.fromEntries(nodes.map((inputs, id) => [id, { class_type: "LoraLoader", inputs }])));
      }),
      { numRuns: 1000 },
    );
  });

  it("in a link is left out: an object where a slot's number belongs stopped the reading", () => {
    const links = [[1, 1, { toString: 1 }, 2, Object.create(null)]];
    expect(places(uiGraph([uiNode({ id: 2, type: "LoraLoader", widgets: ["a.pt"] })], links))).toEqual(["loras/a.pt"]);
  });

  it("that holds itself many times over is refused or read", () => {
    const self: Record<string, unknown> = {};
    for (const name of ["prompt", "workflow", "input", "data", "graph", "output", "payload", "body"]) self[name] = self;
    expect(() => places(self)).toThrow(expect.objectContaining({ code: "WORKFLOW_INVALID" }));
    const list: unknown[] = ["a.pt", { lora: "b.pt" }];
    for (let index = 0; index < 100; index += 1) list.push(list);
    expect(places({ "1": { class_type: "Nobodys", inputs: { list } } })).toEqual(["?/a.pt", "?/b.pt"]);
    expect(places({ "1": { class_type: "Power Lora Loader (rgthree)", inputs: { lora_1: list } } })).toEqual([
      "loras/b.pt",
    ]);
  });

  it("as bytes is read or refused with WORKFLOW_INVALID", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), readOrRefuse), { numRuns: 1000 });
  });
});
