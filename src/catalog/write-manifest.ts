/** Writes one entry of a manifest file, and touches nothing else in it. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { readBoundedText } from "../base/bounded-file.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { type ManifestEntry, readManifest } from "./manifest.ts";
import { problemsError } from "./problems.ts";
import { MAX_TEXT_BYTES, readDocument } from "./read.ts";
import { writeAtomic } from "./write-atomic.ts";
import type { EntryChange } from "./yaml.ts";

/** What becomes of an entry: these fields are set, these sources are added to those it has. */
export interface ManifestChange extends Omit<ManifestEntry, "path" | "aliases" | "sources" | "variant" | "note"> {
  /** Left out for an entry that has one. */
  readonly path?: string | undefined;
  readonly sources: readonly string[];
}

/** In this order the fields of an entry are written. */
const ORDER: readonly string[] = [
  "name",
  "path",
  "aliases",
  "size",
  "roughSize",
  "sha256",
  "digestFrom",
  "license",
  "gated",
  "variant",
  "note",
  "sources",
  "pieces",
];

const NEW_FILE = "version: 1\nmodels: []\n";

/**
 * Updates the entry called `change.name` in the manifest at `file`, or adds it; a file that does not exist is made.
 * Comments, order and spelling of all else stay.
 * @throws ModelsError `MANIFEST_INVALID` when the file is wrong, or would be then; `DISK_FAILED`, `DISK_FULL`
 */
export async function writeManifestEntry(file: string, change: ManifestChange): Promise<void> {
  const before = await readText(file);
  const after = /\.json$/i.test(file) ? editJson(before, change) : await editYaml(before, change);
  if (after === null)
    throw invalid(file, [{ at: `${file}:1:1`, message: "this is no manifest with a list of models" }]);
  const read = await readDocument(file, after);
  const checked = read.kind === "ok" ? await readManifest(read.document) : read;
  if (checked.kind === "bad") throw invalid(file, checked.problems);
  await mkdir(dirname(file), { recursive: true }).catch(() => undefined);
  await writeAtomic(file, after);
}

function invalid(file: string, problems: Parameters<typeof problemsError>[2]): ModelsError {
  return problemsError("MANIFEST_INVALID", `"${file}"`, problems);
}

async function readText(file: string): Promise<string> {
  try {
    return await readBoundedText(file, MAX_TEXT_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return /\.json$/i.test(file) ? '{"version":1,"models":[]}' : NEW_FILE;
    throw new ModelsError("DISK_FAILED", `Cannot read manifest "${file}": ${reasonOf(error)}`, { cause: error });
  }
}

async function editYaml(text: string, change: ManifestChange): Promise<string | null> {
  const { writeYamlEntry } = await import("./yaml.ts");
  // A list that was begun on one line would go on there for good.
  const open = text.replace(/^models:[ \t]*\[[ \t]*\][ \t]*$/m, "models:\n  - name: __first__");
  const written = writeYamlEntry(open, "models", { change: toEntryChange(change), order: ORDER });
  return written?.replace(/^ *- name: __first__\n/m, "") ?? null;
}

function toEntryChange({ name, sources, ...fields }: ManifestChange): EntryChange {
  const set = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as EntryChange["set"];
  return { name, set, add: { sources } };
}

function editJson(text: string, change: ManifestChange): string | null {
  const document = parseJson(text);
  if (document === null || !Array.isArray(document.models)) return null;
  const { name, set } = toEntryChange(change);
  const models = document.models as (ManifestEntry & object)[];
  const known = models.find((one) => one.name === name);
  const before = known?.sources;
  const all = [...(Array.isArray(before) ? before : []), ...change.sources];
  const entry = { ...known, name, ...set, sources: [...new Set(all)] };
  const ordered = Object.fromEntries(
    Object.entries(entry).sort(([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other)),
  );
  const written = known === undefined ? [...models, ordered] : models.map((one) => (one === known ? ordered : one));
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? 2;
  return `${JSON.stringify({ ...document, models: written }, null, indent)}\n`;
}

function parseJson(text: string): { readonly models?: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}
