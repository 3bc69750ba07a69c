/** A bucket as a store of objects: what is there, ranges of it, whole puts under a condition, removals. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import { bareEtag, base64Of, refuseEndlessList, type S3Session, type SendOptions, unsigned } from "./s3-session.ts";

/** An object as a listing shows it. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number | null;
}

/** An object as its head shows it. */
export interface StoredObject extends ListedObject {
  /** Its metadata `sha256`, when it holds one. */
  readonly sha256: Sha256 | null;
  /** Metadata by name, in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What goes with the bytes of an object. */
export interface ObjectFacts {
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly cacheControl: string | null;
}

/** Under what condition an object may be written: nothing is there, this very object is, or whatever is. */
export type WriteCondition =
  | { readonly kind: "absent" }
  | { readonly kind: "matches"; readonly etag: string }
  | { readonly kind: "any" };

/** Every method throws ModelsError as `S3Session.request` does. */
export interface ObjectStore {
  /** The object's head, or null when there is none. */
  readonly head: (key: string, signal?: AbortSignal) => Promise<StoredObject | null>;
  /** Every object whose key begins with `prefix`, in the order of their keys. */
  readonly list: (prefix: string, signal?: AbortSignal) => AsyncIterable<ListedObject>;
  /** A range of an object that must still be `etag`. @throws ModelsError `MIRROR_CHANGED` when it is not */
  readonly read: (
    object: Pick<ListedObject, "key" | "etag">,
    range: { readonly start: number; readonly end: number },
    signal?: AbortSignal,
  ) => Promise<Uint8Array>;
  /** Writes a whole object; gives its ETag. @throws ModelsError `BUCKET_CONFLICT` when `condition` does not hold */
  readonly put: (
    object: ObjectFacts & {
      readonly key: string;
      readonly bytes: Uint8Array;
      /** Hex. */
      readonly md5: string;
    },
    condition: WriteCondition,
    options?: SendOptions,
  ) => Promise<string>;
  readonly remove: (key: string, signal?: AbortSignal) => Promise<void>;
}

/** The objects of the session's bucket. */
export function createObjectStore(session: S3Session): ObjectStore {
  const { bucket: Bucket, name, request } = session;

  const head: ObjectStore["head"] = (key, signal) =>
    request<StoredObject | null>(
      {
        verb: "read",
        key,
        ask: async (sdk, send) => {
          const found = await send(new sdk.HeadObjectCommand({ Bucket, Key: key }));
          const metadata: { readonly sha256?: string } = found.Metadata ?? {};
          return {
            key,
            size: found.ContentLength ?? 0,
            etag: bareEtag(found.ETag),
            modifiedAt: found.LastModified?.getTime() ?? null,
            sha256: asSha256(metadata.sha256),
            metadata: { ...metadata },
          };
        },
        // A HEAD's refusal has no body and so no code: the bucket may be missing as well.
        accept: async ({ status }) => (status === 404 ? { value: null } : undefined),
      },
      { signal },
    );

  async function* list(prefix: string, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    let token: string | undefined;
    let pages = 0;
    do {
      refuseEndlessList(pages, `${name}/${prefix}`);
      pages += 1;
      const asked = { Bucket, Prefix: prefix, ContinuationToken: token };
      const page = await request(
        { verb: "list", key: prefix, ask: (sdk, send) => send(new sdk.ListObjectsV2Command(asked)) },
        { signal },
      );
      for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
        if (Key === undefined) continue;
        yield { key: Key, size: Size ?? 0, etag: bareEtag(ETag), modifiedAt: LastModified?.getTime() ?? null };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  return {
    head,
    list,
    read: ({ key, etag }, { start, end }, signal) =>
      request(
        {
          verb: "read",
          key,
          ask: async (sdk, send) => {
            const Range = `bytes=${start}-${end - 1}`;
            const { Body } = await send(new sdk.GetObjectCommand({ Bucket, Key: key, Range, IfMatch: `"${etag}"` }));
            const bytes = await collect(Body, end - start);
            if (bytes.length === end - start) return bytes;
            const seen = `it sent ${bytes.length} bytes, expected ${end - start}`;
            throw new ModelsError("MIRROR_LIED", `Cannot read "${name}/${key}": ${seen}`);
          },
          accept: async ({ status }) => {
            if (status !== 412) return undefined;
            throw new ModelsError("MIRROR_CHANGED", `Cannot read "${name}/${key}": it was replaced meanwhile`);
          },
        },
        { signal },
      ),
    put: ({ key, bytes, md5, ...facts }, condition, options) =>
      request(
        {
          verb: "write",
          key,
          ask: async (sdk, send) => {
            const content = { Body: bytes, ContentLength: bytes.length, ContentMD5: base64Of(md5) };
            const written = { Bucket, Key: key, ...content, ...factsOf(facts), ...conditionOf(condition) };
            return bareEtag((await send(unsigned(new sdk.PutObjectCommand(written)))).ETag);
          },
          // An earlier try may have arrived although its answer did not.
          accept: async ({ status }, attempt) => {
            if (status !== 412 || attempt === 0) return undefined;
            return (await head(key, options?.signal))?.etag === md5 ? { value: md5 } : undefined;
          },
        },
        options,
      ),
    remove: (key, signal) =>
      request<void>(
        {
          verb: "remove",
          key,
          ask: async (sdk, send) => void (await send(new sdk.DeleteObjectCommand({ Bucket, Key: key }))),
        },
        { signal },
      ),
  };
}

/** The SDK's words for {@link ObjectFacts}. */
export function factsOf({ metadata, contentType, cacheControl }: ObjectFacts): {
  Metadata: Record<string, string>;
  ContentType: string;
  CacheControl?: string;
} {
  const standing = { Metadata: { ...metadata }, ContentType: contentType };
  return cacheControl === null ? standing : { ...standing, CacheControl: cacheControl };
}

/** The SDK's words for a {@link WriteCondition}. */
export function conditionOf(condition: WriteCondition): { IfNoneMatch?: string; IfMatch?: string } {
  if (condition.kind === "absent") return { IfNoneMatch: "*" };
  return condition.kind === "matches" ? { IfMatch: `"${condition.etag}"` } : {};
}

function asSha256(text: string | undefined): Sha256 | null {
  const lower = text?.trim().toLowerCase();
  return isSha256(lower) ? lower : null;
}

/** A body, cut as soon as it is longer than `most`. */
async function collect(body: unknown, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
  }
  return Buffer.concat(chunks);
}
