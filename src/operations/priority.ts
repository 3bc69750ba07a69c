/** What goes first: what someone waits for, then a kit's rest, then what is only fetched ahead; of each, the largest. */
import type { Model } from "../catalog/model.ts";
import type { Selection } from "./select.ts";

/** Higher goes first, among all that one process brings. */
export type PriorityOf = (model: Pick<Model, "name" | "size">) => number;

/** More than a file has bytes. */
const CLASS = 2 ** 44;

export function prioritiesOf({ awaited }: Pick<Selection, "awaited">, isPrefetch: boolean): PriorityOf {
  const classOf = (name: string): number => (isPrefetch ? 0 : awaited.has(name) ? 2 : 1);
  return ({ name, size }) => classOf(name) * CLASS + Math.min(size ?? 0, CLASS - 1);
}
