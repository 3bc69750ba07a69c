/** Finds the graphs inside what people hand over: request bodies, job inputs, strings of JSON in JSON. */
import { parseJson } from "./json.ts";
import { isRecord, type Json } from "./shapes.ts";

export interface Graphs {
  /** What the server runs: nodes by id. */
  readonly api: Json | null;
  /** What the editor saves: a list of nodes and a list of links. */
  readonly ui: Json | null;
}

/** Keys under which services and clients put a graph, the most telling first. */
const WRAPPERS = [
  "prompt",
  "workflow_api",
  "workflow_json",
  "workflow",
  "graph",
  "output",
  "input",
  "data",
  "payload",
  "body",
  "extra_data",
  "extra_pnginfo",
] as const;

const MAX_DEPTH = 8;
const MAX_LIST = 8;

/** The outermost graph of each format in `value`. */
export function findGraphs(value: unknown): Graphs {
  let api: Json | null = null;
  let ui: Json | null = null;
  const met = new Set<unknown>();
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth += 1) {
    // An object of the library's caller may hold itself.
    const seen = [...new Set(level.map(unquoted))].filter((one) => !met.has(one));
    for (const one of seen) met.add(one);
    api ??= seen.find(isApiGraph) ?? null;
    ui ??= seen.find(isUiGraph) ?? null;
    if (api !== null && ui !== null) break;
    level = seen.filter((one) => one !== api && one !== ui).flatMap(inside);
  }
  return { api, ui };
}

/** True for `{"4": {"class_type": …}, …}`; other keys beside the nodes do no harm. */
function isApiGraph(value: unknown): value is Json {
  return isRecord(value) && Object.values(value).some(isApiNode);
}

/** True for one node of the format that the server runs. */
export function isApiNode(value: unknown): value is Json {
  return isRecord(value) && typeof value["class_type"] === "string";
}

/** True for what the editor saves. */
function isUiGraph(value: unknown): value is Json {
  return isRecord(value) && Array.isArray(value["nodes"]);
}

function inside(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.slice(0, MAX_LIST);
  if (!isRecord(value)) return [];
  return WRAPPERS.flatMap((key) => (Object.hasOwn(value, key) ? [value[key]] : []));
}

/** A string that holds JSON is read; any other text stays what it is. */
function unquoted(value: unknown): unknown {
  if (typeof value !== "string" || !/^[\s\ufeff]*[{["]/.test(value)) return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}
