/** Proves objects of a bucket: by ETags that were noted when they were published, or by reading them whole. */
import type { Sha256 } from "../base/artifact.ts";
import { mapLimit } from "../base/flow.ts";
import type { Model } from "../catalog/model.ts";
import type { PartMemory } from "../digest/part-digest.ts";
import { partBytesFor, partsOf } from "../transfer/part-plan.ts";
import { allObjects, type BucketContext } from "./bucket-contents.ts";
import {
  type BucketReport,
  compare,
  HEADS,
  type ObjectFinding,
  reportOn,
  UNPROVEN_FIX,
  wantedIn,
} from "./bucket-diff.ts";
import type { OpenBucket } from "./open-bucket.ts";
import { readPieceTable } from "./piece-tables.ts";

/** Holds objects against `models` as a diff does, and proves what can be proven. Of the whole catalogue, what
 * is not there is no finding; nothing at all is not ok. */
export async function verifyBucket(
  context: BucketContext,
  models: readonly Model[],
  options: {
    readonly isDeep: boolean;
    readonly isWhole: boolean;
    readonly onProgress: (key: string, doneBytes: number, size: number) => void;
  },
): Promise<BucketReport> {
  const { destination } = context;
  const objects = new Map((await allObjects(context)).map((object) => [object.key, object]));
  const wanted = wantedIn(models, destination, objects).filter(({ key }) => !options.isWhole || objects.has(key));
  const findings = await mapLimit(wanted, options.isDeep ? 1 : HEADS, async ({ model, key }) => {
    const found = await compare(context, model, { key, listed: objects.get(key) });
    if (found.status !== "same" && found.status !== "unproven") return found;
    return options.isDeep
      ? await readWhole(context, found, model, options.onProgress)
      : await proveByEtag(context, found, model);
  });
  const report = reportOn(destination, findings);
  return { ...report, ok: report.ok && findings.length > 0 };
}

/** An object whose ETag is the one that was noted when each of its parts was proven is still that object. */
async function proveByEtag(context: BucketContext, found: ObjectFinding, model: Model): Promise<ObjectFinding> {
  const { bucket, signal } = context;
  const [pieces, head] = await Promise.all([
    readPieceTable(bucket, found.key, signal).catch(() => null),
    bucket.store.head(found.key, signal),
  ]);
  const isNoted =
    pieces !== null && head !== null && pieces.objectEtag === head.etag && pieces.table.size === head.size;
  const { name, key, size } = found;
  if (!isNoted || pieces.table.sha256 !== model.sha256) return { ...found, status: "unproven", fix: UNPROVEN_FIX };
  return { name, key, size, sha256: pieces.table.sha256, status: "proven" };
}

const READS = 4;

/** Reads an object through memory, for its sha256. */
async function readWhole(
  { bucket, signal }: BucketContext,
  found: ObjectFinding,
  model: Model,
  onProgress: (key: string, doneBytes: number, size: number) => void,
): Promise<ObjectFinding> {
  const { key } = found;
  const head = await bucket.store.head(key, signal);
  if (head === null) return { ...found, status: "missing" };
  const chain = bucket.digest.chain();
  const partBytes = partBytesFor(head.size);
  const parts = partsOf(head.size, partBytes);
  // Read ahead by some parts, digested in their order.
  const ahead: Promise<PartMemory>[] = [];
  const start = (index: number): void => {
    const part = parts[index];
    if (part === undefined) return;
    const reading = readPart(bucket, { key, etag: head.etag }, part, signal);
    reading.catch(() => undefined);
    ahead.push(reading);
  };
  for (let index = 0; index < READS; index += 1) start(index);
  for (const [index, part] of parts.entries()) {
    const memory = await (ahead[index] as Promise<PartMemory>);
    await chain.add(memory, part.end - part.start);
    bucket.pool.give(memory);
    onProgress(key, part.end, head.size);
    start(index + READS);
  }
  const sha256 = (await chain.finish()) as Sha256;
  const { name, size } = found;
  if (model.sha256 === null)
    return { name, key, size, sha256, status: "unproven", fix: `write sha256: ${sha256} into its entry` };
  if (model.sha256 === sha256) return { name, key, size, sha256, status: "proven" };
  return { name, key, size, sha256, status: "wrong-content", fix: `models publish ${model.name} --force` };
}

async function readPart(
  { store, pool }: OpenBucket,
  object: { readonly key: string; readonly etag: string },
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal,
): Promise<PartMemory> {
  const memory = await pool.take(end - start, signal);
  memory.bytes.set(await store.read(object, { start, end }, signal));
  return memory;
}
