/** Unfolds subgraphs: each instance becomes a scope of its own, with its nodes, links and the instance that hosts it. */
import { ModelsError } from "../base/errors.ts";
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
  readonly nodes: ReadonlyMap<string, UiNode>;
  readonly links: ReadonlyMap<string, UiLink>;
}

export interface Scope {
  /** What node ids inside are prefixed with: empty at the top, `11:3:` inside instance 3 of instance 11. */
  readonly path: string;
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
 * @throws ModelsError `WORKFLOW_INVALID` when the instances unfold to more nodes than anything could run
 */
export function unfold(graph: Json, options: { readonly at: string; readonly includeInactive: boolean }): Unfolded {
  const definitions = readDefinitions(graph);
  const warnings: string[] = [];
  const top: Scope = { path: "", ...readBody(graph), host: null, isActive: true, children: new Map() };
  const scopes: Scope[] = [top];
  let total = top.nodes.size;
  for (let next = 0; next < scopes.length; next += 1) {
    const scope = scopes[next] as Scope;
    for (const node of scope.nodes.values()) {
      const definition = definitions.get(node.class);
      const isActive = scope.isActive && !node.isMuted && !node.isBypassed;
      if (definition === undefined || (!isActive && !options.includeInactive)) continue;
      if (isInside(scope, definition)) {
        warnings.push(`subgraph ${definition.id} contains itself at node ${scope.path}${node.id}; it is read once`);
        continue;
      }
      total += definition.nodes.size;
      if (total > MAX_NODES) throw tooMany(options.at);
      scopes.push(openScope(scope, node, definition, isActive));
    }
  }
  return { scopes, warnings };
}

function openScope(parent: Scope, node: UiNode, definition: Definition, isActive: boolean): Scope {
  const { nodes, links } = definition;
  const host = { scope: parent, node, definition };
  const scope = { path: `${parent.path}${node.id}:`, nodes, links, host, isActive, children: new Map() };
  parent.children.set(node.id, scope);
  return scope;
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

function readBody(raw: Json): Pick<Scope, "nodes" | "links"> {
  const nodes = recordsOf(raw["nodes"]).flatMap((one) => readUiNode(one) ?? []);
  const links = listOf(raw["links"]).flatMap((one) => readUiLink(one) ?? []);
  return {
    nodes: new Map(nodes.map((node) => [node.id, node])),
    links: new Map(links.map((link) => [link.id, link])),
  };
}

function tooMany(at: string): ModelsError {
  const message = `Cannot read workflow "${at}": its subgraphs unfold to more than ${MAX_NODES} nodes`;
  return new ModelsError("WORKFLOW_INVALID", message, { fix: "check for subgraphs that nest one another many times" });
}
