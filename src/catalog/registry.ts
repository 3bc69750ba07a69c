/** The format of the files that say what classes of nodes load, and the reading of a folder of them. */
import type { Problem } from "../base/errors.ts";
import type { Checked } from "./checked.ts";
import type { Document } from "./document.ts";
import { LOADER_RULE, type LoaderEntry, parseLoaderLine } from "./loader-line.ts";
import { readPlace } from "./places.ts";
import { problemsError } from "./problems.ts";
import { readDocument } from "./read.ts";
import { isLine, isVersion, listOf, mapping, type Shape } from "./shape.ts";

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

/** A registry file as it is written, once its version is known. */
export interface RegistryText {
  readonly $schema?: string | undefined;
  readonly version: 1;
  readonly package: string;
  readonly wrappers?: readonly string[] | undefined;
  readonly loaders?: readonly string[] | undefined;
  readonly presets?: readonly PresetText[] | undefined;
}

interface PresetText {
  readonly classes: readonly string[];
  readonly when?: Readonly<Record<string, string>> | undefined;
  readonly base?: string | undefined;
  readonly files: readonly string[];
}

const isLines = listOf(isLine);
const isConditions: Shape = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && isLines(Object.values(value));
const isPreset = mapping({ classes: isLines, files: isLines }, { when: isConditions, base: isLine });
const isLoader: Shape = (value) => typeof value === "string" && LOADER_RULE.problem(value) === null;
const isRegistry = mapping(
  { version: isVersion, package: isLine },
  { wrappers: isLines, loaders: listOf(isLoader), presets: listOf(isPreset) },
);

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
      const checked = text.kind === "ok" ? await readRegistry(text.document) : text;
      if (checked.kind === "bad") problems.push(...checked.problems);
      else read.push(checked.value);
    }
  }
  if (problems.length > 0) throw problemsError("CONFIG_INVALID", "the registry of node classes", problems);
  return [...read.filter(isCore), ...read.filter((one) => !isCore(one))];
}

/** What one document says, or everything that is wrong with it. */
async function readRegistry(document: Document): Promise<Checked<RegistryFile>> {
  const checked = await checkRegistry(document);
  if (checked.kind === "bad") return checked;
  const { package: name, wrappers = [], loaders = [], presets = [] } = checked.value;
  const entries = loaders.map(parseLoaderLine).filter((entry) => typeof entry !== "string");
  return { kind: "ok", value: { name, wrappers, loaders: entries, presets: presets.map(toPreset) } };
}

async function checkRegistry(document: Document): Promise<Checked<RegistryText>> {
  if (isRegistry(document.root)) return { kind: "ok", value: document.root as RegistryText };
  const [{ checkDocument }, { registrySchema }] = await Promise.all([
    import("./check.ts"),
    import("./registry-schema.ts"),
  ]);
  return checkDocument(registrySchema, document);
}

function toPreset({ classes, when = {}, base, files }: PresetText): PresetEntry {
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
