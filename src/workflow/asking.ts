/** One node asking for one file, before all that ask for the same file are joined. */

import type { Reading } from "./reading.ts";
import type { Reference } from "./reference.ts";
import type { LoaderInput } from "./registry.ts";
import type { WorkflowNode } from "./workflow.ts";

export interface Asking {
  readonly node: WorkflowNode;
  readonly input: string;
  readonly raw: string;
  readonly folders: readonly string[];
  readonly how: Reference["how"];
  readonly isFolder?: boolean;
  readonly endings?: readonly string[];
  readonly isOutside?: boolean;
  /** Node that holds the value, where a link brought it. */
  readonly from?: string | null;
}

/** What is found while one node is read. */
export interface Found {
  readonly askings: Asking[];
  readonly warnings: string[];
}

/** One value of one input of a known class. */
export interface LoaderValue {
  readonly reading: Reading;
  readonly loader: LoaderInput;
  /** The input's own name, with its number. */
  readonly input: string;
  readonly value: unknown;
  readonly from: string | null;
}

/** `node 11:3 (LoraLoader)` */
export function nodeLabel(node: Pick<WorkflowNode, "id" | "class">): string {
  return `node ${node.id} (${node.class})`;
}
