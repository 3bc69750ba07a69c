/** What can go wrong between a reply and its reader, each as a function that composes with the others. */
import { gzipSync } from "node:zlib";
import { partOf, sizeOf } from "./content.ts";
import { type Asked, type Fault, headerOf, type Reply, replyWith, withHeaders } from "./reply.ts";

export type Predicate = (asked: Asked) => boolean;

/** The faults of one origin; every rule that matches is applied, in the order in which they were added. */
export interface FaultList {
  /** Adds a rule, spent after `times` uses; the returned function takes it away again. */
  readonly add: (when: Predicate, fault: Fault, times?: number) => () => void;
  readonly clear: () => void;
  readonly apply: (reply: Reply, asked: Asked) => Reply;
}

export function createFaultList(): FaultList {
  const rules: { readonly when: Predicate; readonly fault: Fault; left: number }[] = [];
  return {
    add: (when, fault, times = Infinity) => {
      const rule = { when, fault, left: times };
      rules.push(rule);
      return () => {
        rule.left = 0;
      };
    },
    clear: () => {
      rules.length = 0;
    },
    apply: (reply, asked) =>
      rules.reduce((current, rule) => {
        if (rule.left <= 0 || !rule.when(asked)) return current;
        rule.left -= 1;
        return rule.fault(current, asked);
      }, reply),
  };
}

// When

/** Every request. */
export const always: Predicate = () => true;
/** Content requests, HEAD and API calls left out. */
export const isGet: Predicate = ({ method }) => method === "GET";
export const isHead: Predicate = ({ method }) => method === "HEAD";
/** Range requests only. */
export const isRanged: Predicate = ({ method, headers }) => method === "GET" && headers.range !== undefined;
/** Requests whose decoded path contains `text`. */
export const onPath =
  (text: string): Predicate =>
  ({ path }) =>
    path.includes(text);
/** Range requests that ask for the byte `offset`. */
export const covers =
  (offset: number): Predicate =>
  ({ headers }) => {
    const asked = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
    return asked !== null && Number(asked[1]) <= offset && (asked[2] === "" || offset <= Number(asked[2]));
  };
/** The requests of `inner` from number `first` to number `last` (1 is the first of them). */
export function nth(inner: Predicate, first: number, last: number = first): Predicate {
  let seen = 0;
  return (asked) => {
    if (!inner(asked)) return false;
    seen += 1;
    return seen >= first && seen <= last;
  };
}
/** The requests of `inner` after the first `count`. */
export const after = (inner: Predicate, count: number): Predicate => nth(inner, count + 1, Infinity);
export const both =
  (a: Predicate, b: Predicate): Predicate =>
  (asked) =>
    a(asked) && b(asked);

// What: the connection

/** RST after `afterBytes` of the body. */
export const resetAfter =
  (afterBytes: number): Fault =>
  (reply) => ({ ...reply, ending: { kind: "reset", afterBytes } });
/** An orderly close after `afterBytes`, with the full `Content-Length` promised. */
export const truncateAfter =
  (afterBytes: number): Fault =>
  (reply) => ({ ...reply, ending: { kind: "close", afterBytes } });
/** The connection is gone after `afterBytes`, under TLS without the closing notice. */
export const dropAfter =
  (afterBytes: number): Fault =>
  (reply) => ({ ...reply, ending: { kind: "drop", afterBytes } });
/** Silence after `afterBytes`, with the connection open. */
export const stallAfter =
  (afterBytes: number): Fault =>
  (reply) => ({ ...reply, ending: { kind: "stall", afterBytes } });
/** Silence from byte `at` of the file on, for answers that begin before it. */
export const stallAt =
  (at: number): Fault =>
  (reply) =>
    reply.part.start < at ? { ...reply, ending: { kind: "stall", afterBytes: at - reply.part.start } } : reply;
/** Silence before the head, or in the middle of it. */
export const stallHead =
  (where: "silent" | "torn" = "silent"): Fault =>
  (reply) => ({ ...reply, headStall: where });
/** A pace of its own from body byte `fromByte` on. */
export const slowFrom =
  (fromByte: number, bytesPerSecond: number): Fault =>
  (reply) => ({ ...reply, pace: { fromByte, bytesPerSecond } });
/** The whole origin dies `afterBytes` into this body; it comes back after `reviveAfterMs` unless that is null. */
export const dieAfter =
  (afterBytes: number, reviveAfterMs: number | null = null): Fault =>
  (reply) => ({ ...reply, ending: { kind: "die", afterBytes, reviveAfterMs } });

// What: another answer

/** Another status, with its own headers and body. */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, body: string = ""): Fault =>
  () =>
    replyWith(code, { "Content-Type": "text/plain; charset=utf-8", ...headers }, body);
/** 429 as the Hub says it: the seconds to wait are in `RateLimit`, there is no `Retry-After`. */
export const rateLimited = (seconds: number, bucket: string = "resolvers"): Fault =>
  status(429, {
    RateLimit: `"${bucket}";r=0;t=${seconds}`,
    "RateLimit-Policy": `"fixed window";"${bucket}";q=5000;w=300`,
  });
/** 429 or 503 with `Retry-After`: seconds or a date. */
export const retryAfter = (value: string | number, code: number = 429): Fault =>
  status(code, { "Retry-After": String(value) });
export const redirectTo = (
  location: string,
  code: number = 302,
  headers: Readonly<Record<string, string>> = {},
): Fault => status(code, { Location: location, ...headers });
/** 200 and a page for people: a captive portal, an error page. */
export const page = (html: string = "<!DOCTYPE html><html><body>Please log in</body></html>"): Fault =>
  status(200, { "Content-Type": "text/html; charset=utf-8" }, html);
/** 200 and the text that git keeps in place of the file. */
export const lfsPointer = (sha256: string, size: number): Fault =>
  status(200, {}, `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`);

// What: the head

/** 200 with the whole content, as if there had been no `Range`. */
export const ignoreRange: Fault = (reply) => {
  if (reply.status !== 206) return reply;
  const size = sizeOf(reply.content);
  const whole = withHeaders(reply, { "Content-Range": null });
  return { ...whole, status: 200, part: { start: 0, end: size }, length: size };
};
/** Another `Content-Range` than the truth, from the true start, last byte and total. */
export const contentRange =
  (spell: (start: number, last: number, total: number) => string | null): Fault =>
  (reply) => {
    const { start, end } = reply.part;
    return withHeaders(reply, { "Content-Range": spell(start, end - 1, sizeOf(reply.content)) });
  };
/** Another `ETag`, or none; `If-Match` was already judged by the true one. */
export const etag =
  (value: string | null): Fault =>
  (reply) =>
    withHeaders(reply, { ETag: value });
/** Any headers set, replaced or (null) removed. */
export const headers =
  (values: Readonly<Record<string, string | null>>): Fault =>
  (reply) =>
    withHeaders(reply, values);
/** `name` twice: as it is (or `first`), and then as `second`. */
export const duplicateHeader =
  (name: string, second: string, first?: string): Fault =>
  (reply) => ({
    ...reply,
    headers: [...reply.headers, ...(first === undefined ? [] : [[name, first] as const]), [name, second]],
  });
/** `count` interim answers before the real one. */
export const hints =
  (count: number): Fault =>
  (reply) => ({ ...reply, hints: count });
/** A head of at least `bytes`. */
export const hugeHeaders =
  (bytes: number): Fault =>
  (reply) => ({ ...reply, headers: [...reply.headers, ["X-Padding", "x".repeat(bytes)]] });

// What: the body

/** Wrong bytes of the right length: one bit at `offset` of the content, or every byte. */
export const flip =
  (offset: number | "all"): Fault =>
  (reply) => ({
    ...reply,
    alter: (bytes, at) => {
      if (offset !== "all" && (offset < at || offset >= at + bytes.length)) return bytes;
      const wrong = Uint8Array.from(bytes);
      if (offset === "all") for (let i = 0; i < wrong.length; i += 1) wrong[i] = (wrong[i] as number) ^ 0xff;
      else wrong[offset - at] = (wrong[offset - at] as number) ^ 1;
      return wrong;
    },
  });
/** Fewer bytes than `Content-Range` says, and a `Content-Length` that admits it. */
export const shortBody =
  (missing: number): Fault =>
  (reply) => {
    const end = Math.max(reply.part.start, reply.part.end - missing);
    return { ...reply, part: { start: reply.part.start, end }, length: end - reply.part.start };
  };
/** No more than `bytes` of a range at a time, and `Content-Range` and `Content-Length` say so. */
export const capped =
  (bytes: number): Fault =>
  (reply) => {
    const { start, end } = reply.part;
    if (reply.status !== 206 || end - start <= bytes) return reply;
    const part = { start, end: start + bytes };
    const range = `bytes ${start}-${part.end - 1}/${sizeOf(reply.content)}`;
    return { ...withHeaders(reply, { "Content-Range": range }), part, length: bytes };
  };
/** More bytes than `Content-Range` says (zeros after the end of the content); `Content-Length` admits it, or not. */
export const longBody =
  (extra: number, isDeclared: boolean = true): Fault =>
  (reply) => {
    const { content, part } = reply;
    const size = sizeOf(content);
    const end = part.end + extra;
    const read = (from: number, to: number): Uint8Array => {
      const padded = Buffer.alloc(to - from);
      if (from < size) padded.set(partOf(content, from, Math.min(to, size)));
      return padded;
    };
    const length = isDeclared ? end - part.start : reply.length;
    return { ...reply, content: { size: Math.max(size, end), read }, part: { start: part.start, end }, length };
  };
/** No length: chunked framing. */
export const chunked: Fault = (reply) => ({ ...reply, length: null });
/** The body compressed, and `Content-Encoding` saying so. */
export const gzip: Fault = (reply) => {
  const packed = gzipSync(partOf(reply.content, reply.part.start, reply.part.end), { level: 1 });
  return withBody(withHeaders(reply, { "Content-Encoding": "gzip" }), packed);
};
/** The range as a `multipart/byteranges` message. */
export const multipart: Fault = (reply) => {
  const { start, end } = reply.part;
  const about = headerOf(reply, "Content-Type") ?? "application/octet-stream";
  const range = `bytes ${start}-${end - 1}/${sizeOf(reply.content)}`;
  const body = Buffer.concat([
    Buffer.from(`\r\n--PART\r\nContent-Type: ${about}\r\nContent-Range: ${range}\r\n\r\n`),
    partOf(reply.content, start, end),
    Buffer.from("\r\n--PART--\r\n"),
  ]);
  const type = "multipart/byteranges; boundary=PART";
  return withBody(withHeaders(reply, { "Content-Type": type, "Content-Range": null }), body);
};

function withBody(reply: Reply, body: Uint8Array): Reply {
  return { ...reply, content: body, part: { start: 0, end: body.length }, length: body.length };
}
