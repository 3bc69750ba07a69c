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

// Line ends part the problems of a list; all other control characters, and those that turn the direction of text, can
// steer a terminal or hide what is said.
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Characters of a message, a fix or a problem; whoever has more to say quotes what nobody reads. */
const MAX_SAID = 100_000;

/** `text`, which may quote what others wrote, bounded and with nothing in it that a terminal obeys. */
function harmless(text: string): string {
  const said = text.length > MAX_SAID ? `${text.slice(0, MAX_SAID)}…` : text;
  return said.replace(UNPRINTABLE, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Everything that modelferry throws on purpose.
 * The message reads `Cannot <verb> "<subject>": <seen>, <expected>`: no final period, no secret. It can be printed as it
 * is: control characters from a manifest or a server are spelled out.
 */
export class ModelsError extends Error {
  override readonly name = "ModelsError";
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(harmless(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fix = details.fix === undefined ? undefined : harmless(details.fix);
    this.problems = (details.problems ?? []).map(harmlessProblem);
  }
}

function harmlessProblem({ at, message, fix }: Problem): Problem {
  return { at: harmless(at), message: harmless(message), ...(fix !== undefined && { fix: harmless(fix) }) };
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
