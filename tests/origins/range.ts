/** What RFC 9110 says about conditional and range requests, as S3, R2 and the big CDNs carry it out. */
import type { IncomingHttpHeaders } from "node:http";
import type { ByteRange } from "../../src/base/range.ts";
import { type Content, sizeOf } from "./content.ts";
import { type Asked, type Reply, replyWith, withHeaders } from "./reply.ts";

/** Content as it is offered. */
export interface Representation {
  readonly content: Content;
  /** With its quotes; null sends none. */
  readonly etag: string | null;
  readonly contentType: string;
  readonly lastModified: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RangeRules {
  /** S3, R2 and RGW ignore `If-Range`. @default true */
  readonly honoursIfRange?: boolean;
  /** What several ranges in one request get. @default "whole" */
  readonly severalRanges?: "whole" | "refused";
  /** The body of an error. @default plain text */
  readonly errorReply?: (status: number) => Reply;
}

/** The right answer to GET or HEAD: 200, 206, 304, 405, 412 or 416. */
export function rangeReply(representation: Representation, asked: Asked, rules: RangeRules = {}): Reply {
  const { content, etag } = representation;
  const size = sizeOf(content);
  const fail = (status: number, headers: Readonly<Record<string, string>> = {}): Reply =>
    withHeaders((rules.errorReply ?? plainError)(status), headers);
  if (asked.method !== "GET" && asked.method !== "HEAD") return fail(405, { Allow: "GET, HEAD" });
  if (failsIfMatch(asked.headers, etag)) return fail(412);
  const headers = headersOf(representation);
  if (etag !== null && listed(asked.headers["if-none-match"], etag)) return replyWith(304, headers);
  const range = asked.method === "HEAD" ? "whole" : wantedRange(asked.headers, representation, rules);
  if (range === "bad") return fail(416, { "Content-Range": `bytes */${size}` });
  if (range === "refused") return fail(400);
  if (range === "whole") return replyWith(200, headers, content, { start: 0, end: size });
  const contentRange = `bytes ${range.start}-${range.end - 1}/${size}`;
  return replyWith(206, { ...headers, "Content-Range": contentRange }, content, range);
}

function headersOf({ contentType, etag, lastModified, headers }: Representation): Record<string, string> {
  return {
    "Content-Type": contentType,
    "Accept-Ranges": "bytes",
    ...(etag === null ? {} : { ETag: etag }),
    ...(lastModified === null ? {} : { "Last-Modified": lastModified }),
    ...headers,
  };
}

function failsIfMatch(headers: IncomingHttpHeaders, etag: string | null): boolean {
  const wanted = headers["if-match"];
  return wanted !== undefined && !listed(wanted, etag ?? "");
}

function listed(list: string | undefined, etag: string): boolean {
  if (list === undefined) return false;
  return list.trim() === "*" || list.split(",").some((one) => one.trim() === etag);
}

function wantedRange(
  headers: IncomingHttpHeaders,
  { content, etag, lastModified }: Representation,
  rules: RangeRules,
): ByteRange | "whole" | "bad" | "refused" {
  const text = headers.range;
  if (text === undefined) return "whole";
  const condition = headers["if-range"];
  const isStale = condition !== undefined && condition !== etag && condition !== lastModified;
  if (isStale && (rules.honoursIfRange ?? true)) return "whole";
  if (text.includes(",")) return rules.severalRanges ?? "whole";
  return parseRange(text, sizeOf(content));
}

/** One range of `bytes=a-b`, `bytes=a-` or `bytes=-n`; a header that is no such range is ignored. */
function parseRange(text: string, size: number): ByteRange | "whole" | "bad" {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(text);
  if (match === null || (match[1] === "" && match[2] === "")) return "whole";
  const [first, last] = [match[1] ?? "", match[2] ?? ""];
  if (first === "") {
    const start = Math.max(0, size - Number(last));
    return start < size ? { start, end: size } : "bad";
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < start) return "whole";
  return start < size ? { start, end } : "bad";
}

function plainError(status: number): Reply {
  return replyWith(status, { "Content-Type": "text/plain; charset=utf-8" }, `${status}\n`);
}
