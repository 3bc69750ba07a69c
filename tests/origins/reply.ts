/** What an origin is about to answer, as a value: faults are functions from one reply to another. */
import type { IncomingHttpHeaders } from "node:http";
import type { ByteRange } from "../../src/base/range.ts";
import type { Content } from "./content.ts";

/** A request as the origin saw it. */
export interface Asked {
  /** 1 for the first request of this origin. */
  readonly number: number;
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The whole request body (at most 1 MiB is kept). */
  readonly body: Buffer;
  readonly socketId: number;
}

/** When and how the answer stops, counted in body bytes. */
type Ending =
  | { readonly kind: "finish" }
  /** RST. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** An orderly close although more was promised. */
  | { readonly kind: "close"; readonly afterBytes: number }
  /** The connection is gone without a goodbye: below TLS, where a reader misses the closing notice. */
  | { readonly kind: "drop"; readonly afterBytes: number }
  /** Nothing more ever comes. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** The whole origin dies, and comes back after `reviveAfterMs` unless that is null. */
  | { readonly kind: "die"; readonly afterBytes: number; readonly reviveAfterMs: number | null };

export interface Reply {
  readonly status: number;
  /** In order, duplicates kept, spelled as they are sent. */
  readonly headers: readonly (readonly [string, string])[];
  readonly content: Content;
  /** The part of `content` that is the body. */
  readonly part: ByteRange;
  /** Changes body bytes on their way; `at` is the offset in `content`. */
  readonly alter: ((bytes: Uint8Array, at: number) => Uint8Array) | null;
  /** `Content-Length`, or null for chunked framing. */
  readonly length: number | null;
  /** Before the head: nothing at all, or only half of the head. */
  readonly headStall: "none" | "silent" | "torn";
  /** How many `103 Early Hints` come first. */
  readonly hints: number;
  /** A pace of its own from some body byte on. */
  readonly pace: { readonly fromByte: number; readonly bytesPerSecond: number } | null;
  readonly ending: Ending;
}

/** Turns the reply that would be right into the one that is sent. */
export type Fault = (reply: Reply, asked: Asked) => Reply;

/** An answer whose body is `content` (all of it unless `part` says otherwise). */
export function replyWith(
  status: number,
  headers: Readonly<Record<string, string>>,
  content: Content | string = "",
  part?: ByteRange,
): Reply {
  const body = typeof content === "string" ? Buffer.from(content) : content;
  const whole = part ?? { start: 0, end: body instanceof Uint8Array ? body.length : 0 };
  return {
    status,
    headers: Object.entries(headers),
    content: body,
    part: whole,
    alter: null,
    length: whole.end - whole.start,
    headStall: "none",
    hints: 0,
    pace: null,
    ending: { kind: "finish" },
  };
}

/** The answer of an API. */
export function replyJson(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return replyWith(status, { "Content-Type": "application/json; charset=utf-8", ...headers }, JSON.stringify(value));
}

/** `reply` with each of `headers` set, in place of one of the same name (null takes it away). */
export function withHeaders(reply: Reply, headers: Readonly<Record<string, string | null>>): Reply {
  const named = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), { name, value }]));
  const kept = reply.headers.filter(([name]) => !named.has(name.toLowerCase()));
  const added = [...named.values()].flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const]));
  return { ...reply, headers: [...kept, ...added] };
}

/** The value of a reply's header, or null. */
export function headerOf(reply: Reply, name: string): string | null {
  return reply.headers.find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1] ?? null;
}
