/** Workflows, as JSON and inside of pictures, sounds and films. */
import { isModelsError } from "../../../src/base/errors.ts";
import { loadRegistry } from "../../../src/catalog/registry.ts";
import { openContainer } from "../../../src/workflow/containers/container.ts";
import { createWorkflowReader, type WorkflowReader } from "../../../src/workflow/reader.ts";
import * as build from "../../../tests/workflow/fixtures/containers.ts";
import {
  apiNode,
  linkObject,
  socket,
  subgraph,
  uiGraph,
  uiNode,
  widgetInput,
} from "../../../tests/workflow/fixtures/graphs.ts";
import { mustHold, type Target, texts } from "../terms.ts";

let reader: Promise<WorkflowReader> | null = null;

function openReader(): Promise<WorkflowReader> {
  reader ??= loadRegistry([new URL("../../../registry", import.meta.url).pathname]).then((registry) =>
    createWorkflowReader({ registry }),
  );
  return reader;
}

async function runWorkflow(bytes: Uint8Array): Promise<void> {
  const { read, referencesOf } = await openReader();
  const { references } = referencesOf(read(bytes, { at: "w", includeInactive: true }));
  mustHold(
    references.every(({ name }) => typeof name === "string" && name.length <= 4096),
    "a name is a text",
  );
}

const API = JSON.stringify({
  "4": apiNode("LoraLoader", { lora_name: "größe.safetensors", model: ["5", 0] }),
  "5": apiNode("CheckpointLoaderSimple", { ckpt_name: "a.ckpt", text: "<lora:x:1> embedding:y" }),
  "6": apiNode("Nobodys", { list: ["a.pt", { lora: "b.pt" }], at: NaN }),
});
const UI = JSON.stringify(
  uiGraph(
    [
      uiNode({ id: 1, type: "sub", inputs: [socket("x", "*", 2)] }),
      uiNode({ id: 2, type: "PrimitiveNode", widgets: ["far.safetensors"] }),
      uiNode({ id: 3, type: "LoraLoader", widgets: ["x.pt"], inputs: [widgetInput("lora_name", 1)] }),
    ],
    [
      [1, 1, 0, 3, 0, "*"],
      [2, 2, 0, 1, 0, "*"],
    ],
    {
      definitions: {
        subgraphs: [
          subgraph({
            id: "sub",
            outputs: [{ name: "o" }],
            nodes: [uiNode({ id: 1, type: "Text", widgets: ["a.pt"] })],
            links: [linkObject(1, [1, 0], [-20, 0])],
          }),
        ],
      },
    },
  ),
);
const GRAPHS = { prompt: API, workflow: UI };
const WORDS =
  "nodes links definitions subgraphs groupNodes inputs outputs properties models widgets_values proxyWidgets type id mode widget link class_type prompt workflow input LoraLoader .safetensors <lora: embedding: NaN Infinity -10 -20".split(
    " ",
  );

const PICTURES = (): readonly Uint8Array[] =>
  [
    ...(["tEXt", "iTXt", "zip", "zTXt", "comf"] as const).map((kind) => build.png(GRAPHS, kind)),
    build.webp(GRAPHS),
    build.jpeg(GRAPHS),
    build.avif(GRAPHS),
    Buffer.from(build.svg(GRAPHS)),
    build.glb(GRAPHS),
    build.safetensors(GRAPHS),
  ].map((bytes) => Buffer.from(bytes));

const FILMS = (): readonly Uint8Array[] => [
  build.flac(GRAPHS),
  build.ogg(GRAPHS),
  build.mp3(GRAPHS),
  build.mp3(GRAPHS, 3, 1),
  build.webm({ PROMPT: API, WORKFLOW: UI }),
  build.mp4(GRAPHS),
  build.mp4Comment(JSON.stringify(GRAPHS)),
];

/** Whatever the file is, it is opened, and what it holds is read. */
async function runContainer(bytes: Uint8Array): Promise<void> {
  for (const text of openContainer(Buffer.from(bytes))?.texts.values() ?? [])
    mustHold(typeof text === "string", "a text is a text");
  await runWorkflow(bytes);
}

export const WORKFLOW_TARGETS: readonly Target[] = [
  {
    name: "workflow",
    seeds: () => texts(API, UI, JSON.stringify(GRAPHS)),
    words: WORDS,
    codes: ["WORKFLOW_INVALID"],
    run: runWorkflow,
  },
  {
    name: "workflow-pictures",
    seeds: PICTURES,
    words: ["IDAT", "IEND", "tEXt", "zTXt", "EXIF", "ftyp", "meta", "iloc", "workflow", "prompt"],
    codes: ["WORKFLOW_INVALID"],
    run: runContainer,
  },
  {
    name: "workflow-films",
    seeds: FILMS,
    words: ["moov", "udta", "keys", "ilst", "TXXX", "OggS", "fLaC", "workflow", "prompt"],
    codes: ["WORKFLOW_INVALID"],
    run: runContainer,
  },
  {
    name: "workflow-overrides",
    seeds: () => texts(API, UI),
    words: WORDS,
    codes: ["WORKFLOW_INVALID"],
    run: async (bytes) => {
      const { read, referencesOf } = await openReader();
      const set = [{ node: "4", input: "lora_name", value: "new.safetensors" }];
      try {
        referencesOf(read(bytes, { at: "w", set }));
      } catch (error) {
        if (!isModelsError(error, "WORKFLOW_INVALID")) throw error;
      }
    },
  },
];
