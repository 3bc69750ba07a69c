/** Widgets that a subgraph's instance shows on the outside: what the instance sets for the inside, in three generations of files. */
import { parseJson } from "./json.ts";
import type { Overrides } from "./overrides.ts";
import type { Definition, Scope } from "./scopes.ts";
import { idOf } from "./shapes.ts";
import type { UiNode } from "./ui-node.ts";

/** The widget stands for the instance's own input of that name. */
const OWN_INPUT = "-1";

/** Values that the instance itself holds, by input of its definition. A missing one is kept inside. */
export function promotedValues(node: UiNode, definition: Definition): ReadonlyMap<string, unknown> {
  const { widgets } = node;
  if (!Array.isArray(widgets)) return new Map(Object.entries(widgets));
  const proxies = proxiesOf(node);
  const names =
    proxies.length > 0 ? proxies.map(([id, name]) => (id === OWN_INPUT ? name : null)) : boundInputs(definition);
  const values = new Map<string, unknown>();
  for (const [index, name] of names.entries()) {
    const value = widgets[index];
    if (name !== null && value !== undefined && value !== null) values.set(name, value);
  }
  return values;
}

/** What a caller set on the instance for a widget that lives on a node inside goes to that node. */
export function moveOverrides(scope: Scope, overrides: Overrides): void {
  for (const child of scope.children.values()) {
    const host = child.path.slice(0, -1);
    if (child.host === null || overrides.of(host).size === 0) continue;
    for (const [id, name] of proxiesOf(child.host.node)) {
      if (id !== OWN_INPUT) overrides.move(host, name, { node: `${child.path}${id}`, input: name });
    }
  }
}

/** `properties.proxyWidgets`: a list of `[node, widget]`, or that list as JSON text. */
function proxiesOf(node: UiNode): readonly (readonly [string, string])[] {
  const raw = node.properties["proxyWidgets"];
  const list = typeof raw === "string" ? parsedList(raw) : raw;
  if (!Array.isArray(list)) return [];
  return list.map((entry) => {
    const [id, name] = Array.isArray(entry) ? entry : [];
    return [idOf(id) ?? "", typeof name === "string" ? name : ""] as const;
  });
}

function parsedList(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return [];
  }
}

/** Without proxies the values follow the definition's inputs, of which only those that feed a widget inside have one. */
function boundInputs(definition: Definition): readonly string[] {
  const bound = new Set<number>();
  for (const link of definition.links.values()) {
    if (link.origin !== definition.inputNode) continue;
    const target = definition.nodes.get(link.target)?.inputs[link.targetSlot];
    if (target !== undefined && target.widget !== null) bound.add(link.originSlot);
  }
  return definition.inputs.filter((_, index) => bound.has(index)).map((input) => input.name);
}
