/** Which catalogue entry a workflow's reference means: never a guess, several candidates are listed. Pure. */
import { extname } from "node:path";
import { collisionKey, type TreePath, treePathProblem } from "../base/paths.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import type { Reference } from "../workflow/reference.ts";

/** A file that the workflow needs and no manifest names for sure. */
export interface UnknownReference {
  readonly name: string;
  /** Where the node would look first, as far as known. */
  readonly path: string;
  /** Every path at which the node would find it. */
  readonly places: readonly TreePath[];
  /** Where in the workflow: `node 12 (LoraLoader)`. */
  readonly at: string;
  /** Names of catalogue models that it could mean. */
  readonly candidates: readonly string[];
  readonly fix: string;
}

/** What one reference turned out to mean: models (several only for a whole folder), or nothing for sure. */
export interface Match {
  readonly reference: Reference;
  readonly models: readonly Model[];
  /** Where else than in its own places the node looks for the model: it needs an alias there. */
  readonly view: View | null;
  readonly unknown: UnknownReference | null;
  /** True when the model is what the workflow's author declares, and no manifest has it. */
  readonly isDeclared?: boolean;
}

/** A place at which a node must find a model that lies elsewhere. */
export interface View {
  readonly model: string;
  readonly path: TreePath;
}

/**
 * Matches every reference. A model that the node looks for elsewhere comes back with that place as an alias,
 * so that the node finds it.
 */
export function matchReferences(references: readonly Reference[], catalog: Catalog): readonly Match[] {
  const index = indexOf(catalog);
  return references.map((reference) => matchReference(reference, index));
}

/** The catalogue by everything that a reference can be matched on. */
interface CatalogIndex {
  readonly bySha256: ReadonlyMap<string, readonly Model[]>;
  readonly byPath: ReadonlyMap<string, readonly Model[]>;
  readonly byAlias: ReadonlyMap<string, readonly Model[]>;
  /** By every ending of a path or alias that starts after a slash: `a/b/c` is `a/b/c`, `b/c` and `c`. */
  readonly byName: ReadonlyMap<string, readonly Model[]>;
}

/** Reads the catalogue once, so that each reference costs a few lookups. */
function indexOf(catalog: Catalog): CatalogIndex {
  const models = [...catalog.models.values()];
  const keysOf = (model: Model): readonly string[] => [model.path, ...model.aliases].map(collisionKey);
  return {
    bySha256: group(models, (model) => (model.sha256 === null ? [] : [model.sha256])),
    byPath: group(models, (model) => [collisionKey(model.path)]),
    byAlias: group(models, (model) => model.aliases.map(collisionKey)),
    byName: group(models, (model) => keysOf(model).flatMap(endingsOf)),
  };
}

function group(models: readonly Model[], keysOf: (model: Model) => readonly string[]): Map<string, Model[]> {
  const groups = new Map<string, Model[]>();
  for (const model of models) {
    for (const key of new Set(keysOf(model))) groups.set(key, [...(groups.get(key) ?? []), model]);
  }
  return groups;
}

function endingsOf(key: string): readonly string[] {
  const parts = key.split("/");
  return parts.map((_, start) => parts.slice(start).join("/"));
}

/** By declared digest, then folder and name, then alias, then a name that only one model has. */
function matchReference(reference: Reference, index: CatalogIndex): Match {
  if (reference.isFolder === true) return matchFolder(reference, index);
  const sha256 = reference.declared?.sha256 ?? null;
  const places = placesOf(reference).map(collisionKey);
  const at = (map: ReadonlyMap<string, readonly Model[]>, keys: readonly string[]): readonly Model[] => [
    ...new Set(keys.flatMap((key) => map.get(key) ?? [])),
  ];
  const steps: readonly (() => readonly Model[])[] = [
    () => at(index.bySha256, sha256 === null ? [] : [sha256]),
    () => at(index.byPath, places),
    () => at(index.byAlias, places),
    () => at(index.byName, spellings(reference).map(foldCase)),
  ];
  for (const step of steps) {
    const found = step().filter((model) => sha256 === null || model.sha256 === null || model.sha256 === sha256);
    const model = onlyOne(found, places);
    if (model !== null) return known(model, reference);
    if (found.length > 0) return { reference, models: [], view: null, unknown: unknownOf(reference, found) };
  }
  return { reference, models: [], view: null, unknown: unknownOf(reference, []) };
}

/** A name that stands for a folder means every model in it. */
function matchFolder(reference: Reference, index: CatalogIndex): Match {
  const folders = placesOf(reference).map((place) => `${collisionKey(place)}/`);
  const inside = [...index.byPath].filter(([path]) => folders.some((folder) => path.startsWith(folder)));
  const models = inside.flatMap(([, found]) => found);
  return { reference, models, view: null, unknown: models.length === 0 ? unknownOf(reference, []) : null };
}

/** The single candidate, or of several with the same bytes the one that lies where the node looks. */
function onlyOne(found: readonly Model[], places: readonly string[]): Model | null {
  const [first] = found;
  if (first === undefined) return null;
  const isOneArtifact = first.sha256 !== null && found.every((model) => model.sha256 === first.sha256);
  if (found.length > 1 && !isOneArtifact) return null;
  return found.find((model) => places.includes(collisionKey(model.path))) ?? first;
}

/** Every path of the tree that the node would take for this reference, best first. */
export function placesOf(reference: Reference): readonly TreePath[] {
  const names = spellings(reference);
  const paths = reference.folders.flatMap((folder) => names.map((name) => `${folder}/${name}`));
  return paths.filter((path): path is TreePath => treePathProblem(path) === null);
}

/** A name without its ending stands for a file with any of the endings that the node tries. */
function spellings({ name, endings = [] }: Reference): readonly string[] {
  return [name, ...endings.map((ending) => name + ending)];
}

function foldCase(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Found by digest or by name alone, the file may lie where this node does not look: an alias shows it there. */
function known(model: Model, reference: Reference): Match {
  const places = placesOf(reference);
  const keys = places.map(collisionKey);
  const isVisible = [model.path, ...model.aliases].some((path) => keys.includes(collisionKey(path)));
  const isOf = (place: TreePath): boolean => extname(place) === extname(model.path);
  const path = reference.endings === undefined ? places[0] : places.find(isOf);
  if (isVisible || path === undefined) return { reference, models: [model], view: null, unknown: null };
  const shown = { ...model, aliases: [...model.aliases, path] };
  return { reference, models: [shown], view: { model: model.name, path }, unknown: null };
}

function unknownOf(reference: Reference, candidates: readonly Model[]): UnknownReference {
  const { name, folder, nodes, declared } = reference;
  const names = candidates.map((model) => model.name);
  const source = declared === undefined ? "" : ` with the source ${declared.url}`;
  return {
    name,
    path: folder === null ? name : `${folder}/${name}`,
    places: placesOf(reference),
    at: nodes.map(({ id, class: type }) => `node ${id} (${type})`).join(", "),
    candidates: names,
    fix:
      names.length > 0
        ? `name the one that is meant as well: ${names.join(" or ")}`
        : `write an entry for it into a manifest${source}, or put the file in place`,
  };
}
