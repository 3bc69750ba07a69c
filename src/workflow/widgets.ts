/** Which name belongs to which value of `widgets_values`, as far as a node of the editor tells. */
import { isRecord } from "./shapes.ts";
import type { UiNode } from "./ui-node.ts";
import type { Slot } from "./workflow.ts";

/** The editor writes one of these after a number that may change by itself between runs. */
const CONTROLS: ReadonlySet<unknown> = new Set(["fixed", "increment", "decrement", "randomize"]);

/** The node's own values with their names where they are certain, and what a caller `set` in place of them. */
export function slotsOf(node: UiNode, set: ReadonlyMap<string, unknown>): readonly Slot[] {
  const own = ownSlots(node);
  if (set.size === 0) return own;
  const known = new Set(own.map((slot) => slot.name));
  const added = [...set].filter(([name]) => !known.has(name));
  return [
    ...added.map(([name, value]) => ({ name, index: null, value })),
    ...own.map((slot) => (slot.name !== null && set.has(slot.name) ? { ...slot, value: set.get(slot.name) } : slot)),
  ];
}

function ownSlots({ widgets, inputs }: UiNode): readonly Slot[] {
  if (!Array.isArray(widgets)) return Object.entries(widgets).map(([name, value]) => ({ name, index: null, value }));
  const names = namesByPlace(
    inputs.flatMap((input) => (input.widget === null ? [] : [input.widget])),
    widgets,
  );
  return widgets.map((value, index) => ({ name: names?.[index] ?? null, index, value }));
}

/**
 * Newer editors list every widget among the inputs, in order; older ones only those turned into inputs.
 * So names are taken only when they use up the values exactly, control values aside.
 */
function namesByPlace(names: readonly string[], values: readonly unknown[]): readonly (string | null)[] | null {
  if (names.length === 0) return null;
  const placed: (string | null)[] = [];
  for (const name of names) {
    const previous = values[placed.length - 1];
    if (typeof previous === "number" && CONTROLS.has(values[placed.length])) placed.push(null);
    placed.push(name);
  }
  while (placed.length < values.length && isSurplus(values[placed.length])) placed.push(null);
  return placed.length === values.length ? placed : null;
}

/** Trailing values that belong to no input: a control, an upload button, a preview. */
function isSurplus(value: unknown): boolean {
  return CONTROLS.has(value) || value === "image" || value === null || value === "" || isRecord(value);
}
