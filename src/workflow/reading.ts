/** Reads the values of one node by input name or widget place, and keeps account of which values nobody has read. */
import type { Slot, WorkflowNode } from "./workflow.ts";

export type Read =
  | {
      readonly kind: "value";
      readonly value: unknown /** Node that a link brought it from. */;
      readonly from: string | null;
    }
  /** Known only when the graph runs. */
  | { readonly kind: "computed"; readonly from: string }
  | { readonly kind: "absent" };

export interface Reading {
  readonly node: WorkflowNode;
  /** What counts for an input: what its link brings, else its own widget. Marks the widget as read. */
  readonly at: (input: string, index: number | null) => Read;
  /** Names of inputs, linked or not, that match a pattern, in the order of the file. */
  readonly inputsLike: (pattern: RegExp) => readonly string[];
  /** Values that were not read so far. */
  readonly rest: () => readonly Slot[];
  readonly markRead: (slot: Slot) => void;
}

interface Places {
  readonly byName: ReadonlyMap<string, Slot>;
  readonly byIndex: ReadonlyMap<number, Slot>;
}

/** Opens a node; most are never asked for a name, so names are gathered at the first question. */
export function openReading(node: WorkflowNode): Reading {
  const read = new Set<Slot>();
  let places: Places | null = null;
  const lookUp = (): Places => {
    places ??= placesOf(node);
    return places;
  };
  return {
    node,
    at: (input, index) => {
      const named = lookUp().byName.get(input);
      const placed = index === null ? undefined : lookUp().byIndex.get(index);
      for (const slot of [named, placed]) if (slot !== undefined) read.add(slot);
      return effective(node, input, named ?? placed);
    },
    inputsLike: (pattern) => [...lookUp().byName.keys(), ...node.fed.keys()].filter((name) => pattern.test(name)),
    rest: () => (read.size === 0 ? node.slots : node.slots.filter((slot) => !read.has(slot))),
    markRead: (slot) => read.add(slot),
  };
}

function placesOf(node: WorkflowNode): Places {
  const byName = new Map<string, Slot>();
  const byIndex = new Map<number, Slot>();
  for (const slot of node.slots) {
    if (slot.name !== null && !byName.has(slot.name)) byName.set(slot.name, slot);
    if (slot.name === null && slot.index !== null) byIndex.set(slot.index, slot);
  }
  return { byName, byIndex };
}

/** A link that brings a number to where the widget holds text is a sign of misplaced values, so the widget is believed. */
function effective(node: WorkflowNode, input: string, slot: Slot | undefined): Read {
  const own: Read = slot === undefined ? { kind: "absent" } : { kind: "value", value: slot.value, from: null };
  const fed = node.fed.get(input)?.();
  if (fed === undefined || fed.kind === "absent") return own;
  const isMisplaced = fed.kind === "value" && typeof fed.value !== "string" && typeof slot?.value === "string";
  return isMisplaced ? own : fed;
}
