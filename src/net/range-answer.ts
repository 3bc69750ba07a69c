/** Whether the answer to a range request is exactly what was asked for. The rule of every lane. Pure. */
import type { LaneFailure } from "./lane-protocol.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface AskedRange {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly validator: string | null;
  readonly hasRanges: boolean;
}

export type RangeVerdict = { readonly kind: "body"; readonly isFramed: boolean } | LaneFailure;

type Fields = (name: string) => string | undefined;

/**
 * Judges status and headers of an answer.
 * `isFramed` says whether `Content-Length` frames the body (else it is chunked, which only the general lane reads).
 */
export function judgeRangeAnswer(status: number, field: Fields, asked: AskedRange): RangeVerdict {
  if (status === 206 || (status === 200 && !asked.hasRanges)) return judgeBody(status, field, asked);
  if (status >= 300 && status < 400) return { kind: "unusual", message: `it redirects (${status})` };
  if (status === 200) return { kind: "lied", message: "it answered 200 with the whole file to a range request" };
  if (status === 412) return { kind: "changed", message: "the file changed while it was fetched (412)" };
  if (status === 401 || status === 403 || status === 404 || status === 410 || status === 451) {
    return { kind: "refused", status, message: `it answered ${status}` };
  }
  if (status === 416)
    return { kind: "lied", message: `it refused the valid range ${asked.start}-${asked.end - 1} (416)` };
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return { kind: "busy", status, waitMs: retryAfterMs(field), message: `it answered ${status}` };
  }
  return { kind: "lied", message: `it answered ${status}, expected 206` };
}

function judgeBody(status: number, field: Fields, asked: AskedRange): RangeVerdict {
  const encoding = field("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return { kind: "lied", message: `it sent Content-Encoding "${encoding.slice(0, 40)}", expected identity` };
  }
  if (/multipart/i.test(field("content-type") ?? ""))
    return { kind: "lied", message: "it sent several ranges in one answer" };
  const etag = field("etag");
  if (asked.validator !== null && etag !== undefined && etag !== asked.validator) {
    return {
      kind: "changed",
      message: `its ETag changed from ${asked.validator.slice(0, 80)} to ${etag.slice(0, 80)}`,
    };
  }
  const wrongRange = status === 206 ? rangeProblem(field("content-range"), asked) : null;
  if (wrongRange !== null) return wrongRange;
  const length = field("content-length");
  if (field("transfer-encoding") !== undefined || length === undefined) return { kind: "body", isFramed: false };
  if (length !== String(asked.end - asked.start)) {
    return { kind: "lied", message: `it announced ${length.slice(0, 40)} bytes, expected ${asked.end - asked.start}` };
  }
  return { kind: "body", isFramed: true };
}

function rangeProblem(value: string | undefined, asked: AskedRange): LaneFailure | null {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/i.exec(value ?? "");
  if (match === null) {
    return {
      kind: "lied",
      message: `it sent Content-Range "${(value ?? "").slice(0, 80)}", expected a range and a total`,
    };
  }
  const [first, last, total] = match.slice(1).map(Number);
  if (total !== asked.size) {
    return { kind: "changed", message: `it says the file has ${total} bytes, expected ${asked.size}` };
  }
  if (first === asked.start && last === asked.end - 1) return null;
  return { kind: "lied", message: `it sent bytes ${first}-${last}, expected ${asked.start}-${asked.end - 1}` };
}
