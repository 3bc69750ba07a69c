/** Turns the value of a known input into the files that it names, by the way in which such values are written. */
import type { Asking, Found, LoaderValue } from "./asking.ts";
import { nodeLabel } from "./asking.ts";
import { hasWeightEnding, isAddress, isWeightName, nameInAddress, WEIGHT_ENDINGS } from "./names.ts";
import { loraTags } from "./prompts.ts";
import { isRecord, type Json } from "./shapes.ts";

/** What lists of files offer besides files: nothing, the one that is inside another file, the one already chosen. */
const NO_FILE =
  /^(?:|-|none|null|undefined|default|auto(?:matic)?|disabled?|enabled?|off|on|true|false|same|\(?use same\)?|baked[ -]?vae|pixel_space|undefined|random|select .*|choose .*|\[.*\]|no(?:ne)? .*)$/i;

const MAX_DEPTH = 6;
const MAX_ROWS = 1000;

/** Adds to `found` what `one` asks for. */
export function readWritten(one: LoaderValue, found: Found): void {
  switch (one.loader.written) {
    case "name":
      return readNames(one, found);
    case "folder":
    case "own":
      return readLabels(one, found);
    case "rows":
      return readRows(one, found);
    case "lora-tags":
      return readTags(one, found);
    case "embeddings":
    case "unused":
      return;
    default:
      throw new Error(`no reader for ${one.loader.written satisfies never}`);
  }
}

function readNames(one: LoaderValue, found: Found): void {
  for (const text of textsIn(one.value)) {
    const names = namesIn(text);
    found.askings.push(...names.map((raw) => ask(one, raw)));
    if (names.length === 0 && !NO_FILE.test(text.trim())) {
      found.warnings.push(
        `${nodeLabel(one.reading.node)} has "${text.slice(0, 80)}" as ${one.input}, which names no file`,
      );
    }
  }
}

/** A value is a text, a list of texts, or an object whose `content` is the text. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.filter((item) => typeof item === "string");
  return isRecord(value) && typeof value["content"] === "string" ? [value["content"]] : [];
}

/** The names in a text: one, one at the end of an address, or several on lines or between commas. */
export function namesIn(text: string): readonly string[] {
  const trimmed = text.trim();
  if (!hasWeightEnding(trimmed) && !isAddress(trimmed)) return [];
  if (isAddress(trimmed)) return nameInAddress(trimmed) === null ? [] : [trimmed];
  // A prompt can end in the name of an embedding.
  if (trimmed.includes("embedding:")) return [];
  const parts = trimmed.split(/[\n,;]/).map((part) => part.trim());
  if (parts.length > 1 && parts.every(isWeightName)) return parts;
  return isWeightName(trimmed) ? [trimmed] : [];
}

function readLabels(one: LoaderValue, found: Found): void {
  for (const text of textsIn(one.value)) if (!NO_FILE.test(text.trim())) found.askings.push(ask(one, text.trim()));
}

function readRows(one: LoaderValue, found: Found): void {
  for (const row of rowsIn(one.value)) {
    const name = rowName(row);
    if (name !== null && !isOff(row) && !NO_FILE.test(name.trim())) found.askings.push(askLoosely(one, name));
  }
}

/** Every object in `value` that names a file, wherever it is nested. */
function rowsIn(value: unknown): readonly Json[] {
  const rows: Json[] = [];
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0 && rows.length < MAX_ROWS; depth += 1) {
    const records = level.filter(isRecord);
    rows.push(...records.filter((record) => rowName(record) !== null));
    const open = records.filter((record) => rowName(record) === null);
    const inner = [...level.filter((item) => Array.isArray(item)).flat(), ...open.flatMap((one) => Object.values(one))];
    level = [...new Set(inner)].slice(0, MAX_ROWS);
  }
  return rows;
}

function rowName(row: Json): string | null {
  const name = row["lora"] ?? row["lora_name"] ?? row["name"] ?? row["content"];
  return typeof name === "string" ? name : null;
}

/** True for an entry that its switch turns off. */
export function isOff(row: Json): boolean {
  return [row["on"], row["active"], row["enabled"]].includes(false);
}

function readTags(one: LoaderValue, found: Found): void {
  if (typeof one.value !== "string") return;
  for (const name of loraTags(one.value)) found.askings.push({ ...askLoosely(one, name), how: "prompt" });
  const wildcard = /__[\w*/-]+__/.exec(one.value);
  if (wildcard !== null) {
    const what = `picks ${wildcard[0]} in ${one.input} when it runs`;
    found.warnings.push(`${nodeLabel(one.reading.node)} ${what}; what that brings cannot be known before`);
  }
}

function ask({ reading, loader, input, from }: LoaderValue, raw: string): Asking {
  return {
    node: reading.node,
    input,
    raw,
    folders: loader.folders,
    how: loader.how ?? "registry",
    from,
    isFolder: loader.written === "folder",
    isOutside:
      loader.written === "own" && !(isWeightName(raw) && !/^(?:custom_nodes|hub)\b/.test(loader.folders[0] ?? "")),
  };
}

/** Names in rows and tags may lack their ending. */
function askLoosely(one: LoaderValue, raw: string): Asking {
  return hasWeightEnding(raw) ? ask(one, raw) : { ...ask(one, raw), endings: WEIGHT_ENDINGS };
}
