/** One request and its one answer: bounded in bytes and in time, with errors that name the host and never a secret. */
import type { Dispatcher } from "undici";
import { formatBytes, formatDuration } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type ErrorDetails, isModelsError, ModelsError } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";
import { codeOf, isCertificateError, networkReason } from "./network-reason.ts";
import { ProxyProblem } from "./proxy.ts";

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: "GET" | "HEAD";
  readonly headers: Readonly<Record<string, string>>;
  /** Most bytes of a good answer's body. */
  readonly maxBytes: number;
  /** What happens when there are more: fail, or keep the first `maxBytes`. */
  readonly overflow: "refuse" | "cut";
  /** `host:port` of the proxy that it goes through, or null. */
  readonly via: string | null;
  /** For the whole exchange, however slowly its bytes drip. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export type ExchangeResult = ExchangeAnswer | ExchangeFailure;

export interface ExchangeFailure {
  readonly kind: "failed";
  /** `MIRROR_STALLED` (nothing came in time), `MIRROR_FAILED` (network, TLS, encoding, too long), `MIRROR_LIED` (guard). */
  readonly error: ModelsError;
  /** True when the same request may well succeed a moment later. */
  readonly mayPass: boolean;
}

export interface ExchangeAnswer {
  readonly kind: "answer";
  readonly status: number;
  /** Names in lower case; values that came several times are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Most bytes of an error's or a redirect's body that are looked at. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Sends one request through `dispatcher`. Throws nothing but the signal's reason. */
export async function exchange(
  dispatcher: Dispatcher,
  clock: Clock,
  request: ExchangeRequest,
): Promise<ExchangeResult> {
  const end = new AbortController();
  const giveUp = (): void => end.abort(request.signal.reason);
  const { url, via, deadlineMs } = request;
  const forget = clock.after(deadlineMs, () => {
    const way = via === null ? "" : ` through the proxy ${via}`;
    end.abort(stalled(url, `no whole answer after ${formatDuration(deadlineMs)}${way}`));
  });
  request.signal.addEventListener("abort", giveUp, { once: true });
  try {
    request.signal.throwIfAborted();
    return await send(dispatcher, { ...request, signal: end.signal });
  } catch (error) {
    request.signal.throwIfAborted();
    return explain(end.signal.aborted ? end.signal.reason : error, request);
  } finally {
    forget();
    request.signal.removeEventListener("abort", giveUp);
  }
}

/** Without streams: an answer is at most a few hundred kB, and a stream for each costs more than to read it (measured). */
function send(dispatcher: Dispatcher, request: ExchangeRequest): Promise<ExchangeAnswer> {
  const { url, method, signal, maxBytes, overflow } = request;
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let controller: Dispatcher.DispatchController | null = null;
    let head: Pick<ExchangeAnswer, "status" | "headers"> = { status: 0, headers: {} };
    let limit = maxBytes;
    let length = 0;
    /** After an end of ours: what comes of the connection is of no interest. */
    let isOver = false;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", abort);
      settle();
    };
    const breakOff = (reason: Error, settle: () => void): void => {
      end(settle);
      controller?.abort(reason);
    };
    const abort = (): void => breakOff(signal.reason, () => reject(signal.reason));
    const answer = (): void => {
      const bytes = Buffer.concat(parts, Math.min(length, limit));
      resolve({ kind: "answer", ...head, body: bytes });
    };
    signal.addEventListener("abort", abort, { once: true });
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (given) => {
        controller = given;
        if (isOver) given.abort(signal.reason ?? new Error("it is over"));
      },
      onResponseStart: (_, status, headers) => {
        if (status < 200) return;
        head = { status, headers: flatten(headers) };
        const isGood = status < 300;
        const problem = isGood ? headProblem(head.headers, request) : null;
        limit = isGood ? maxBytes : MAX_ERROR_BYTES;
        if (problem !== null) {
          const error = failed(url, problem);
          breakOff(error, () => reject(error));
        }
      },
      onResponseData: (_, part) => {
        if (isOver) return;
        parts.push(part);
        length += part.length;
        if (length <= limit) return;
        const isRefused = head.status < 300 && overflow === "refuse";
        const error = failed(url, tooLong(maxBytes));
        breakOff(error, isRefused ? () => reject(error) : answer);
      },
      onResponseEnd: () => end(answer),
      onResponseError: (_, error) => end(() => reject(error)),
    };
    const { origin, pathname, search } = url;
    dispatcher.dispatch({ origin, path: pathname + search, method, headers: { ...request.headers } }, handler);
  });
}

function headProblem(headers: Readonly<Record<string, string>>, request: ExchangeRequest): string | null {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity") {
    return `it answers with Content-Encoding ${JSON.stringify(encoding.slice(0, 40))}, expected identity`;
  }
  const isTooLong = request.method === "GET" && Number(headers["content-length"] ?? 0) > request.maxBytes;
  return isTooLong && request.overflow === "refuse" ? tooLong(request.maxBytes) : null;
}

const tooLong = (maxBytes: number): string => `it sends more than ${formatBytes(maxBytes)}`;

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

/** What to do about a certificate. */
function certificateFix(code: string): string {
  if (code === "CERT_HAS_EXPIRED") return "check this machine's clock; else its owner must renew it";
  if (code === "CERT_NOT_YET_VALID") return "check this machine's clock";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "check the host's name; a proxy or a login page of this network may answer for it";
  }
  return "if this host has an authority of its own, name its PEM file in NODE_EXTRA_CA_CERTS";
}

function explain(thrown: unknown, { url }: Pick<ExchangeRequest, "url">): ExchangeFailure {
  const error = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  // What is refused on purpose will be refused again; only a stall may pass.
  if (isModelsError(error)) return { kind: "failed", error, mayPass: error.code === "MIRROR_STALLED" };
  if (error instanceof ProxyProblem) {
    const { message, fix, mayPass, cause } = error;
    return { kind: "failed", error: failed(url, message, { fix, cause }), mayPass };
  }
  const [code, seen] = [codeOf(error), networkReason(error)];
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return { kind: "failed", error: stalled(url, seen, error), mayPass: true };
  if (isCertificateError(error)) {
    const details = { cause: error, fix: certificateFix(code) };
    return { kind: "failed", error: failed(url, seen, details), mayPass: false };
  }
  const isFinal = code === "UND_ERR_HEADERS_OVERFLOW" || code === "UND_ERR_INVALID_ARG";
  return { kind: "failed", error: failed(url, seen, { cause: error }), mayPass: !isFinal };
}

const stalled = (url: URL, seen: string, cause?: unknown): ModelsError =>
  new ModelsError("MIRROR_STALLED", `Cannot read "${redactUrl(url)}": ${seen}`, { cause });

const failed = (url: URL, seen: string, details: ErrorDetails = {}): ModelsError =>
  new ModelsError("MIRROR_FAILED", `Cannot read "${redactUrl(url)}": ${seen}`, details);
