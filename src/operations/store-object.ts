/** Brings one artifact under its key: begun or gone on with, proven part by part and as a whole, never over another content. */
import { createHash } from "node:crypto";
import { parseSha256, type Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import type { PieceTable } from "../catalog/pieces.ts";
import type { PartFigures } from "../digest/part-digest.ts";
import type { UploadedPart } from "../net/s3-multipart.ts";
import type { SendOptions } from "../net/s3-session.ts";
import type { ObjectFacts, StoredObject, WriteCondition } from "../net/s3-store.ts";
import { type Part, partBytesFor, partsOf } from "../transfer/part-plan.ts";
import { fillPart, type PartOrigin, type UploadResult, uploadParts } from "../transfer/upload.ts";
import { openUploadJournal, type UploadJournal } from "../transfer/upload-journal.ts";
import type { OpenBucket } from "./open-bucket.ts";

export interface ObjectToStore {
  readonly model: string;
  readonly key: string;
  /** `r2://bucket/key`. */
  readonly to: string;
  readonly size: number;
  readonly sha256: Sha256;
  readonly origin: PartOrigin;
  /** False when the file was read and digested just before. */
  readonly isProofWanted: boolean;
  /** Where it was: whether the file is still the one that was digested. */
  readonly isUnchanged: (() => Promise<boolean>) | null;
  /** The ETag of what lies there and is to be replaced; null when nothing does. */
  readonly replaces: string | null;
  /** Path of the upload's journal. */
  readonly journal: string;
}

export interface StoreListeners {
  /** Told once, when it is known how much an earlier run has sent. */
  readonly onStart: (resumedBytes: number) => void;
  readonly onBytes: (bytes: number) => void;
  readonly onRetry: (status: number | null) => void;
}

export interface StoredArtifact {
  readonly etag: string;
  readonly table: PieceTable;
  /** Bytes that the bucket took in this run. */
  readonly sentBytes: number;
  readonly resumedBytes: number;
}

/** Blobs never change under their key, so every cache may keep them for good. */
const IMMUTABLE = "public, max-age=31536000, immutable";

const facts = (sha256: Sha256): ObjectFacts => ({
  metadata: { sha256 },
  contentType: "application/octet-stream",
  cacheControl: IMMUTABLE,
});

/**
 * Stores `object`; on return the bucket holds it whole, its ETag proves each part and its digest is the declared one.
 * @throws ModelsError `DIGEST_MISMATCH` (nothing is stored then), `BUCKET_CONFLICT`, `MIRROR_LIED`, bucket and disk codes
 */
export async function storeObject(
  object: ObjectToStore,
  bucket: OpenBucket,
  options: StoreListeners & { readonly signal: AbortSignal },
): Promise<StoredArtifact> {
  const partBytes = partBytesFor(object.size);
  const run: StoreRun = { object, bucket, partBytes, ...options };
  const result = object.size <= partBytes ? await putWhole(run) : await putParts(run);
  const there = await bucket.store.head(object.key, options.signal);
  refuseOther(run, result, there);
  const table = { size: object.size, sha256: object.sha256, pieceBytes: partBytes, xxh64: result.xxh64 };
  return { etag: there?.etag ?? "", table, sentBytes: result.sentBytes, resumedBytes: result.resumedBytes };
}

interface StoreRun extends StoreListeners {
  readonly object: ObjectToStore;
  readonly bucket: OpenBucket;
  readonly partBytes: number;
  readonly signal: AbortSignal;
}

interface Put extends UploadResult {
  readonly sentBytes: number;
  readonly resumedBytes: number;
}

function sendOptions({ bucket, signal, onBytes, onRetry }: StoreRun): SendOptions {
  return {
    signal,
    onSent: (bytes) => {
      bucket.lanes.sent(bytes);
      onBytes(bytes);
    },
    onRetry: ({ status }) => {
      if (status === 429 || status === 503) bucket.lanes.stepBack();
      onRetry(status);
    },
  };
}

/** What fits into one part is put at once, under a condition that every store knows, and only once it is proven. */
async function putWhole(run: StoreRun): Promise<Put> {
  const { object, bucket, signal } = run;
  const { key, replaces, sha256, size, origin } = object;
  const { pool, digest, lanes } = bucket;
  run.onStart(0);
  const memory = await pool.take(size, signal);
  try {
    const part = { number: 1, start: 0, end: size };
    const figures = await fillPart(part, memory, { origin, digest, signal });
    const chain = digest.chain();
    await chain.add(memory, size);
    refuseWrongDigest(object, parseSha256(await chain.finish()));
    const whole = { key, bytes: memory.bytes.subarray(0, size), md5: figures.md5, ...facts(sha256) };
    const put = (): Promise<string> => bucket.store.put(whole, conditionFor(replaces), sendOptions(run));
    const etag = await lanes.run(put, signal);
    const { md5, xxh64 } = figures;
    return { sha256, parts: [{ number: 1, size, etag }], md5: [md5], xxh64: [xxh64], sentBytes: size, resumedBytes: 0 };
  } finally {
    pool.give(memory);
    if (origin.kind === "file") digest.forget(origin.path);
  }
}

async function putParts(run: StoreRun): Promise<Put> {
  const { object, bucket, partBytes, signal } = run;
  const { to, key, size, sha256 } = object;
  const subject = { to, endpoint: bucket.endpoint, size, sha256, partBytes };
  await using journal = await openUploadJournal(object.journal, subject);
  if (journal.stale !== null) await bucket.uploads.abandon(key, journal.stale, signal);
  for (let attempt = 0; ; attempt += 1) {
    const uploaded = await tryParts(run, journal);
    if (uploaded !== null) return uploaded;
    // The bucket forgot the upload (R2 does after seven days): its parts are gone, so begin again.
    if (attempt === 1) throw new ModelsError("MIRROR_FAILED", `Cannot write "${to}": its bucket forgets the upload`);
    await journal.begin(await bucket.uploads.begin({ key, ...facts(sha256) }, signal));
  }
}

const FORGOTTEN = Symbol("the upload is unknown");

async function tryParts(run: StoreRun, journal: UploadJournal): Promise<Put | null> {
  const { object, bucket, partBytes, signal } = run;
  const { key } = object;
  const known = await resumable(run, journal);
  const uploadId = known?.uploadId ?? (await bucket.uploads.begin({ key, ...facts(object.sha256) }, signal));
  if (known === null) await journal.begin(uploadId);
  const listed = known?.parts ?? new Map<number, KnownPart>();
  run.onStart(
    Math.min(
      object.size,
      [...listed.values()].reduce((sum, { size }) => sum + size, 0),
    ),
  );
  let sentBytes = 0;
  const send = async (part: Part, bytes: Uint8Array, { md5 }: PartFigures, stop: AbortSignal): Promise<string> => {
    const wire = { key, uploadId, number: part.number, bytes, md5 };
    const etag = await bucket.uploads.sendPart(wire, { ...sendOptions(run), signal: stop });
    if (etag === null) throw FORGOTTEN;
    sentBytes += bytes.length;
    return etag;
  };
  const onPart = (part: UploadedPart, { md5 }: PartFigures, isSent: boolean): void => {
    if (isSent) journal.note({ ...part, md5 }).catch(() => undefined);
    // A part that was listed turned out to be of another content: its bytes count for nothing.
    if (isSent && listed.has(part.number)) run.onBytes(-part.size);
  };
  const present = (part: Part, { md5 }: PartFigures): UploadedPart | null => {
    const there = listed.get(part.number);
    return there !== undefined && there.size === part.end - part.start && there.md5 === md5 ? there : null;
  };
  const { origin, size, isProofWanted: wantsSha256 } = object;
  const uploaded = await uploadParts(
    { size, partBytes, origin, wantsSha256, present, send, onPart, signal },
    bucket,
  ).catch((error: unknown) => {
    if (error === FORGOTTEN) return null;
    throw error;
  });
  if (uploaded === null) return null;
  if (uploaded.sha256 !== null && uploaded.sha256 !== object.sha256) {
    await bucket.uploads.abandon(key, uploadId);
    await journal.remove();
    refuseWrongDigest(object, uploaded.sha256);
  }
  await refuseChanged(object);
  await refuseRace(run);
  await bucket.uploads.finish({ key, uploadId, parts: uploaded.parts }, conditionFor(object.replaces), signal);
  await journal.remove();
  return { ...uploaded, sentBytes, resumedBytes: size - sentBytes };
}

interface KnownPart extends UploadedPart {
  readonly md5: string;
}

interface Resumable {
  readonly uploadId: string;
  readonly parts: ReadonlyMap<number, KnownPart>;
}

/**
 * The parts that the bucket has, each with the md5 of its content: its ETag where the store says so, else (on R2, where
 * a part's ETag is any text) what the journal noted when it arrived.
 */
async function resumable({ object, bucket, signal }: StoreRun, journal: UploadJournal): Promise<Resumable | null> {
  const uploadId = journal.uploadId();
  if (uploadId === null) return null;
  const noted = journal.parts();
  const listed = await bucket.uploads.parts(object.key, uploadId, signal);
  if (listed === null) return null;
  if (listed === "unlisted") return { uploadId, parts: noted };
  const parts = listed.flatMap((part): KnownPart[] => {
    const note = noted.get(part.number);
    if (note !== undefined && note.etag === part.etag) return [{ ...part, md5: note.md5 }];
    return isMd5(part.etag) ? [{ ...part, md5: part.etag }] : [];
  });
  return { uploadId, parts: new Map(parts.map((part) => [part.number, part])) };
}

const isMd5 = (etag: string): boolean => /^[0-9a-f]{32}$/.test(etag);

function conditionFor(replaces: string | null): WriteCondition {
  return replaces === null ? { kind: "absent" } : { kind: "matches", etag: replaces };
}

/** Stores that hold no condition at the end of an upload (R2) are looked at right before it. */
async function refuseRace({ object, bucket, signal }: StoreRun): Promise<void> {
  const now = await bucket.store.head(object.key, signal);
  if ((now?.etag ?? null) === object.replaces) return;
  throw new ModelsError(
    "BUCKET_CONFLICT",
    `Cannot publish "${object.model}" to "${object.to}": somebody else wrote it meanwhile`,
    {
      fix: "run it again and look at what is there",
    },
  );
}

async function refuseChanged({ model, isUnchanged }: ObjectToStore): Promise<void> {
  if (isUnchanged === null || (await isUnchanged())) return;
  throw new ModelsError("DISK_FAILED", `Cannot publish "${model}": its file was changed while it was sent`, {
    fix: "run it again once nobody writes to it",
  });
}

function refuseWrongDigest({ model, sha256 }: ObjectToStore, seen: Sha256 | null): void {
  if (seen === null || seen === sha256) return;
  throw new ModelsError("DIGEST_MISMATCH", `Cannot publish "${model}": its sha256 is ${seen}, expected ${sha256}`, {
    fix: "the file or the manifest is wrong: run models verify, or compare with the publisher's own figure",
  });
}

/** What the bucket says that it holds must be what was sent, as far as it says so. */
function refuseOther({ object, bucket }: StoreRun, put: Put, there: StoredObject | null): void {
  const lie = (seen: string): ModelsError =>
    new ModelsError(
      "MIRROR_LIED",
      `Cannot publish "${object.model}": ${bucket.name} now has ${seen} under "${object.key}"`,
      {
        fix: "publish it again with --force",
      },
    );
  if (there === null) throw lie("nothing");
  if (there.size !== object.size) throw lie(`${there.size} bytes, expected ${object.size}`);
  if (there.sha256 !== null && there.sha256 !== object.sha256) throw lie(`metadata of sha256 ${there.sha256}`);
  const expected = etagOf(put.md5, object.size > partBytesFor(object.size));
  if (isComparable(put, there.etag) && there.etag !== expected)
    throw lie(`the ETag ${there.etag}, expected ${expected}`);
}

/** Where content is encrypted with keys of its own, ETags are digests of nothing that is known here. */
function isComparable({ parts, md5 }: Put, etag: string): boolean {
  const isOfParts = parts.some((part, index) => part.etag === md5[index] || !isMd5(part.etag));
  return isOfParts && /^[0-9a-f]{32}(?:-\d+)?$/.test(etag);
}

/** The ETag of an object: its md5, or that of its parts' md5s with their number behind it. */
export function etagOf(md5: readonly string[], isMultipart: boolean): string {
  const [only = ""] = md5;
  if (!isMultipart) return only;
  const joined = createHash("md5").update(Buffer.from(md5.join(""), "hex"));
  return `${joined.digest("hex")}-${md5.length}`;
}

/** How many bytes parts of an earlier run spare, for the plan; asks the bucket only when there is a record. */
export async function resumableBytes(
  object: Pick<ObjectToStore, "to" | "key" | "size" | "sha256" | "journal">,
  bucket: OpenBucket,
  signal: AbortSignal,
): Promise<number> {
  const partBytes = partBytesFor(object.size);
  if (partsOf(object.size, partBytes).length < 2) return 0;
  const { to, size, sha256 } = object;
  await using journal = await openUploadJournal(object.journal, {
    to,
    endpoint: bucket.endpoint,
    size,
    sha256,
    partBytes,
  });
  const uploadId = journal.uploadId();
  const listed = uploadId === null ? null : await bucket.uploads.parts(object.key, uploadId, signal);
  const parts = listed === "unlisted" ? [...journal.parts().values()] : (listed ?? []);
  return Math.min(
    size,
    parts.reduce((sum, part) => sum + part.size, 0),
  );
}
