/** Values that a caller sets on nodes before the graph is looked at (`--set 4.ckpt_name=other.safetensors`). */
import { ModelsError } from "../base/errors.ts";
import type { Override } from "./workflow.ts";

export interface Overrides {
  /** What is set on the node of this id, by input; empty for most. */
  readonly of: (id: string) => ReadonlyMap<string, unknown>;
  /** Moves what was set on one node's input to another's: a promoted widget lives inside its subgraph. */
  readonly move: (from: string, input: string, to: { readonly node: string; readonly input: string }) => void;
  /** Ids that were set and never asked for. */
  readonly unused: () => readonly string[];
}

const NONE: ReadonlyMap<string, unknown> = new Map();

/** Groups `set` by node; the last of two for one input wins. */
export function createOverrides(set: readonly Override[]): Overrides {
  const byNode = new Map<string, Map<string, unknown>>();
  const used = new Set<string>();
  const put = (node: string, input: string, value: unknown): void => {
    const inputs = byNode.get(node) ?? new Map<string, unknown>();
    byNode.set(node, inputs.set(input, value));
  };
  for (const { node, input, value } of set) put(node, input, value);
  return {
    of: (id) => {
      if (byNode.size === 0) return NONE;
      used.add(id);
      return byNode.get(id) ?? NONE;
    },
    move: (from, input, to) => {
      const inputs = byNode.get(from);
      if (inputs?.has(input)) put(to.node, to.input, inputs.get(input));
    },
    unused: () => [...byNode.keys()].filter((id) => !used.has(id)),
  };
}

/**
 * Reads `4.ckpt_name=value` as the command line takes it; JSON values such as `3`, `true` or `{"on":true}` are read as such.
 * @throws ModelsError `USAGE`
 */
export function parseOverride(text: string): Override {
  const match = /^([^.=\s]+)\.([^=]+)=([\s\S]*)$/.exec(text);
  const [, node, input, value] = match ?? [];
  if (node !== undefined && input !== undefined && value !== undefined) return { node, input, value: literal(value) };
  throw new ModelsError("USAGE", `Cannot read override "${text.slice(0, 80)}": expected NODE.INPUT=VALUE`, {
    fix: "write it as 4.ckpt_name=name.safetensors, with the node's id in the workflow",
  });
}

function literal(text: string): unknown {
  if (!/^(?:true|false|null|-?\d|[{["])/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
