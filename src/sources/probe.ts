/** The one small range request that shows whether an address serves a file, how big it is and how it begins. */
import { ModelsError } from "../base/errors.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import { validatorIn } from "../base/validator.ts";
import type { Credential, Http, HttpAnswer } from "../net/http.ts";
import { LEAST_RANGE_BYTES } from "../net/range-answer.ts";

/** How much of the beginning is read, as a rule. */
export const PROBE_BYTES = 65_536;
/** A file of at most this size comes whole with its first answer: a second request would cost more than its bytes. */
export const WHOLE_BYTES: number = 256 * 1024;

/** For one try and {@link PROBE_BYTES}: a server that cannot send this much in this time is no mirror for gigabytes. */
const DEADLINE_MS = 30_000;

export interface ProbeRequest {
  readonly url: string;
  readonly credential: Credential | null;
  readonly redirect?: "follow" | "manual";
  readonly mayBePrivate?: boolean;
  readonly signal: AbortSignal;
}

/** What a good answer to {@link askBeginning} says. */
export interface Probe {
  readonly endpoint: HttpEndpoint;
  readonly size: number;
  readonly head: Uint8Array;
}

/** How much of the beginning to ask for, of a file that should have `size` bytes (null where nobody says). */
export function headBytesOf(size: number | null): number {
  return size !== null && size <= WHOLE_BYTES ? Math.max(size, PROBE_BYTES) : PROBE_BYTES;
}

/** Asks for the first `headBytes`; gives the answer whatever its status. */
export function askBeginning(
  { http, headBytes }: { readonly http: Http; readonly headBytes: number },
  request: ProbeRequest,
): Promise<HttpAnswer> {
  const headers = { range: `bytes=0-${headBytes - 1}` };
  const deadlineMs = deadlineOf(headBytes);
  return http.request({ ...request, headers, maxBytes: headBytes + 1, overflow: "cut", deadlineMs });
}

/** How many milliseconds one answer of so many bytes may take. */
export function deadlineOf(bytes: number): number {
  return DEADLINE_MS * (Math.max(bytes, PROBE_BYTES) / PROBE_BYTES);
}

/** What {@link readProbe} holds an answer against. */
export interface Asked {
  /** The source, as it may be printed. */
  readonly name: string;
  readonly credential: Credential | null;
  /** How much was asked for. */
  readonly headBytes: number;
  /** Bytes that the file must have, for a server that does not say; null where nothing would prove it. */
  readonly size: number | null;
}

/**
 * Reads the answer to {@link askBeginning}.
 * @throws ModelsError `MIRROR_LIED`, `MIRROR_FAILED`, `NOT_WEIGHTS` (an empty file); for other statuses than 200, 206
 * and 416 see `refusalOf`
 */
export function readProbe(answer: HttpAnswer, asked: Asked): Probe {
  const { name, credential, headBytes } = asked;
  const lie = (seen: string): ModelsError =>
    new ModelsError("MIRROR_LIED", `Cannot use "${name}": ${new URL(answer.url).host} ${seen}`);
  if (/^multipart\//i.test(answer.headers["content-type"] ?? "")) throw lie("sends several ranges, expected one");
  const size = answer.status === 200 ? wholeSize(answer, asked, lie) : rangedSize(answer, asked, lie);
  return { size, head: answer.body.subarray(0, headBytes), endpoint: endpointOf(answer, credential) };
}

type Lie = (seen: string) => ModelsError;

function wholeSize({ headers, body }: HttpAnswer, { headBytes, size }: Asked, lie: Lie): number {
  const length = headers["content-length"] ?? "";
  if (/^\d{1,15}$/.test(length)) return Number(length);
  if (size === null || length !== "") throw lie("serves no ranges and does not say how long the file is");
  // It came to its end.
  if (body.length <= headBytes) return body.length;
  if (size <= headBytes) throw lie(`sends more than ${headBytes} bytes, expected ${size}`);
  return size;
}

function rangedSize(answer: HttpAnswer, { name, headBytes, size }: Asked, lie: Lie): number {
  const range = answer.headers["content-range"] ?? "";
  if (answer.status === 416) {
    if (/^bytes \*\/0$/i.test(range)) throw new ModelsError("NOT_WEIGHTS", `Cannot use "${name}": the file is empty`);
    throw lie(`refuses the range 0-${headBytes - 1} (416, "${range.slice(0, 60)}")`);
  }
  const [, start, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(range) ?? [];
  const whole = total === undefined ? null : total === "*" ? size : Number(total);
  if (whole === null) throw lie(`sends Content-Range "${range.slice(0, 60)}", expected a range and a total`);
  const [wanted, sent] = [Math.min(headBytes, whole), Number(last) + 1];
  // Who sends no more than so much at a time sends less than was asked for.
  if (Number(start) !== 0 || sent > wanted || sent < Math.min(wanted, LEAST_RANGE_BYTES)) {
    throw lie(`sends bytes ${start}-${last}, asked for 0-${wanted - 1}`);
  }
  if (answer.body.length === sent) return whole;
  throw lie(`sends ${answer.body.length > sent ? "more" : "fewer"} bytes than its Content-Range says`);
}

function endpointOf(answer: HttpAnswer, credential: Credential | null): HttpEndpoint {
  // As in the request itself: a credential ends where the way first left its origin.
  const isHome = [...answer.hops, answer].every(({ url }) => new URL(url).origin === credential?.origin);
  return {
    kind: "http",
    url: answer.url,
    headers: isHome && credential !== null ? credential.headers : {},
    validator: validatorIn((name) => answer.headers[name]),
    mayBePrivate: answer.mayBePrivate,
    hasRanges: answer.status === 206,
  };
}

/** True when {@link readProbe} takes the answer. */
export function isProbe(answer: HttpAnswer): boolean {
  return answer.status === 200 || answer.status === 206 || answer.status === 416;
}

/**
 * What an answer of any other status means, where the site has no words of its own for it.
 * @param unset the variable that should hold the credential and does not, or null
 */
export function refusalOf(answer: HttpAnswer, name: string, unset: string | null): ModelsError {
  const host = new URL(answer.url).host;
  const { status } = answer;
  if (status === 404 || status === 410) {
    return new ModelsError("SOURCE_NOT_FOUND", `Cannot find "${name}": ${host} answers ${status}`);
  }
  if (status === 451) {
    return new ModelsError("SOURCE_NOT_FOUND", `Cannot read "${name}": ${host} withholds it for legal reasons (451)`);
  }
  if (status === 401 || status === 403) {
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${host} answers ${status}`, {
      fix:
        unset === null
          ? `name a credential for ${host} under hosts in models.config.yaml, or check the one that is there`
          : `set ${unset}, which models.config.yaml names for this host`,
    });
  }
  return new ModelsError("MIRROR_FAILED", `Cannot read "${name}": ${host} answers ${status}, expected 206`);
}
