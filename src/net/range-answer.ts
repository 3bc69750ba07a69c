/** Whether the answer to a range request is exactly what was asked for. The rule of every lane. Pure. */
import type { HttpEndpoint } from "../base/mirror.ts";
import { headerOf, isSameVersion } from "../base/validator.ts";
import type { LaneFailure } from "./lane-protocol.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface AskedRange extends Pick<HttpEndpoint, "validator" | "synonyms" | "hasRanges"> {
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

export type RangeVerdict = RangeBody | LaneFailure;

export interface RangeBody {
  readonly kind: "body";
  /** Whether `Content-Length` frames the body (else it is chunked, which only the general lane reads). */
  readonly isFramed: boolean;
  /** Where it ends: before the end that was asked for where the server sends no more at a time. */
  readonly end: number;
}

type Fields = (name: string) => string | undefined;

/** Answers that a fresh link, or another source, may not give. */
const REFUSALS = new Set([401, 403, 404, 410, 451]);
/** A server that sends less than this at a time, and not what is left, is of no use for gigabytes. */
export const LEAST_RANGE_BYTES: number = 16 * 1024;
/** Answers that a moment's patience may not give. */
const BUSY = new Set([408, 425, 429]);

/** Judges status and headers of an answer. */
export function judgeRangeAnswer(status: number, field: Fields, asked: AskedRange): RangeVerdict {
  if (status === 206 || (status === 200 && !asked.hasRanges)) return judgeBody(status, field, asked);
  if (status === 200) return { kind: "lied", message: wholeAnswer(field) };
  if (status === 412) return { kind: "changed", message: "the file changed while it was fetched (412)" };
  if (status === 416) return judgeRefusedRange(field, asked);
  // The endpoint is where the redirects ended; when there is a new one, the way must be gone again from its start.
  if (status >= 300 && status < 400) return { kind: "refused", status, message: `it redirects (${status})` };
  if (REFUSALS.has(status)) return { kind: "refused", status, message: `it answered ${status}` };
  if (BUSY.has(status) || status >= 500) {
    return { kind: "busy", status, waitMs: retryAfterMs(field), message: `it answered ${status}` };
  }
  return { kind: "lied", message: `it answered ${status}, expected 206` };
}

function wholeAnswer(field: Fields): string {
  const isPage = /^text\/html/i.test(field("content-type") ?? "");
  return isPage ? "it answered with a page for people (200)" : "it answered 200 to a range request, expected 206";
}

function judgeRefusedRange(field: Fields, { start, end, size }: AskedRange): LaneFailure {
  const total = /^bytes \*\/(\d{1,16})$/i.exec(field("content-range") ?? "")?.[1];
  if (total !== undefined && Number(total) !== size) return wrongTotal(total, size);
  return { kind: "lied", message: `it refused the valid range ${start}-${end - 1} (416)` };
}

function judgeBody(status: number, field: Fields, asked: AskedRange): RangeVerdict {
  // Bytes of a whole answer count from byte 0: put elsewhere, every one of them would be wrong.
  if (status === 200 && asked.start !== 0) return { kind: "lied", message: wholeAnswer(field) };
  const encoding = field("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return { kind: "lied", message: `it sent Content-Encoding "${encoding.slice(0, 40)}", expected identity` };
  }
  if (/^multipart\//i.test(field("content-type") ?? "")) {
    return { kind: "lied", message: "it sent several ranges in one answer" };
  }
  const problem = versionProblem(field, asked);
  if (problem !== null) return problem;
  const end = status === 206 ? endOfRange(field, asked) : asked.end;
  return typeof end === "number" ? judgeLength(field, asked.start, end) : end;
}

/**
 * An answer without the validator is no other version: a 206 must carry it (RFC 9110 section 15.3.7), but some caches
 * lose it, and origins hold strong tags against `If-Match`, so that they would have answered 412.
 */
function versionProblem(field: Fields, { validator, synonyms = [] }: AskedRange): LaneFailure | null {
  if (validator === null) return null;
  const name = headerOf(validator);
  const seen = field(name.toLowerCase());
  if (seen === undefined || [validator, ...synonyms].some((one) => isSameVersion(one, seen))) return null;
  return { kind: "changed", message: `its ${name} changed from ${validator.slice(0, 80)} to ${seen.slice(0, 80)}` };
}

/**
 * Where the range ends that the answer brings. A server may send less than was asked for, from its beginning (RFC 9110
 * section 15.3.7), and may leave the total open (section 14.4).
 */
function endOfRange(field: Fields, { start, end, size }: AskedRange): number | LaneFailure {
  const value = field("content-range") ?? "";
  const [, first, last, total] = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(value) ?? [];
  if (total === undefined) {
    return { kind: "lied", message: `it sent Content-Range "${value.slice(0, 80)}", expected a range and a total` };
  }
  if (total !== "*" && Number(total) !== size) return wrongTotal(total, size);
  const sentEnd = Number(last) + 1;
  const least = Math.min(end, start + LEAST_RANGE_BYTES);
  if (Number(first) === start && sentEnd >= least && sentEnd <= end) return sentEnd;
  return { kind: "lied", message: `it sent bytes ${first}-${last}, expected ${start}-${end - 1}` };
}

function judgeLength(field: Fields, start: number, end: number): RangeVerdict {
  const [length, expected] = [field("content-length"), end - start];
  if (field("transfer-encoding") !== undefined || length === undefined) return { kind: "body", isFramed: false, end };
  if (length === String(expected)) return { kind: "body", isFramed: true, end };
  return { kind: "lied", message: `it announced ${length.slice(0, 40)} bytes, expected ${expected}` };
}

const wrongTotal = (total: string, size: number): LaneFailure => ({
  kind: "changed",
  message: `it says the file has ${total} bytes, expected ${size}`,
});
