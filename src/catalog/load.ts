/** Manifests and kits of every place as one catalogue, or every mistake in all of them. */
import type { Problem } from "../base/errors.ts";
import type { Checked } from "./check.ts";
import { findCollisions } from "./collisions.ts";
import type { Document } from "./document.ts";
import { type PlacedKit, readKit } from "./kit.ts";
import { findKitProblems } from "./kit-links.ts";
import { readManifest } from "./manifest.ts";
import type { Catalog } from "./model.ts";
import { type FetchText, type PlaceFiles, readPlace } from "./places.ts";
import { problemsError } from "./problems.ts";
import { readDocument } from "./read.ts";

export type { FetchText } from "./places.ts";

export interface CatalogPlaces {
  /** Folders, files or URLs; a later one overrides the models of earlier ones by name. */
  readonly manifests: readonly string[];
  /** Folders, files or URLs; a later one overrides the kits of earlier ones by name. */
  readonly kits: readonly string[];
}

/**
 * Reads every place at once and joins what they say.
 * @throws ModelsError `MANIFEST_INVALID` with every problem of every file, or whatever `fetchText` throws
 */
export async function loadCatalog(places: CatalogPlaces, ports: { readonly fetchText: FetchText }): Promise<Catalog> {
  const problems: Problem[] = [];
  const [manifests, kits] = await Promise.all([
    readAll(places.manifests, readManifest, ports.fetchText),
    readAll(places.kits, (document) => asList(readKit(document)), ports.fetchText),
  ]);
  problems.push(...manifests.problems, ...kits.problems);
  const models = merge(manifests.places, ({ model }) => model, problems, "model");
  const placedKits = merge(kits.places, ({ kit }) => kit, problems, "kit");
  problems.push(...findCollisions(models.values()));
  // With a manifest that cannot be read, every name in it would be reported as unknown.
  if (manifests.problems.length === 0) problems.push(...findKitProblems(placedKits, models));
  if (problems.length > 0) throw problemsError("MANIFEST_INVALID", "the catalogue", problems);
  return {
    models: new Map([...models].map(([name, { model }]) => [name, model])),
    kits: new Map([...placedKits].map(([name, { kit }]) => [name, kit])),
  };
}

interface ReadPlaces<T> {
  /** What each place holds, in the order of the places. */
  readonly places: readonly (readonly T[])[];
  readonly problems: readonly Problem[];
}

async function readAll<T>(
  places: readonly string[],
  read: (document: Document) => Checked<readonly T[]>,
  fetchText: FetchText,
): Promise<ReadPlaces<T>> {
  const found = await Promise.all([...new Set(places)].map((place) => readPlace(place, fetchText)));
  const problems: Problem[] = [];
  const held: T[][] = [];
  for (const place of found) held.push(await readFiles(place, read, problems));
  return { places: held, problems };
}

async function readFiles<T>(
  place: PlaceFiles,
  read: (document: Document) => Checked<readonly T[]>,
  problems: Problem[],
): Promise<T[]> {
  const held: T[] = [];
  problems.push(...place.problems);
  for (const { file, content } of place.files) {
    const text = await readDocument(file, content);
    const checked = text.kind === "ok" ? read(text.document) : text;
    if (checked.kind === "bad") problems.push(...checked.problems);
    else for (const one of checked.value) held.push(one);
  }
  return held;
}

/** By name; a later place wins over an earlier one, but one place must not say two things. */
function merge<T>(
  places: readonly (readonly T[])[],
  subject: (placed: T) => { readonly name: string; readonly at: string },
  problems: Problem[],
  what: string,
): ReadonlyMap<string, T> {
  const merged = new Map<string, T>();
  for (const place of places) {
    const here = new Map<string, string>();
    for (const placed of place) {
      const { name, at } = subject(placed);
      const first = here.get(name);
      if (first === undefined) here.set(name, at);
      else
        problems.push({
          at,
          message: `the ${what} "${name}" is there already, at ${first}`,
          fix: "rename one of the two",
        });
      merged.set(name, placed);
    }
  }
  return merged;
}

function asList(checked: Checked<PlacedKit>): Checked<readonly PlacedKit[]> {
  return checked.kind === "ok" ? { kind: "ok", value: [checked.value] } : checked;
}
