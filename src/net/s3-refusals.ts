/** What a bucket's refusal means: whether it may pass, and how it is told. Pure, and knows no SDK. */
import { type ErrorDetails, ModelsError, reasonOf } from "../base/errors.ts";
import { codeOf, isCertificateError, networkReason } from "./network-reason.ts";
import { ProxyProblem } from "./proxy.ts";
import { retryAfterMs } from "./retry-after.ts";

/** What is known of anything that the SDK throws. */
export interface Refusal {
  /** The S3 error code (`NoSuchKey`), or the network's own (`ECONNRESET`); empty when there is none. */
  readonly code: string;
  /** Null when no answer came. */
  readonly status: number | null;
  /** True when the same request may well succeed a moment later. */
  readonly mayPass: boolean;
  /** What the server asks for, in milliseconds, or null. */
  readonly waitMs: number | null;
  /** The server's own date, where it sent one. */
  readonly date: string | null;
}

type Headers = Readonly<Record<string, string>> & { readonly date?: string };

interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** Codes whose status alone does not say that they pass (R2's 10054, S3's 400 for a body that came too slowly). */
const PASSING = new Set([
  "ClientDisconnect",
  "RequestTimeout",
  "RequestTimeoutException",
  "InternalError",
  "SlowDown",
  "BadDigest",
]);
const SKEWED = new Set(["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]);

/** Reads what was thrown. */
export function refusalIn(error: unknown): Refusal {
  const thrown = (typeof error === "object" && error !== null ? error : {}) as Thrown;
  const status = thrown.$metadata?.httpStatusCode ?? null;
  const named = [thrown.Code, status === null ? thrown.code : undefined, thrown.name].find(isCode);
  const code = named ?? "";
  const headers: Headers = thrown.$response?.headers ?? {};
  const isBusy = status === 408 || status === 425 || status === 429 || (status !== null && status >= 500);
  // The SDK took the server's own time over from this very answer: the next try is signed with it.
  const isSkewed = SKEWED.has(code) || thrown.$metadata?.clockSkewCorrected === true;
  const isFinal = status === 501 || code === "NotImplemented";
  return {
    code,
    status,
    mayPass: !isFinal && (isBusy || PASSING.has(code) || isSkewed || (status === null && isNetwork(error))),
    waitMs: retryAfterMs((name) => headers[name]),
    date: headers.date ?? null,
  };
}

const isCode = (value: unknown): value is string =>
  typeof value === "string" &&
  /^[A-Za-z][A-Za-z0-9_.]{1,59}$/.test(value) &&
  !/^(Error|TypeError|Unknown)$/.test(value);

/** What undici and the system throw when no whole answer came. */
function isNetwork(error: unknown): boolean {
  if (error instanceof ProxyProblem) return error.mayPass;
  const code = codeOf(error);
  if (/^(UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED|UND_ERR_REQ_CONTENT_LENGTH_MISMATCH|ERR_)/.test(code)) return false;
  if (isCertificateError(error)) return false;
  return /^(E[A-Z]+|EAI_AGAIN|UND_ERR_[A-Z_]+)$/.test(code) || /other side closed|socket/i.test(reasonOf(error));
}

/** What a store was doing, for the message. */
export interface Subject {
  /** Completes `Cannot <verb> "<name>"`. */
  readonly verb: string;
  /** `r2://bucket/key`. */
  readonly name: string;
  readonly bucket: string;
}

/** The refusal as an error of ours. */
export function refusalError(error: unknown, { verb, name, bucket }: Subject): ModelsError {
  if (error instanceof ModelsError) return error;
  if (error instanceof ProxyProblem) {
    const details = { fix: error.fix, cause: error };
    return new ModelsError("MIRROR_FAILED", `Cannot ${verb} "${name}": ${error.message}`, details);
  }
  const { code, status, date } = refusalIn(error);
  const seen = status === null ? networkReason(error) : `its bucket answers ${status}${code === "" ? "" : ` ${code}`}`;
  const told = (kind: ModelsError["code"], text: string, details: ErrorDetails = {}): ModelsError =>
    new ModelsError(kind, `Cannot ${verb} "${name}": ${text}`, { ...details, cause: error });
  if (code === "NoSuchBucket") {
    return told("SOURCE_NOT_FOUND", `there is no bucket ${bucket}`, { fix: "check the bucket's name, or make it" });
  }
  if (status === 412 || code === "PreconditionFailed" || code === "ConditionalRequestConflict") {
    return told("BUCKET_CONFLICT", "somebody else wrote it meanwhile", {
      fix: "run it again and look at what is there",
    });
  }
  if (SKEWED.has(code)) {
    const theirs = date === null ? "" : `, for the bucket it is ${date.slice(0, 40)}`;
    return told("SOURCE_UNAUTHORIZED", seen + theirs, { fix: "set this machine's clock" });
  }
  if (status === 401 || status === 403) {
    return told("SOURCE_UNAUTHORIZED", seen, {
      fix: `check the access key and the secret key for ${bucket}, and that they may ${verb === "write" ? "write to" : "read"} it`,
    });
  }
  if (status === 429) return told("MIRROR_RATE_LIMITED", `${seen}, again and again`, { fix: "try again later" });
  if (status === 404) return told("SOURCE_NOT_FOUND", seen);
  if (status === null && isCertificateError(error)) {
    return told("MIRROR_FAILED", seen, {
      fix: "if this host has an authority of its own, name its PEM file in NODE_EXTRA_CA_CERTS",
    });
  }
  return told("MIRROR_FAILED", seen);
}
