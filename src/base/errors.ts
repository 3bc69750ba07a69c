/** The one error class, and the closed list of codes that callers may switch over. */

export type ErrorCode =
  | "USAGE"
  | "CONFIG_INVALID"
  | "MANIFEST_INVALID"
  | "KIT_UNKNOWN"
  | "MODEL_UNKNOWN"
  | "LOCKFILE_INVALID"
  | "LOCKFILE_DRIFT"
  | "WORKFLOW_INVALID"
  | "PATH_UNSAFE"
  | "SOURCE_INVALID"
  | "SOURCE_NOT_FOUND"
  | "SOURCE_GATED"
  | "SOURCE_UNAUTHORIZED"
  | "MIRROR_FAILED"
  | "MIRROR_STALLED"
  | "MIRROR_RATE_LIMITED"
  | "MIRROR_CHANGED"
  | "MIRROR_LIED"
  | "NOT_WEIGHTS"
  | "PICKLE_REFUSED"
  | "DIGEST_UNKNOWN"
  | "DIGEST_CONTRADICTION"
  | "DIGEST_MISMATCH"
  | "SIZE_MISMATCH"
  | "SIGNATURE_MISSING"
  | "SIGNATURE_INVALID"
  | "SIGNATURE_UNTRUSTED"
  | "ROLLBACK_REFUSED"
  | "KEY_INVALID"
  | "NO_MIRROR"
  | "OFFLINE"
  | "DISK_FULL"
  | "DISK_FAILED"
  | "TREE_CONFLICT"
  | "BUCKET_CONFLICT"
  | "LOCKED"
  | "LEASE_LOST"
  | "MODELS_MISSING"
  | "INTERRUPTED";

export interface ErrorDetails {
  /** What the person does next, as one sentence without a final period. */
  readonly fix?: string;
  readonly cause?: unknown;
  /** Every single problem, where one error stands for several (a manifest with three mistakes). */
  readonly problems?: readonly Problem[];
}

/** One problem of several, with its place where it has one. */
export interface Problem {
  /** `file:line:column`, a model's name, or a mirror's label. */
  readonly at: string;
  readonly message: string;
  readonly fix?: string;
}

/**
 * Everything that modelferry throws on purpose.
 * The message reads `Cannot <verb> "<subject>": <seen>, <expected>`: no final period, no secret.
 */
export class ModelsError extends Error {
  override readonly name = "ModelsError";
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fix = details.fix;
    this.problems = details.problems ?? [];
  }
}

/** True when `error` is ours and carries one of `codes` (any of ours when none is given). */
export function isModelsError(error: unknown, ...codes: readonly ErrorCode[]): error is ModelsError {
  return error instanceof ModelsError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of anything thrown, for a message that quotes its cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message) return error.message;
  const first = error instanceof AggregateError ? error.errors[0] : error.cause;
  return first === undefined ? error.name : reasonOf(first);
}
