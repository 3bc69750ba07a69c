/** Multipart uploads of a bucket: begun, looked at, fed with parts, finished or abandoned. */
import { ModelsError } from "../base/errors.ts";
import type { Refusal } from "./s3-refusals.ts";
import { bareEtag, base64Of, refuseEndlessList, type S3Session, type SendOptions, unsigned } from "./s3-session.ts";
import { conditionOf, factsOf, type ObjectFacts, type ObjectStore, type WriteCondition } from "./s3-store.ts";

export interface UploadedPart {
  /** From 1. */
  readonly number: number;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
}

export interface UnfinishedUpload {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
}

export interface PartToSend {
  readonly key: string;
  readonly uploadId: string;
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly md5: string;
}

/** Every method throws ModelsError as `S3Session.request` does. */
export interface Multipart {
  /** Begins an upload; gives its id. */
  readonly begin: (object: ObjectFacts & { readonly key: string }, signal?: AbortSignal) => Promise<string>;
  /** The parts of an upload; null when it is unknown, `"unlisted"` where the server lists none (R2's emulator). */
  readonly parts: (
    key: string,
    uploadId: string,
    signal?: AbortSignal,
  ) => Promise<readonly UploadedPart[] | null | "unlisted">;
  /** Sends one part; gives its ETag, or null when the upload is unknown. */
  readonly sendPart: (part: PartToSend, options?: SendOptions) => Promise<string | null>;
  /**
   * Makes the parts an object. The condition is sent, and held only by stores that know it (R2 does not).
   * @throws ModelsError `BUCKET_CONFLICT`
   */
  readonly finish: (
    upload: { readonly key: string; readonly uploadId: string; readonly parts: readonly UploadedPart[] },
    condition: WriteCondition,
    signal?: AbortSignal,
  ) => Promise<void>;
  /** Ends an upload and frees its parts; one that is unknown is ended already. */
  readonly abandon: (key: string, uploadId: string, signal?: AbortSignal) => Promise<void>;
  /** Uploads under `prefix` that were begun and not finished; null where the server lists none. */
  readonly unfinished: (prefix: string, signal?: AbortSignal) => Promise<readonly UnfinishedUpload[] | null>;
}

/** The uploads of the session's bucket. `head` tells what became of an upload whose end got no answer. */
export function createMultipart(session: S3Session, head: ObjectStore["head"]): Multipart {
  const { bucket: Bucket, name, request } = session;
  return {
    begin: ({ key, ...facts }, signal) =>
      request(
        {
          verb: "write",
          key,
          ask: async (sdk, send) => {
            const asked = new sdk.CreateMultipartUploadCommand({ Bucket, Key: key, ...factsOf(facts) });
            const { UploadId } = await send(asked);
            if (UploadId !== undefined) return UploadId;
            throw new ModelsError("MIRROR_LIED", `Cannot write "${name}/${key}": its bucket gave no upload id`);
          },
        },
        { signal },
      ),
    parts: (key, UploadId, signal) =>
      request<readonly UploadedPart[] | null | "unlisted">(
        {
          verb: "read",
          key,
          ask: async (sdk, send) => {
            const found: UploadedPart[] = [];
            let PartNumberMarker: string | undefined;
            let pages = 0;
            do {
              refuseEndlessList(pages, `${name}/${key}`);
              pages += 1;
              const page = await send(new sdk.ListPartsCommand({ Bucket, Key: key, UploadId, PartNumberMarker }));
              for (const { PartNumber = 0, Size = 0, ETag } of page.Parts ?? []) {
                found.push({ number: PartNumber, size: Size, etag: bareEtag(ETag) });
              }
              PartNumberMarker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
            } while (PartNumberMarker !== undefined);
            return found;
          },
          accept: async (refusal) => {
            if (isUnknownUpload(refusal)) return { value: null };
            return isMissingVerb(refusal) ? { value: "unlisted" } : undefined;
          },
        },
        { signal },
      ),
    sendPart: ({ key, uploadId, number, bytes, md5 }, options) =>
      request<string | null>(
        {
          verb: "write",
          key,
          ask: async (sdk, send) => {
            const content = { Body: bytes, ContentLength: bytes.length, ContentMD5: base64Of(md5) };
            const part = { Bucket, Key: key, UploadId: uploadId, PartNumber: number, ...content };
            return bareEtag((await send(unsigned(new sdk.UploadPartCommand(part)))).ETag);
          },
          accept: async (refusal) => (isUnknownUpload(refusal) ? { value: null } : undefined),
        },
        options,
      ),
    finish: ({ key, uploadId, parts }, condition, signal) =>
      request<void>(
        {
          verb: "write",
          key,
          ask: async (sdk, send) => {
            const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: `"${etag}"` }));
            const upload = { Bucket, Key: key, UploadId: uploadId, MultipartUpload: { Parts } };
            await send(new sdk.CompleteMultipartUploadCommand({ ...upload, ...conditionOf(condition) }));
          },
          // An earlier try may have made the object although its answer was lost: then the upload is gone.
          accept: async (refusal, attempt) => {
            if (attempt === 0 || !isUnknownUpload(refusal)) return undefined;
            const size = parts.reduce((sum, part) => sum + part.size, 0);
            return (await head(key, signal))?.size === size ? { value: undefined } : undefined;
          },
        },
        { signal },
      ),
    abandon: (key, UploadId, signal) =>
      request<void>(
        {
          verb: "remove",
          key,
          ask: async (sdk, send) => {
            await send(new sdk.AbortMultipartUploadCommand({ Bucket, Key: key, UploadId }));
          },
          accept: async (refusal) => (isUnknownUpload(refusal) ? { value: undefined } : undefined),
        },
        { signal },
      ),
    unfinished: (prefix, signal) =>
      request<readonly UnfinishedUpload[] | null>(
        {
          verb: "list",
          key: prefix,
          ask: async (sdk, send) => {
            const found: UnfinishedUpload[] = [];
            let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
            for (let [pages, isLast] = [0, false]; !isLast; pages += 1) {
              refuseEndlessList(pages, `${name}/${prefix}`);
              const asked = { Bucket, Prefix: prefix, ...after };
              const page: UploadsPage = await send(new sdk.ListMultipartUploadsCommand(asked));
              for (const { Key: key = "", UploadId: uploadId = "", Initiated } of page.Uploads ?? []) {
                found.push({ key, uploadId, startedAt: Initiated?.getTime() ?? null });
              }
              isLast = page.IsTruncated !== true;
              after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
            }
            return found;
          },
          accept: async (refusal) => (isMissingVerb(refusal) ? { value: null } : undefined),
        },
        { signal },
      ),
  };
}

interface UploadsPage {
  readonly Uploads?:
    | readonly {
        Key?: string | undefined;
        UploadId?: string | undefined;
        Initiated?: Date | undefined;
      }[]
    | undefined;
  readonly IsTruncated?: boolean | undefined;
  readonly NextKeyMarker?: string | undefined;
  readonly NextUploadIdMarker?: string | undefined;
}

/** Ceph says `NoSuchKey` for the parts of an upload that is no more. */
const isUnknownUpload = ({ code, status }: Refusal): boolean =>
  code === "NoSuchUpload" || (status === 404 && code !== "NoSuchBucket");
const isMissingVerb = ({ code, status }: Refusal): boolean =>
  status === 501 || status === 405 || code === "NotImplemented";
