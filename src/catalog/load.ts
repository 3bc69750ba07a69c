/** Manifests and kits of every place as one catalogue, or every mistake in all of them. */
import type { Problem } from "../base/errors.ts";
import { type Admit, createDoor, type Door, type Grant } from "./admission.ts";
import type { Checked } from "./checked.ts";
import { findCollisions } from "./collisions.ts";
import type { Document } from "./document.ts";
import { type PlacedKit, readKit } from "./kit.ts";
import { findKitProblems } from "./kit-links.ts";
import { type PlacedModel, readManifest } from "./manifest.ts";
import type { Catalog } from "./model.ts";
import { type CatalogFile, type FetchText, type PlaceFiles, readPlace } from "./places.ts";
import type { Prepared } from "./prepared.ts";
import { problemsError } from "./problems.ts";
import { readDocument } from "./read.ts";

export type { FetchText } from "./places.ts";

export interface CatalogPlaces {
  /** Folders, files or URLs; a later one overrides the models of earlier ones by name. */
  readonly manifests: readonly string[];
  /** Folders, files or URLs; a later one overrides the kits of earlier ones by name. */
  readonly kits: readonly string[];
}

export interface CatalogPorts {
  readonly fetchText: FetchText;
  /** Asked for each file before it is read. @default every file is let in */
  readonly admit?: Admit | undefined;
  /** What two of the places are known to say, so that nobody needs to understand their texts again, nor to admit them. */
  readonly prepared?: Prepared | null;
}

/**
 * Reads every place at once and joins what they say.
 * @throws ModelsError `MANIFEST_INVALID` with every problem of every file, or whatever `fetchText` and `admit` throw
 */
export async function loadCatalog(places: CatalogPlaces, ports: CatalogPorts): Promise<Catalog> {
  const door = createDoor();
  const [manifestPlaces, kitPlaces] = await Promise.all([
    openAll(places.manifests, MANIFESTS, ports),
    openAll(places.kits, KITS, ports),
  ]);
  // One after the other, so that what is refused is told in one order.
  const manifests = await readAll(manifestPlaces, MANIFESTS, { ...ports, door });
  const kits = await readAll(kitPlaces, KITS, { ...ports, door });
  door.close();
  const models = merge(manifests.places, ({ model }) => model, "model");
  const placedKits = merge(kits.places, ({ kit }) => kit, "kit");
  const unread = [...manifests.problems, ...kits.problems];
  const twice = [...models.problems, ...placedKits.problems, ...findCollisions(models.byName.values())];
  // With a manifest that cannot be read, every name in it would be reported as unknown.
  const astray = manifests.problems.length === 0 ? findKitProblems(placedKits.byName, models.byName) : [];
  const problems = [...unread, ...twice, ...astray];
  if (problems.length > 0 && ports.prepared) return await loadCatalog(places, { ...ports, prepared: null });
  if (problems.length > 0) throw problemsError("MANIFEST_INVALID", "the catalogue", problems);
  return {
    models: mapValues(models.byName, ({ model }) => model),
    kits: mapValues(placedKits.byName, ({ kit }) => kit),
  };
}

interface ReadPlaces<T> {
  /** What each place holds, in the order of the places. */
  readonly places: readonly (readonly T[])[];
  readonly problems: readonly Problem[];
}

/** How one kind of file is read, and what it speaks of. */
interface Reading<T> {
  readonly kind: "manifest" | "kit";
  readonly read: (document: Document) => Promise<Checked<readonly T[]>>;
  readonly contents: (held: readonly T[]) => Parameters<Grant["assertCovers"]>[0];
  /** What `place` is known to hold, or null. */
  readonly preparedIn: (place: string, prepared: Prepared) => readonly T[] | null;
}

const MANIFESTS: Reading<PlacedModel> = {
  kind: "manifest",
  read: readManifest,
  contents: (held) => ({ paths: held.flatMap(({ model }) => [model.path, ...model.aliases]) }),
  preparedIn: (place, { folders, models }) =>
    place === folders.manifests
      ? models.map((model, index) => ({ model, document: { file: model.at, placeOf: () => model.at }, index }))
      : null,
};

const KITS: Reading<PlacedKit> = {
  kind: "kit",
  read: readKit,
  contents: ([placed]) => (placed === undefined ? {} : { name: placed.kit.name }),
  preparedIn: (place, { folders, kits }) =>
    place === folders.kits ? kits.map((kit) => ({ kit, document: { file: kit.at, placeOf: () => kit.at } })) : null,
};

interface ReadPorts extends CatalogPorts {
  readonly door: Door;
}

/** The files of a place, or at once what it is known to hold. */
type Opened<T> = PlaceFiles | ReadFiles<T>;

async function openAll<T>(
  places: readonly string[],
  { preparedIn }: Reading<T>,
  { prepared, fetchText }: CatalogPorts,
): Promise<readonly Opened<T>[]> {
  const open = async (place: string): Promise<Opened<T>> => {
    const held = prepared ? preparedIn(place, prepared) : null;
    return held === null ? await readPlace(place, fetchText) : { held, problems: [] };
  };
  return await Promise.all([...new Set(places)].map(open));
}

async function readAll<T>(opened: readonly Opened<T>[], reading: Reading<T>, ports: ReadPorts): Promise<ReadPlaces<T>> {
  const held: ReadFiles<T>[] = [];
  for (const place of opened) held.push("held" in place ? place : await readFiles(place, reading, ports));
  return { places: held.map(({ held: one }) => one), problems: held.flatMap(({ problems }) => problems) };
}

interface ReadFiles<T> {
  readonly held: readonly T[];
  readonly problems: readonly Problem[];
}

async function readFiles<T>(place: PlaceFiles, reading: Reading<T>, ports: ReadPorts): Promise<ReadFiles<T>> {
  const results: Checked<readonly T[]>[] = [];
  for (const file of place.files) {
    const result = await ports.door.pass(() => readAdmitted(file, reading, ports.admit));
    if (result !== null) results.push(result);
  }
  return {
    held: results.flatMap((result) => (result.kind === "ok" ? result.value : [])),
    problems: [...place.problems, ...results.flatMap((result) => (result.kind === "bad" ? result.problems : []))],
  };
}

async function readAdmitted<T>(
  { file, place, content }: CatalogFile,
  { kind, read, contents }: Reading<T>,
  admit: Admit | undefined,
): Promise<Checked<readonly T[]>> {
  const bytes = (): Uint8Array => (typeof content === "string" ? Buffer.from(content) : content);
  const grant = (await admit?.({ kind, place, content: bytes() })) ?? null;
  const text = await readDocument(file, content);
  const result = text.kind === "ok" ? await read(text.document) : text;
  if (result.kind === "ok") grant?.assertCovers(contents(result.value));
  return result;
}

interface Merged<T> {
  readonly byName: ReadonlyMap<string, T>;
  readonly problems: readonly Problem[];
}

/** By name; a later place wins over an earlier one, but one place must not say two things. */
function merge<T>(
  places: readonly (readonly T[])[],
  subject: (placed: T) => { readonly name: string; readonly at: string },
  what: string,
): Merged<T> {
  const byName = new Map<string, T>();
  const problems: Problem[] = [];
  for (const place of places) {
    // What the first place says is all that there is so far; most catalogues have one.
    const here = byName.size === 0 ? null : new Set<string>();
    for (const placed of place) {
      const { name, at } = subject(placed);
      const first = byName.get(name);
      if (first !== undefined && (here === null || here.has(name))) {
        const message = `the ${what} "${name}" is there already, at ${subject(first).at}`;
        problems.push({ at, message, fix: "rename one of the two" });
      } else byName.set(name, placed);
      here?.add(name);
    }
  }
  return { byName, problems };
}

function mapValues<T, U>(map: ReadonlyMap<string, T>, change: (value: T) => U): ReadonlyMap<string, U> {
  const changed = new Map<string, U>();
  for (const [key, value] of map) changed.set(key, change(value));
  return changed;
}
