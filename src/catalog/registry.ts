/** The format of the files that say what classes of nodes load, and the reading of a folder of them. */
import { z } from "zod";
import type { Problem } from "../base/errors.ts";
import { type Checked, checkDocument, checkedText } from "./check.ts";
import type { Document } from "./document.ts";
import { schemaField, textField, versionField } from "./fields.ts";
import { LOADER_LINE_FORM, type LoaderEntry, parseLoaderLine } from "./loader-line.ts";
import { readPlace } from "./places.ts";
import { problemsError } from "./problems.ts";
import { readDocument } from "./read.ts";

/** Files that a class needs without naming them. */
export interface PresetEntry {
  readonly classes: readonly string[];
  /** Widgets and the values that they must hold. */
  readonly when: readonly { readonly input: string; readonly value: string }[];
  readonly base: string | null;
  /** `folder/name` below the models folder, or a place outside of it (`custom_nodes/`, `~/`, `hub:`). */
  readonly files: readonly string[];
}

/** What one registry file says. */
export interface RegistryFile {
  readonly name: string;
  readonly loaders: readonly LoaderEntry[];
  readonly presets: readonly PresetEntry[];
  /** Endings of class names that wrap a class of another package. */
  readonly wrappers: readonly string[];
}

const lineField = checkedText((text) => {
  const parsed = parseLoaderLine(text);
  return typeof parsed === "string" ? parsed : null;
}, `write it as ${LOADER_LINE_FORM}`);

const presetSchema = z.strictObject({
  classes: z.array(textField),
  when: z.record(z.string(), textField).optional(),
  base: textField.optional(),
  files: z.array(textField),
});

const registrySchema = z.strictObject({
  $schema: schemaField,
  version: versionField,
  package: textField,
  wrappers: z.array(textField).optional(),
  loaders: z.array(lineField).optional(),
  presets: z.array(presetSchema).optional(),
});

/**
 * Reads every registry file of `folders`, ComfyUI's own classes first, then in the order of folders and names.
 * @throws ModelsError `CONFIG_INVALID` with every problem of every file
 */
export async function loadRegistry(folders: readonly string[]): Promise<readonly RegistryFile[]> {
  const problems: Problem[] = [];
  const read: RegistryFile[] = [];
  for (const folder of folders) {
    const place = await readPlace(folder, refuseRemote);
    problems.push(...place.problems);
    for (const { file, content } of place.files) {
      const text = await readDocument(file, content);
      const checked = text.kind === "ok" ? readRegistry(text.document) : text;
      if (checked.kind === "bad") problems.push(...checked.problems);
      else read.push(checked.value);
    }
  }
  if (problems.length > 0) throw problemsError("CONFIG_INVALID", "the registry of node classes", problems);
  return [...read.filter(isCore), ...read.filter((one) => !isCore(one))];
}

/** What one document says, or everything that is wrong with it. */
export function readRegistry(document: Document): Checked<RegistryFile> {
  const checked = checkDocument(registrySchema, document);
  if (checked.kind === "bad") return checked;
  const { package: name, wrappers = [], loaders = [], presets = [] } = checked.value;
  const entries = loaders.flatMap((line) => {
    const parsed = parseLoaderLine(line);
    return typeof parsed === "string" ? [] : [parsed];
  });
  return { kind: "ok", value: { name, wrappers, loaders: entries, presets: presets.map(toPreset) } };
}

function toPreset({ classes, when = {}, base, files }: z.infer<typeof presetSchema>): PresetEntry {
  const conditions = Object.entries(when).map(([input, value]) => ({ input, value }));
  return { classes, when: conditions, base: base ?? null, files };
}

function isCore({ name }: RegistryFile): boolean {
  return name === "core";
}

async function refuseRemote(url: string): Promise<string> {
  throw problemsError("CONFIG_INVALID", "the registry of node classes", [
    { at: url, message: "a registry is not read over the network", fix: "give a folder" },
  ]);
}
