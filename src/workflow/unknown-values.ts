/** Finds what looks like a file of weights in values that no registry explains. */
import type { Asking } from "./asking.ts";
import type { Reading } from "./reading.ts";
import type { Registry } from "./registry.ts";
import { isRecord } from "./shapes.ts";
import { isOff, namesIn } from "./written.ts";

const MAX_DEPTH = 6;
const MAX_VALUES = 10_000;

/** Asks for every such name; its folder is a guess from the input's name, or unknown. */
export function readUnknown(reading: Reading, registry: Registry): readonly Asking[] {
  return reading.rest().flatMap((slot) => {
    const texts = textsInside(slot.value);
    if (texts.length === 0) return [];
    const input = slot.name ?? (slot.index === null ? "" : `widget ${slot.index}`);
    const names = texts.flatMap(namesIn);
    const folders = names.length > 0 && slot.name !== null ? registry.foldersOfInput(slot.name) : [];
    return names.map((raw): Asking => ({ node: reading.node, input, raw, folders, how: "inferred" }));
  });
}

/** Every text in a value, the parts that are switched off left out. */
export function textsInside(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  const texts: string[] = [];
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0 && texts.length < MAX_VALUES; depth += 1) {
    for (const item of level) if (typeof item === "string") texts.push(item);
    const inner = level.flatMap((item) => {
      if (Array.isArray(item)) return item;
      return isRecord(item) && !isOff(item) ? Object.values(item) : [];
    });
    level = [...new Set(inner)].slice(0, MAX_VALUES);
  }
  return texts;
}
