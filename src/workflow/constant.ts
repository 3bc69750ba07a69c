/** Which single value a node gives to everything that is linked to it, as far as that is known before the graph runs. */
import { isWeightName } from "./names.ts";

/** What a node is made of, as far as this question goes. */
export interface Giver {
  /** Values that the node holds itself. */
  readonly literals: readonly unknown[];
  /** How many of its inputs are linked. */
  readonly links: number;
}

export type Constant =
  | { readonly kind: "value"; readonly value: unknown }
  /** It hands on what comes in over its only link. */
  | { readonly kind: "passes-on" }
  | { readonly kind: "computed" };

/** A selector gives its only file name, a text node its only text, a relay what it gets. */
export function constantOf({ literals, links }: Giver): Constant {
  const texts = literals.filter((value) => typeof value === "string");
  const names = texts.filter(isWeightName);
  if (names.length === 1) return { kind: "value", value: names[0] };
  if (links === 0 && texts.length === 1) return { kind: "value", value: texts[0] };
  return literals.length === 0 && links === 1 ? { kind: "passes-on" } : { kind: "computed" };
}
