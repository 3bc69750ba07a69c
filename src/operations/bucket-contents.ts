/** What lies in a bucket, and which of the catalogue's models each object is. */
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import type { ListedObject } from "../net/s3-store.ts";
import { parseSource } from "../sources/uri.ts";
import { type Destination, keyIn, nameOf, PIECES_SUFFIX } from "./destination.ts";
import type { OpenBucket } from "./open-bucket.ts";

/** One object as `models bucket ls --json` prints it. */
export interface BucketObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number | null;
  /** Name of the catalogue's model that it is, or null. */
  readonly model: string | null;
  /** Whether its piece table lies beside it. */
  readonly hasPieces: boolean;
}

/** What `models bucket ls --json` prints. */
export interface BucketListing {
  readonly bucket: string;
  readonly objects: readonly BucketObject[];
  /** Bytes of all objects, piece tables included. */
  readonly size: number;
  /** Uploads that were begun and not finished; null where the bucket lists none. */
  readonly unfinished:
    | readonly { readonly key: string; readonly uploadId: string; readonly startedAt: number | null }[]
    | null;
}

/** What every look at a bucket is given. */
export interface BucketContext {
  readonly bucket: OpenBucket;
  readonly destination: Destination;
  readonly catalog: Catalog;
  readonly signal: AbortSignal;
}

/** Lists the bucket below the prefix. */
export async function listBucket(context: BucketContext): Promise<BucketListing> {
  const { bucket, destination, catalog, signal } = context;
  const objects = await allObjects(context);
  const names = modelsByKey(catalog.models.values(), destination);
  const keys = new Set(objects.map(({ key }) => key));
  return {
    bucket: nameOf(destination),
    objects: objects.map((object) => ({
      ...object,
      model: names.get(object.key)?.name ?? null,
      hasPieces: keys.has(object.key + PIECES_SUFFIX),
    })),
    size: objects.reduce((sum, { size }) => sum + size, 0),
    unfinished: await bucket.uploads.unfinished(prefixOf(destination), signal),
  };
}

/** Keys that `words` mean: keys, URIs in this bucket, or names of models that lie in it. */
export function keysOf(
  words: readonly string[],
  { catalog, destination }: Omit<BucketContext, "bucket">,
): readonly string[] {
  const byName = new Map([...modelsByKey(catalog.models.values(), destination)].map(([key, { name }]) => [name, key]));
  return words.map((word) => keyFromUri(word, destination) ?? byName.get(word) ?? word);
}

function keyFromUri(word: string, { kind, bucket }: Destination): string | null {
  if (!/^(?:r2|s3):\/\//.test(word)) return null;
  const source = parseSource(word);
  if (source.kind === kind && source.bucket === bucket) return source.key;
  throw new ModelsError("USAGE", `Cannot use "${word}": it is not in the bucket ${kind}://${bucket}`);
}

/** Every object below the prefix. */
export async function allObjects({ bucket, destination, signal }: BucketContext): Promise<readonly ListedObject[]> {
  const objects: ListedObject[] = [];
  for await (const object of bucket.store.list(prefixOf(destination), signal)) objects.push(object);
  return objects;
}

/** What keys below the prefix begin with. */
export const prefixOf = ({ prefix }: Destination): string => (prefix === "" ? "" : `${prefix}/`);

/** Where models lie in this bucket: as their sources say, else where publishing would put them. */
export function modelsByKey(models: Iterable<Model>, destination: Destination): ReadonlyMap<string, Model> {
  const byKey = new Map<string, Model>();
  for (const model of models) {
    const own = ownKey(model, destination);
    if (own !== null) byKey.set(own, model);
    for (const key of sourceKeys(model, destination)) byKey.set(key, model);
  }
  return byKey;
}

/** Where publishing would put the model; null when that depends on a digest that nobody knows. */
export function ownKey(model: Model, destination: Destination): string | null {
  if (destination.layout === "tree") return keyIn(destination, { path: model.path, sha256: "" as Sha256 });
  return model.sha256 === null ? null : keyIn(destination, { path: model.path, sha256: model.sha256 });
}

/** Where its own sources say that it lies in this bucket. */
export function sourceKeys({ sources }: Model, { bucket }: Destination): readonly string[] {
  return sources.flatMap((text) => {
    if (!/^(?:r2|s3):/.test(text)) return [];
    const source = parseSource(text);
    return (source.kind === "r2" || source.kind === "s3") && source.bucket === bucket ? [source.key] : [];
  });
}
