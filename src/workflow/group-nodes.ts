/** Group nodes, the older kind of subgraph: a template in `extra.groupNodes`, whose instances hold the widgets of all its nodes in one list. */
import { isWeightName } from "./names.ts";
import { isRecord, type Json, recordsOf } from "./shapes.ts";
import { readUiNode, type UiNode } from "./ui-node.ts";

/** Templates by the class that their instances have; one without an instance is never looked at. */
export type GroupTemplates = ReadonlyMap<string, readonly UiNode[]>;

/** The editor has written both spellings. */
const PREFIXES = ["workflow>", "workflow/"] as const;

/** Reads every template of a graph. */
export function readGroupTemplates(graph: Json): GroupTemplates {
  const extra = isRecord(graph["extra"]) ? graph["extra"] : {};
  const groups = isRecord(extra["groupNodes"]) ? extra["groupNodes"] : {};
  const templates = new Map<string, readonly UiNode[]>();
  for (const [name, group] of Object.entries(groups)) {
    const nodes = isRecord(group) ? readNodes(group) : [];
    for (const prefix of PREFIXES) templates.set(`${prefix}${name}`, nodes);
  }
  return templates;
}

/** Nodes of a template are known by their place; their links are the group's own and never carry a name of a file. */
function readNodes(group: Json): readonly UiNode[] {
  return recordsOf(group["nodes"]).flatMap((raw, place) => {
    const node = readUiNode({ ...raw, id: place });
    return node === null ? [] : [{ ...node, inputs: node.inputs.map((input) => ({ ...input, link: null })) }];
  });
}

/** The template's nodes with the values that this instance has for them. */
export function openGroup(instance: UiNode, template: readonly UiNode[]): readonly UiNode[] {
  const { widgets } = instance;
  if (!Array.isArray(widgets)) return template;
  const counts = template.map((node) => (Array.isArray(node.widgets) ? node.widgets.length : 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === widgets.length ? sliced(template, widgets) : renamed(template, widgets);
}

function sliced(template: readonly UiNode[], widgets: readonly unknown[]): readonly UiNode[] {
  let at = 0;
  return template.map((node) => {
    if (!Array.isArray(node.widgets)) return node;
    const own = widgets.slice(at, at + node.widgets.length);
    at += own.length;
    return { ...node, widgets: own };
  });
}

/** Hidden widgets leave gaps, but as long as there are as many names of files as in the template they keep their order. */
function renamed(template: readonly UiNode[], widgets: readonly unknown[]): readonly UiNode[] {
  const names = widgets.filter(isWeightName);
  const own = template.flatMap((node) => (Array.isArray(node.widgets) ? node.widgets.filter(isWeightName) : []));
  if (names.length !== own.length) return template;
  const next = names.values();
  return template.map((node) => {
    if (!Array.isArray(node.widgets)) return node;
    return { ...node, widgets: node.widgets.map((value) => (isWeightName(value) ? next.next().value : value)) };
  });
}
