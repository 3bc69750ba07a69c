/** Reads a node whose class the registry knows. */
import type { Found } from "./asking.ts";
import { nodeLabel } from "./asking.ts";
import { isWeightName } from "./names.ts";
import type { Read, Reading } from "./reading.ts";
import type { Gate, LoaderInput } from "./registry.ts";
import type { Slot } from "./workflow.ts";
import { readWritten } from "./written.ts";

/** Ways of writing that always mean a file; a prompt mostly means none. */
const NAMES_FILES: ReadonlySet<LoaderInput["written"]> = new Set(["name", "folder", "rows", "own"]);

/** A widget with one of these says no. */
const OFF: ReadonlySet<unknown> = new Set([false, 0, "off", "false", "no", "none", "disable", "disabled", "0", ""]);

/** Adds to `found` what every known input of the node asks for. */
export function readKnownClass(reading: Reading, inputs: readonly LoaderInput[], found: Found): void {
  for (const loader of inputs) {
    if (loader.input.includes("{n}")) readRepeated(reading, loader, found);
    else if (loader.index === null && loader.written !== "name") readAnywhere(reading, loader, found);
    else readOne(reading, loader, { input: loader.input, number: null }, found);
  }
  readMisplaced(reading, inputs, found);
}

function readOne(
  reading: Reading,
  loader: LoaderInput,
  { input, number }: { readonly input: string; readonly number: number | null },
  found: Found,
): void {
  const read = reading.at(input, number === null ? loader.index : null);
  if (loader.gate !== null && !isOpen(reading, loader.gate, number)) return;
  if (read.kind === "value") readWritten({ reading, loader, input, value: read.value, from: read.from }, found);
  else if (read.kind === "computed" && NAMES_FILES.has(loader.written))
    found.warnings.push(computed(reading, input, read));
}

function computed(reading: Reading, input: string, read: Extract<Read, { kind: "computed" }>): string {
  const label = nodeLabel(reading.node);
  return `${label} gets ${input} from node ${read.from}, which computes it when it runs; what it names cannot be known before`;
}

/** `lora_name_{n}`: every number that the node has. */
function readRepeated(reading: Reading, loader: LoaderInput, found: Found): void {
  const [before = "", after = ""] = loader.input
    .split("{n}")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const pattern = new RegExp(`^${before}(\\d+)${after}$`);
  const inputs = [...new Set(reading.inputsLike(pattern))];
  for (const input of inputs) readOne(reading, loader, { input, number: Number(pattern.exec(input)?.[1]) }, found);
  if (inputs.length === 0) readUnnamed(reading, loader, found);
}

/** Without names, the values that can be meant stand in the order of their numbers. */
function readUnnamed(reading: Reading, loader: LoaderInput, found: Found): void {
  const isMeant = ({ value }: Slot): boolean =>
    loader.written === "name" ? isWeightName(value) || value === "None" : typeof value === "object";
  const slots = reading.rest().filter((slot) => slot.name === null && isMeant(slot));
  for (const [position, slot] of slots.entries()) {
    reading.markRead(slot);
    const number = position + 1;
    if (loader.gate?.kind === "until" && !isOpen(reading, loader.gate, number)) continue;
    const input = loader.input.replace("{n}", String(number));
    readWritten({ reading, loader, input, value: slot.value, from: null }, found);
  }
}

/** An input without a fixed place, when the file does not name it: every value can be it. */
function readAnywhere(reading: Reading, loader: LoaderInput, found: Found): void {
  const read = reading.at(loader.input, null);
  if (read.kind !== "absent") return readOne(reading, loader, { input: loader.input, number: null }, found);
  const wantsText = loader.written !== "rows";
  for (const slot of reading.rest()) {
    if (slot.name !== null || (typeof slot.value === "string") !== wantsText) continue;
    if (wantsText && loader.written !== "lora-tags") continue;
    readWritten({ reading, loader, input: loader.input, value: slot.value, from: null }, found);
  }
}

function isOpen(reading: Reading, gate: Gate, number: number | null): boolean {
  const read = reading.at(number === null ? gate.input : gate.input.replace("{n}", String(number)), gate.index);
  if (read.kind !== "value") return true;
  if (gate.kind === "until") return number === null || typeof read.value !== "number" || number <= read.value;
  return !OFF.has(typeof read.value === "string" ? read.value.toLowerCase() : read.value);
}

/** Versions of a node add and move widgets: a name at an unknown place still means a folder when the class has only one. */
function readMisplaced(reading: Reading, inputs: readonly LoaderInput[], found: Found): void {
  const names = inputs.filter((loader) => loader.written === "name");
  const [loader] = names;
  const isOneFolder = names.every((one) => one.folders[0] === loader?.folders[0] && one.gate === null);
  if (loader === undefined || !isOneFolder) return;
  for (const slot of reading.rest()) {
    if (slot.name !== null || !isWeightName(slot.value)) continue;
    reading.markRead(slot);
    readWritten({ reading, loader, input: loader.input, value: slot.value, from: null }, found);
  }
}
