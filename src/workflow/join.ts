/** Joins all nodes that ask for one file into one reference. */

import { presentFolder, searchedFolders } from "../base/folders.ts";
import type { Asking } from "./asking.ts";
import type { Declarations } from "./declarations.ts";
import { baseName, isAbsolutePath, isAddress, nameInAddress, slashed } from "./names.ts";
import type { Reference, ReferencePlace } from "./reference.ts";
import type { DeclaredModel } from "./workflow.ts";

interface Joined {
  readonly reference: Reference;
  readonly nodes: Map<string, ReferencePlace>;
  isActive: boolean;
}

/** The most certain way of knowing first: of several askings for one file it speaks for all. */
const CERTAINTY: readonly Reference["how"][] = ["registry", "server", "declared", "preset", "prompt", "inferred"];

/** References in the order in which the files are first asked for. */
export function joinAskings(
  askings: readonly Asking[],
  declarations: Declarations,
): { readonly references: readonly Reference[]; readonly outside: readonly Reference[] } {
  const byPlace = new Map<string, Joined>();
  const outside = new Map<string, Joined>();
  const homeless: Asking[] = [];
  for (const asking of inCertainty(askings)) {
    const reference = toReference(asking, declarations.of(asking));
    if (reference.folder === null) homeless.push(asking);
    else put(asking.isOutside ? outside : byPlace, `${reference.folder}/${reference.name}`, reference, asking);
  }
  const byName = new Map([...byPlace.values(), ...outside.values()].map((one) => [one.reference.name, one]));
  for (const asking of homeless) {
    const reference = toReference(asking, null);
    const known = byName.get(reference.name);
    if (known === undefined) put(byPlace, `?/${reference.name}`, reference, asking);
    else note(known, asking);
  }
  return { references: finish(byPlace), outside: finish(outside) };
}

function inCertainty(askings: readonly Asking[]): readonly Asking[] {
  return CERTAINTY.flatMap((how) => askings.filter((asking) => asking.how === how));
}

function put(joined: Map<string, Joined>, key: string, reference: Reference, asking: Asking): void {
  const known = joined.get(key) ?? { reference, nodes: new Map(), isActive: false };
  joined.set(key, known);
  note(known, asking);
}

function note(joined: Joined, { node, input }: Asking): void {
  joined.nodes.set(`${node.id}\n${input}`, { id: node.id, class: node.class, input });
  joined.isActive ||= node.isActive;
}

function finish(joined: ReadonlyMap<string, Joined>): readonly Reference[] {
  return [...joined.values()].map(({ reference, nodes, isActive }) => ({
    ...reference,
    nodes: [...nodes.values()],
    isActive,
  }));
}

function toReference(asking: Asking, declared: DeclaredModel | null): Reference {
  const { raw, input, node } = asking;
  const isDeclared = asking.how === "inferred" && declared !== null;
  const folders = asking.isOutside ? asking.folders : foldersOf(asking, declared);
  return {
    nodes: [],
    input,
    folder: folders[0] ?? null,
    folders,
    name: nameOf(raw),
    raw,
    how: isDeclared ? "declared" : asking.how,
    isActive: node.isActive,
    ...(asking.isFolder ? { isFolder: true } : {}),
    ...(asking.endings === undefined ? {} : { endings: asking.endings }),
    ...(declared === null ? {} : { declared: pick(declared) }),
  };
}

/** On somebody's disk or server the folders mean nothing here. */
function nameOf(raw: string): string {
  if (isAddress(raw)) return slashed(nameInAddress(raw) ?? raw);
  return isAbsolutePath(raw) ? baseName(raw.trim()) : slashed(raw);
}

function pick({ url, sha256, directory }: DeclaredModel): NonNullable<Reference["declared"]> {
  return { url, sha256, directory: presentFolder(directory) };
}

/** A declared folder comes first when the node looks there, or when nobody knows where it looks. */
function foldersOf({ folders, how }: Asking, declared: DeclaredModel | null): readonly string[] {
  const known = folders.map(presentFolder);
  if (declared === null) return searchedFolders(known);
  const directory = presentFolder(declared.directory);
  if (known.includes(directory)) return searchedFolders([directory, ...known]);
  return searchedFolders(how === "inferred" || known.length === 0 ? [directory] : known);
}
