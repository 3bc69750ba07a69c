/** Reads the format that the server runs: nodes by id, with literals and links as inputs. */
import { constantOf } from "./constant.ts";
import type { Overrides } from "./overrides.ts";
import { isRecord, type Json } from "./shapes.ts";
import { isApiNode } from "./unwrap.ts";
import type { Fed, Slot, WorkflowNode } from "./workflow.ts";

interface ApiNode {
  readonly id: string;
  readonly class: string;
  readonly slots: readonly Slot[];
  /** Id of the node that feeds an input. */
  readonly links: ReadonlyMap<string, string>;
}

/** Every node of the graph; muted and bypassed ones are not in this format. */
export function readApi(graph: Json, overrides: Overrides): readonly WorkflowNode[] {
  const nodes = new Map<string, ApiNode>();
  for (const [id, raw] of Object.entries(graph)) {
    if (isApiNode(raw)) nodes.set(id, readNode(id, raw, graph, overrides));
  }
  const fedBy = new Map<string, Fed>();
  return [...nodes.values()].map((node) => ({
    id: node.id,
    class: node.class,
    package: null,
    isActive: true,
    slots: node.slots,
    fed: new Map([...node.links].map(([input, origin]) => [input, () => follow(origin, nodes, fedBy)])),
    declared: [],
  }));
}

function readNode(id: string, raw: Json, graph: Json, overrides: Overrides): ApiNode {
  const set = overrides.of(id);
  const slots: Slot[] = [...set].map(([name, value]) => ({ name, index: null, value }));
  const links = new Map<string, string>();
  const inputs = isRecord(raw["inputs"]) ? raw["inputs"] : {};
  for (const [name, value] of Object.entries(inputs)) {
    if (set.has(name)) continue;
    if (isLink(value, graph)) links.set(name, String(value[0]));
    else slots.push({ name, index: null, value: isRecord(value) && "__value__" in value ? value["__value__"] : value });
  }
  return { id, class: String(raw["class_type"]), slots, links };
}

/** `["4", 0]` is a link when there is a node 4; otherwise it is a list of two values. */
function isLink(value: unknown, graph: Json): value is readonly [string | number, number] {
  if (!Array.isArray(value) || value.length !== 2 || !Number.isInteger(value[1])) return false;
  const [origin] = value;
  return (typeof origin === "string" || typeof origin === "number") && Object.hasOwn(graph, String(origin));
}

/** Walks from relay to relay; what the walk finds is remembered for every node on it. */
function follow(origin: string, nodes: ReadonlyMap<string, ApiNode>, known: Map<string, Fed>): Fed {
  const walked = new Set<string>();
  let found: Fed | undefined;
  for (let id = origin; found === undefined; ) {
    found = walked.has(id) ? { kind: "computed", from: id } : known.get(id);
    if (found !== undefined) break;
    walked.add(id);
    const node = nodes.get(id);
    const constant = node === undefined ? null : constantOf(giverOf(node));
    if (constant?.kind === "value") found = { kind: "value", value: constant.value, from: id };
    else if (constant?.kind === "passes-on" && node !== undefined) id = [...node.links.values()][0] ?? id;
    else found = { kind: "computed", from: id };
  }
  for (const id of walked) known.set(id, found);
  return found;
}

function giverOf(node: ApiNode): { readonly literals: readonly unknown[]; readonly links: number } {
  return { literals: node.slots.map((slot) => slot.value), links: node.links.size };
}
