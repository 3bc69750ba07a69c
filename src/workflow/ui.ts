/** Reads the format that the editor saves: nodes and links with widgets, subgraphs and modes. */
import { createFeeds, type Feeds } from "./feeds.ts";
import type { Overrides } from "./overrides.ts";
import { moveOverrides } from "./promoted.ts";
import { type Scope, unfold } from "./scopes.ts";
import type { Json } from "./shapes.ts";
import type { UiNode } from "./ui-node.ts";
import { slotsOf } from "./widgets.ts";
import type { Fed, WorkflowNode } from "./workflow.ts";

export interface UiReading {
  readonly nodes: readonly WorkflowNode[];
  readonly warnings: readonly string[];
}

/** Classes that exist in the editor only: the server never sees them. */
const EDITOR_ONLY: ReadonlySet<string> = new Set([
  "Note",
  "MarkdownNote",
  "PrimitiveNode",
  "Reroute",
  "GetNode",
  "SetNode",
  "Label (rgthree)",
  "Bookmark (rgthree)",
]);

/**
 * Every node that the graph runs, with subgraphs unfolded.
 * @throws ModelsError `WORKFLOW_INVALID`
 */
export function readUi(
  graph: Json,
  overrides: Overrides,
  options: { readonly at: string; readonly includeInactive: boolean },
): UiReading {
  const { scopes, warnings } = unfold(graph, options);
  for (const scope of scopes) moveOverrides(scope, overrides);
  const feeds = createFeeds(overrides);
  const nodes: WorkflowNode[] = [];
  for (const scope of scopes) {
    for (const node of scope.all) {
      const set = overrides.of(`${scope.path}${node.id}`);
      const isActive = scope.isActive && !node.isMuted && !node.isBypassed;
      const isRun = !EDITOR_ONLY.has(node.class) && !scope.children.has(node.id);
      if (isRun && (isActive || options.includeInactive)) nodes.push(toNode(scope, node, { set, isActive, feeds }));
    }
  }
  return { nodes, warnings };
}

function toNode(
  scope: Scope,
  node: UiNode,
  { set, isActive, feeds }: { set: ReadonlyMap<string, unknown>; isActive: boolean; feeds: Feeds },
): WorkflowNode {
  const fed = new Map<string, () => Fed>();
  for (const input of node.inputs) {
    const name = input.widget ?? input.name;
    const { link } = input;
    if (link !== null && !set.has(name)) fed.set(name, () => feeds.follow(scope, link));
  }
  return {
    id: `${scope.path}${node.id}`,
    class: node.class,
    package: node.package,
    isActive,
    slots: slotsOf(node, set),
    fed,
    declared: node.declared,
  };
}
