/** Unfolds subgraphs: each instance becomes a scope of its own, with its nodes, links and the instance that hosts it. */
import { ModelsError } from "../base/errors.ts";
import { type GroupTemplates, openGroup, readGroupTemplates } from "./group-nodes.ts";
import { idOf, isRecord, type Json, listOf, recordsOf, textAt } from "./shapes.ts";
import { readUiLink, readUiNode, type UiLink, type UiNode } from "./ui-node.ts";
import { MAX_NODES } from "./workflow.ts";

/** A subgraph's definition, read once for all its instances. */
export interface Definition {
  readonly id: string;
  readonly inputs: readonly { readonly name: string; readonly label: string | null }[];
  /** Id of the node that stands for the instance's own inputs. */
  readonly inputNode: string;
  /** Id of the link that feeds an output, by the output's place. */
  readonly outputs: ReadonlyMap<number, string>;
  /** Every node, also those that share an id with another. */
  readonly all: readonly UiNode[];
  readonly nodes: ReadonlyMap<string, UiNode>;
  readonly links: ReadonlyMap<string, UiLink>;
}

export interface Scope {
  /** What node ids inside are prefixed with: empty at the top, `11:3:` inside instance 3 of instance 11. */
  readonly path: string;
  /** How many instances it lies in. */
  readonly depth: number;
  readonly all: readonly UiNode[];
  readonly nodes: ReadonlyMap<string, UiNode>;
  readonly links: ReadonlyMap<string, UiLink>;
  readonly host: { readonly scope: Scope; readonly node: UiNode; readonly definition: Definition } | null;
  readonly isActive: boolean;
  /** Scopes of the instances in this one, by the instance's id. */
  readonly children: Map<string, Scope>;
}

/** The top scope and every one below it, hosts first. */
export interface Unfolded {
  readonly scopes: readonly Scope[];
  readonly warnings: readonly string[];
}

/**
 * @throws ModelsError `WORKFLOW_INVALID` when the instances unfold to more nodes, or deeper, than anything could run
 */
export function unfold(graph: Json, options: { readonly at: string; readonly includeInactive: boolean }): Unfolded {
  const known: Known = { definitions: readDefinitions(graph), templates: readGroupTemplates(graph), warnings: [] };
  const top: Scope = { path: "", depth: 0, ...readBody(graph), host: null, isActive: true, children: new Map() };
  const scopes: Scope[] = [top];
  let total = top.all.length;
  for (let next = 0; next < scopes.length; next += 1) {
    const scope = scopes[next] as Scope;
    for (const node of scope.all) {
      const isActive = scope.isActive && !node.isMuted && !node.isBypassed;
      const child = isActive || options.includeInactive ? openScope(scope, node, isActive, known) : null;
      if (child === null) continue;
      scope.children.set(node.id, child);
      scopes.push(child);
      total += child.all.length;
      if (total > MAX_NODES) throw tooMuch(options.at, `its subgraphs unfold to more than ${MAX_NODES} nodes`);
      if (child.depth > MAX_DEPTH) throw tooMuch(options.at, `its subgraphs nest deeper than ${MAX_DEPTH} levels`);
    }
  }
  return { scopes, warnings: known.warnings };
}

/** Subgraphs inside subgraphs that are unfolded at most. */
const MAX_DEPTH = 64;

interface Known {
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly templates: GroupTemplates;
  readonly warnings: string[];
}

/** The scope of a node that is an instance of something, or null. */
function openScope(parent: Scope, node: UiNode, isActive: boolean, known: Known): Scope | null {
  const path = `${parent.path}${node.id}:`;
  const common = { path, depth: parent.depth + 1, isActive, children: new Map<string, Scope>() };
  const definition = known.definitions.get(node.class);
  if (definition === undefined) {
    const template = known.templates.get(node.class);
    if (template === undefined) return null;
    const all = openGroup(node, template);
    return { ...common, all, nodes: byId(all), links: new Map(), host: null };
  }
  if (isInside(parent, definition)) {
    known.warnings.push(`subgraph ${definition.id} contains itself at node ${parent.path}${node.id}; it is read once`);
    return null;
  }
  const { all, nodes, links } = definition;
  return { ...common, all, nodes, links, host: { scope: parent, node, definition } };
}

function isInside(scope: Scope, definition: Definition): boolean {
  for (let at = scope.host; at !== null; at = at.scope.host) if (at.definition === definition) return true;
  return false;
}

/** Definitions lie in the root's table or inside one another: all are collected, the outermost of one id wins. */
function readDefinitions(graph: Json): ReadonlyMap<string, Definition> {
  const found = new Map<string, Definition>();
  const open: Json[] = [graph];
  for (let at = 0; at < open.length; at += 1) {
    const table = open[at]?.["definitions"];
    for (const raw of recordsOf(isRecord(table) ? table["subgraphs"] : undefined)) {
      const id = textAt(raw, "id");
      if (id === null || found.has(id)) continue;
      found.set(id, readDefinition(id, raw));
      open.push(raw);
    }
  }
  return found;
}

function readDefinition(id: string, raw: Json): Definition {
  const socket = (key: string, usual: string): string =>
    (isRecord(raw[key]) ? idOf((raw[key] as Json)["id"]) : null) ?? usual;
  const body = readBody(raw);
  const outputNode = socket("outputNode", "-20");
  const fed = [...body.links.values()].filter((link) => link.target === outputNode);
  return {
    id,
    inputs: recordsOf(raw["inputs"]).map((one) => ({ name: textAt(one, "name") ?? "", label: textAt(one, "label") })),
    inputNode: socket("inputNode", "-10"),
    outputs: new Map(fed.map((link) => [link.targetSlot, link.id])),
    ...body,
  };
}

function readBody(raw: Json): Pick<Scope, "all" | "nodes" | "links"> {
  const all = recordsOf(raw["nodes"]).flatMap((one) => readUiNode(one) ?? []);
  const links = listOf(raw["links"]).flatMap((one) => readUiLink(one) ?? []);
  return {
    all,
    nodes: byId(all),
    links: new Map(links.map((link) => [link.id, link])),
  };
}

function byId(nodes: readonly UiNode[]): ReadonlyMap<string, UiNode> {
  return new Map(nodes.map((node) => [node.id, node]));
}

function tooMuch(at: string, seen: string): ModelsError {
  const message = `Cannot read workflow "${at}": ${seen}`;
  return new ModelsError("WORKFLOW_INVALID", message, { fix: "check for subgraphs that contain one another" });
}
