/** Holds what lies in a bucket against what the catalogue says, without downloading any of it. */
import type { Sha256 } from "../base/artifact.ts";
import { mapLimit } from "../base/flow.ts";
import type { Model } from "../catalog/model.ts";
import type { ListedObject } from "../net/s3-store.ts";
import { allObjects, type BucketContext, modelsByKey, ownKey, sourceKeys } from "./bucket-contents.ts";
import { type Destination, nameOf, PIECES_SUFFIX } from "./destination.ts";

/**
 * `same`: as the catalogue says, as far as was looked; `proven`: its bytes cannot have changed since they were published,
 * or were read now; `unproven`: nothing says what it holds; `stray`: no model of the catalogue.
 */
export type ObjectStatus = "same" | "proven" | "unproven" | "missing" | "wrong-size" | "wrong-content" | "stray";

export interface ObjectFinding {
  readonly name: string | null;
  readonly key: string;
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly status: ObjectStatus;
  readonly fix?: string;
}

/** What `models bucket diff --json` and `verify --json` print. */
export interface BucketReport {
  readonly ok: boolean;
  readonly bucket: string;
  readonly objects: readonly ObjectFinding[];
}

/** Objects asked for their head at a time. */
export const HEADS = 8;

/** What proves an object that nothing is known about. */
export const UNPROVEN_FIX = "models bucket verify --deep, which reads it";

/**
 * Holds what is there against `models`: sizes and digests from heads, nothing is downloaded. With `isWhole`, objects
 * that no model of the catalogue is are told, too.
 */
export async function diffBucket(
  context: BucketContext,
  models: readonly Model[],
  { isWhole }: { readonly isWhole: boolean },
): Promise<BucketReport> {
  const { destination, catalog } = context;
  const objects = new Map((await allObjects(context)).map((object) => [object.key, object]));
  const wanted = wantedIn(models, destination, objects);
  const findings = await mapLimit(wanted, HEADS, ({ model, key }) =>
    compare(context, model, { key, listed: objects.get(key) }),
  );
  const known = modelsByKey(catalog.models.values(), destination);
  const strays = isWhole ? [...objects.values()].filter(({ key }) => isStray(key, known)) : [];
  return reportOn(destination, [...findings, ...strays.map(strayFinding)]);
}

/** One model, and the key where it lies or would lie. */
export interface WantedObject {
  readonly model: Model;
  readonly key: string;
}

/** Where each of `models` is, as far as it is there; else where it ought to be. */
export function wantedIn(
  models: readonly Model[],
  destination: Destination,
  objects: ReadonlyMap<string, ListedObject>,
): readonly WantedObject[] {
  return models.flatMap((model) => {
    const named = sourceKeys(model, destination);
    const own = ownKey(model, destination);
    const keys = named.length > 0 ? named : own === null ? [] : [own];
    const there = keys.filter((key) => objects.has(key));
    return (there.length > 0 ? there : keys.slice(0, 1)).map((key) => ({ model, key }));
  });
}

/** Compares one object with its model, by its head. */
export async function compare(
  { bucket, signal }: BucketContext,
  model: Model,
  { key, listed }: { readonly key: string; readonly listed: ListedObject | undefined },
): Promise<ObjectFinding> {
  const { name, size, sha256 } = model;
  const found = (status: ObjectStatus, more: Partial<ObjectFinding> = {}): ObjectFinding => ({
    name,
    key,
    size: listed?.size ?? null,
    sha256: null,
    status,
    ...more,
  });
  const again = `models publish ${name} --force, or correct its manifest entry`;
  if (listed === undefined) return found("missing", { fix: `models publish ${name}, or models mirror ${name}` });
  if (size !== null && listed.size !== size) return found("wrong-size", { fix: again });
  const head = await bucket.store.head(key, signal);
  if (head === null) return found("missing");
  if (head.sha256 === null || sha256 === null) return found("unproven", { sha256: head.sha256, fix: UNPROVEN_FIX });
  return head.sha256 === sha256
    ? found("same", { sha256 })
    : found("wrong-content", { sha256: head.sha256, fix: again });
}

function isStray(key: string, known: ReadonlyMap<string, Model>): boolean {
  return !known.has(key.endsWith(PIECES_SUFFIX) ? key.slice(0, -PIECES_SUFFIX.length) : key);
}

function strayFinding({ key, size }: ListedObject): ObjectFinding {
  return { name: null, key, size, sha256: null, status: "stray" };
}

/** Findings as a report: strays are told, and are no fault. */
export function reportOn(destination: Destination, objects: readonly ObjectFinding[]): BucketReport {
  const isFine = ({ status }: ObjectFinding): boolean => status === "same" || status === "proven" || status === "stray";
  return { ok: objects.every(isFine), bucket: nameOf(destination), objects };
}
