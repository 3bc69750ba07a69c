/** Every wrapper in which a graph arrives, and everything that is refused. */
import { describe, expect, it } from "vitest";
import { parseOverride } from "../../src/workflow/overrides.ts";
import { readWorkflow } from "../../src/workflow/read.ts";
import { apiNode, uiGraph, uiNode } from "./fixtures/graphs.ts";
import { ask, places } from "./fixtures/registry.ts";

const api = { "4": apiNode("CheckpointLoaderSimple", { ckpt_name: "base.safetensors" }) };
const ui = uiGraph([uiNode({ id: 4, type: "CheckpointLoaderSimple", widgets: ["base.safetensors"] })]);
const expected = ["checkpoints/base.safetensors"];

describe("readWorkflow()", () => {
  it.each<readonly [string, string | Uint8Array | object]>([
    ["the API graph itself", api],
    ["its text", JSON.stringify(api)],
    ["its bytes with a byte order mark", Buffer.from(`\ufeff${JSON.stringify(api)}`)],
    ["its bytes in UTF-16", Buffer.from(`\ufeff${JSON.stringify(api)}`, "utf16le")],
    ["a string of JSON in JSON", JSON.stringify(JSON.stringify(api))],
    ["the body of POST /prompt", { prompt: api, client_id: "x", extra_data: { extra_pnginfo: { workflow: ui } } }],
    ["a job input with workflow", { input: { workflow: api, images: [] } }],
    ["a job input with workflow_json as text", { input: { workflow_json: JSON.stringify(api) } }],
    ["prompt text beside a workflow", { input: { prompt: "a cat", workflow: api } }],
    ["both formats", { prompt: api, workflow: ui }],
    ["an entry of the server's history", { prompt: [1, "id", api, { extra_pnginfo: { workflow: ui } }, ["9"]] }],
    ["the editor's graph", ui],
    ["the editor's graph in a wrapper", { workflow: ui }],
  ])("reads %s", (_, input) => {
    expect(places(input)).toEqual(expected);
  });

  it("takes bare NaN and Infinity of Python for null and leaves words in texts alone", () => {
    const text = `{"1":{"class_type":"A","inputs":{"a":NaN,"b":-Infinity,"c":"NaN \\" Infinity"}}}`;
    const [node] = readWorkflow(text, { at: "x" }).nodes;
    expect(node?.slots.map((slot) => slot.value)).toEqual([null, null, 'NaN " Infinity']);
  });

  it("lets declared models of the editor's twin speak for the graph that runs", () => {
    const declared = {
      name: "base.safetensors",
      url: "https://example.net/a/base.safetensors",
      directory: "checkpoints",
    };
    const twin = uiGraph([uiNode({ id: 4, type: "X", properties: { models: [declared] } })]);
    expect(ask({ prompt: api, workflow: twin }).references[0]?.declared?.url).toBe(declared.url);
  });

  it.each([
    ["text that is no JSON", "hello"],
    ["JSON without a graph", "{}"],
    ["a list", "[1,2]"],
    ["null in JSON", "null"],
    ["nothing", ""],
  ])("refuses %s with WORKFLOW_INVALID", (_, text) => {
    expect(() => readWorkflow(text, { at: "x.json" })).toThrow(
      expect.objectContaining({ code: "WORKFLOW_INVALID", message: expect.stringContaining('"x.json"') }),
    );
  });

  it("reads an editor's graph without nodes as one that needs nothing", () => {
    expect(places(uiGraph([]))).toEqual([]);
  });
});

describe("readWorkflow() with overrides", () => {
  it("puts the caller's value in place of the file's", () => {
    const set = [parseOverride("4.ckpt_name=other.safetensors")];
    expect(places(api, { set })).toEqual(["checkpoints/other.safetensors"]);
    expect(places(ui, { set })).toEqual(["checkpoints/other.safetensors"]);
  });

  it("replaces a link as well", () => {
    const linked = { ...api, "4": apiNode("CheckpointLoaderSimple", { ckpt_name: ["7", 0] }), "7": apiNode("X", {}) };
    expect(places(linked, { set: [parseOverride("4.ckpt_name=own.safetensors")] })).toEqual([
      "checkpoints/own.safetensors",
    ]);
  });

  it("refuses a node that is not there", () => {
    expect(() => places(api, { set: [parseOverride("5.ckpt_name=x")] })).toThrow(
      expect.objectContaining({ code: "WORKFLOW_INVALID", message: expect.stringContaining('node "5"') }),
    );
  });

  it("parseOverride() reads numbers, lists and subgraph paths, and refuses what is none", () => {
    expect(parseOverride("11:3.steps=20")).toEqual({ node: "11:3", input: "steps", value: 20 });
    expect(parseOverride('7.lora_1={"on":false}')).toEqual({ node: "7", input: "lora_1", value: { on: false } });
    expect(parseOverride("7.name=1.5 a.safetensors").value).toBe("1.5 a.safetensors");
    expect(() => parseOverride("4")).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});
