/** What a ComfyUI graph is once it is read, whatever it was written in: nodes with the values that reach them. */
import type { Sha256 } from "../base/artifact.ts";

/** A model that the author of a workflow declared next to a node, or for the whole file. */
export interface DeclaredModel {
  /** As the widget spells it, when the declaration is not stale. */
  readonly name: string;
  readonly url: string;
  readonly sha256: Sha256 | null;
  /** Folder of the tree, such as `loras`. */
  readonly directory: string;
}

/** One value that a node holds itself. A widget has a name, a place, or both, as far as the file tells. */
export interface Slot {
  readonly name: string | null;
  /** Place in `widgets_values`. */
  readonly index: number | null;
  readonly value: unknown;
}

/** What arrives at an input over its link. */
export type Fed =
  | { readonly kind: "value"; readonly value: unknown /** Node that holds it. */; readonly from: string }
  /** Known only when the graph runs. */
  | { readonly kind: "computed"; readonly from: string }
  /** The link leads to nothing that has a value, so the widget's own value counts. */
  | { readonly kind: "absent" };

export interface WorkflowNode {
  /** With the path of subgraph instances: `11:3` is node 3 inside instance 11. */
  readonly id: string;
  readonly class: string;
  /** Package that the file says the class is from (`kijai/ComfyUI-KJNodes`, `comfyui-kjnodes`), or null. */
  readonly package: string | null;
  /** False for a muted or bypassed node, and for all inside a muted or bypassed subgraph. */
  readonly isActive: boolean;
  readonly slots: readonly Slot[];
  /** Inputs with a link, followed when asked. */
  readonly fed: ReadonlyMap<string, () => Fed>;
  readonly declared: readonly DeclaredModel[];
}

export interface Workflow {
  /** Where it was read from, for messages. */
  readonly at: string;
  readonly format: "api" | "ui";
  readonly nodes: readonly WorkflowNode[];
  /** Declared for the whole file. */
  readonly declared: readonly DeclaredModel[];
  readonly warnings: readonly string[];
}

/** A value that the caller puts in place of the one in the file. */
export interface Override {
  /** Id of the node, with its subgraph path. */
  readonly node: string;
  readonly input: string;
  readonly value: unknown;
}

/** Bytes of a file that are read at most. */
export const MAX_WORKFLOW_BYTES: number = 256 * 1024 * 1024;

/** Nodes that a graph may have once every subgraph is unfolded: 20 times the largest that anybody runs. */
export const MAX_NODES = 200_000;
