/** Reads a workflow from whatever holds it: text, bytes of a file, or the parsed graph. */
import { ModelsError, reasonOf } from "../base/errors.ts";
import { readApi } from "./api.ts";
import { type Container, openContainer } from "./containers/container.ts";
import { readDeclared } from "./declared.ts";
import { decodeText, parseJson } from "./json.ts";
import { createOverrides, type Overrides } from "./overrides.ts";
import type { Json } from "./shapes.ts";
import { readUi } from "./ui.ts";
import { findGraphs, type Graphs } from "./unwrap.ts";
import { type DeclaredModel, MAX_WORKFLOW_BYTES, type Override, type Workflow } from "./workflow.ts";

export interface ReadOptions {
  /** Where it comes from, for messages: a path, an address or `stdin`. */
  readonly at: string;
  /** Keeps muted and bypassed nodes, marked as such. @default false */
  readonly includeInactive?: boolean;
  /** Values in place of those in the file. @default [] */
  readonly set?: readonly Override[];
}

/**
 * Reads every form in which a graph exists. Of two forms in one request the one that the server runs is the truth,
 * and the other one lends its declared models; in a picture or film it is the one that the editor opens.
 * @throws ModelsError `WORKFLOW_INVALID`
 */
export function readWorkflow(input: string | Uint8Array | object, options: ReadOptions): Workflow {
  const { at, includeInactive = false } = options;
  const graphs = graphsIn(input, at);
  const overrides = createOverrides(options.set ?? []);
  const workflow = readGraph(graphs, overrides, { at, includeInactive });
  const [unknown] = overrides.unused();
  if (unknown !== undefined) throw noNode(unknown, at);
  return workflow;
}

function readGraph(
  { api, ui, isSaved }: Graphs & { readonly isSaved: boolean },
  overrides: Overrides,
  options: { readonly at: string; readonly includeInactive: boolean },
): Workflow {
  const { at, includeInactive } = options;
  if (ui !== null && (api === null || isSaved || includeInactive)) {
    return { at, format: "ui", ...readUi(ui, overrides, options), declared: readDeclared(ui["models"]) };
  }
  if (api === null) throw noGraph(at);
  const declared = ui === null ? [] : declaredIn(ui, at);
  return { at, format: "api", nodes: readApi(api, overrides), declared, warnings: [] };
}

/** Everything that the editor's twin of a graph declares, for the nodes or the file. */
function declaredIn(ui: Json, at: string): readonly DeclaredModel[] {
  const { nodes } = readUi(ui, createOverrides([]), { at, includeInactive: true });
  return [...nodes.flatMap((node) => node.declared), ...readDeclared(ui["models"])];
}

/** `isSaved`: the graphs lie in a file that ComfyUI saved, of which it opens the editor's graph. */
function graphsIn(input: string | Uint8Array | object, at: string): Graphs & { readonly isSaved: boolean } {
  if (typeof input === "string") return { ...findGraphs(parsed(input, at)), isSaved: false };
  if (!(input instanceof Uint8Array)) return { ...findGraphs(input), isSaved: false };
  refuseLarge(input.byteLength, at);
  const container = openContainer(Buffer.from(input.buffer, input.byteOffset, input.byteLength));
  if (container === null) return { ...findGraphs(parsed(decodeText(input), at)), isSaved: false };
  const { prompt, workflow, ...others } = Object.fromEntries(container.texts);
  const graphs = findGraphs([{ prompt, workflow }, ...Object.values(others)]);
  if (graphs.api === null && graphs.ui === null) throw noGraphInside(container, at);
  return { ...graphs, isSaved: true };
}

function parsed(text: string, at: string): unknown {
  refuseLarge(text.length, at);
  try {
    return parseJson(text);
  } catch (error) {
    const message = `Cannot read workflow "${at}": it is no JSON (${reasonOf(error)})`;
    throw new ModelsError("WORKFLOW_INVALID", message, { fix: EXPORT_IT, cause: error });
  }
}

const EXPORT_IT = "export it from ComfyUI with Save or Export (API), or give an image that ComfyUI saved";

function refuseLarge(size: number, at: string): void {
  if (size <= MAX_WORKFLOW_BYTES) return;
  const message = `Cannot read workflow "${at}": it has ${size} bytes, expected at most ${MAX_WORKFLOW_BYTES}`;
  throw new ModelsError("WORKFLOW_INVALID", message);
}

function noGraph(at: string): ModelsError {
  const message = `Cannot read workflow "${at}": it holds no ComfyUI graph, expected nodes with class_type or a nodes list`;
  return new ModelsError("WORKFLOW_INVALID", message, { fix: EXPORT_IT });
}

function noGraphInside({ label, texts }: Container, at: string): ModelsError {
  const keys = [...texts.keys()].slice(0, 8).map((key) => key.slice(0, 40));
  const seen = keys.length === 0 ? "no texts" : `no graph among its texts (${keys.join(", ")})`;
  const message = `Cannot read workflow "${at}": this ${label} file holds ${seen}, expected one that ComfyUI saved`;
  return new ModelsError("WORKFLOW_INVALID", message, { fix: "give the original file: many sites remove such texts" });
}

function noNode(id: string, at: string): ModelsError {
  const message = `Cannot set a value on node "${id}" of workflow "${at}": it has no such node`;
  return new ModelsError("WORKFLOW_INVALID", message, { fix: "models inspect lists the nodes with their ids" });
}
