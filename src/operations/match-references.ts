/** Which catalogue entry a workflow's reference means: never a guess, several candidates are listed. Pure. */
import type { Sha256 } from "../base/artifact.ts";
import { collisionKey, type TreePath, treePathProblem } from "../base/paths.ts";
import type { Catalog, Model } from "../catalog/model.ts";

/** What the matching needs to know of one reference. */
export interface WantedReference {
  /** As the node names it: a file name, or a path below its folder, with either slash. */
  readonly name: string;
  /** Folders of the tree in which the node looks, best first; empty when the node's class is not known. */
  readonly folders: readonly string[];
  /** Digest that the workflow declares for this very file, or null. */
  readonly sha256: Sha256 | null;
  /** Where in the workflow: `#12 LoraLoader.lora_name`. */
  readonly at: string;
}

export interface UnknownReference {
  readonly name: string;
  /** Where the node would look first, as far as known. */
  readonly path: string;
  readonly at: string;
  /** Names of catalogue models that it could mean. */
  readonly candidates: readonly string[];
  readonly fix: string;
}

export interface Matched {
  readonly models: readonly Model[];
  readonly unknown: readonly UnknownReference[];
}

export type Match =
  | { readonly kind: "known"; readonly model: Model }
  | { readonly kind: "unknown"; readonly reference: UnknownReference };

/** Matches every reference; a model that the node looks for elsewhere comes back with that place as an alias. */
export function matchReferences(references: readonly WantedReference[], catalog: Catalog): Matched {
  const index = indexOf(catalog);
  const matches = references.map((reference) => matchReference(reference, index));
  return {
    models: matches.flatMap((match) => (match.kind === "known" ? [match.model] : [])),
    unknown: matches.flatMap((match) => (match.kind === "unknown" ? [match.reference] : [])),
  };
}

/** The catalogue by everything that a reference can be matched on. */
export interface CatalogIndex {
  readonly bySha256: ReadonlyMap<string, readonly Model[]>;
  readonly byPath: ReadonlyMap<string, readonly Model[]>;
  readonly byAlias: ReadonlyMap<string, readonly Model[]>;
  /** By every ending of a path or alias that starts after a slash: `a/b/c` is `a/b/c`, `b/c` and `c`. */
  readonly byName: ReadonlyMap<string, readonly Model[]>;
}

/** Reads the catalogue once, so that each reference costs a few lookups. */
export function indexOf(catalog: Catalog): CatalogIndex {
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
export function matchReference(reference: WantedReference, index: CatalogIndex): Match {
  const places = placesOf(reference);
  const at = (map: ReadonlyMap<string, readonly Model[]>, keys: readonly string[]): readonly Model[] => [
    ...new Set(keys.flatMap((key) => map.get(key) ?? [])),
  ];
  const steps: readonly (() => readonly Model[])[] = [
    () => at(index.bySha256, reference.sha256 === null ? [] : [reference.sha256]),
    () => at(index.byPath, places),
    () => at(index.byAlias, places),
    () => at(index.byName, [collisionKey(slashed(reference.name) as TreePath)]),
  ];
  for (const step of steps) {
    const found = step().filter((model) => !contradicts(model, reference));
    const model = onlyOne(found, places);
    if (model !== null) return { kind: "known", model: visibleTo(model, reference) };
    if (found.length > 0) return { kind: "unknown", reference: unknownOf(reference, found) };
  }
  return { kind: "unknown", reference: unknownOf(reference, []) };
}

/** The single candidate, or of several with the same bytes the one that lies where the node looks. */
function onlyOne(found: readonly Model[], places: readonly string[]): Model | null {
  const [first] = found;
  if (first === undefined) return null;
  const isOneArtifact = first.sha256 !== null && found.every((model) => model.sha256 === first.sha256);
  if (found.length > 1 && !isOneArtifact) return null;
  return found.find((model) => places.includes(collisionKey(model.path))) ?? first;
}

function contradicts(model: Model, { sha256 }: WantedReference): boolean {
  return sha256 !== null && model.sha256 !== null && model.sha256 !== sha256;
}

function placesOf({ folders, name }: WantedReference): readonly string[] {
  return folders.map((folder) => collisionKey(`${folder}/${slashed(name)}` as TreePath));
}

/** Found by digest or by name alone, the file may lie where this node does not look: an alias shows it there. */
function visibleTo(model: Model, reference: WantedReference): Model {
  const places = placesOf(reference);
  const isVisible = [model.path, ...model.aliases].some((path) => places.includes(collisionKey(path)));
  const [folder] = reference.folders;
  if (isVisible || folder === undefined) return model;
  const place = `${folder}/${slashed(reference.name)}`;
  return treePathProblem(place) === null ? { ...model, aliases: [...model.aliases, place as TreePath] } : model;
}

function unknownOf(reference: WantedReference, candidates: readonly Model[]): UnknownReference {
  const [folder] = reference.folders;
  const name = slashed(reference.name);
  return {
    name,
    path: folder === undefined ? name : `${folder}/${name}`,
    at: reference.at,
    candidates: candidates.map((model) => model.name),
    fix:
      candidates.length > 0
        ? `several models have this name, select one as well: ${candidates.map((model) => model.name).join(", ")}`
        : `add it to a manifest with models add <URI>, or put ${name} in place and run models adopt`,
  };
}

function slashed(name: string): string {
  return name.replaceAll("\\", "/");
}
