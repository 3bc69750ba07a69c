/** The one place that turns what happened into an exit code, and says what each code means. */
import type { ErrorCode } from "../base/errors.ts";

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 130;

export const EXIT_DONE: ExitCode = 0;
export const EXIT_FAILED: ExitCode = 1;
export const EXIT_USAGE: ExitCode = 2;
export const EXIT_FINDINGS: ExitCode = 3;
export const EXIT_INTEGRITY: ExitCode = 4;
export const EXIT_LOCKED: ExitCode = 5;
export const EXIT_INTERRUPTED: ExitCode = 130;

/** What each code means, as every help prints it. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "done",
  1: "failed (network, mirror, disk: the message says which)",
  2: "usage, or a manifest, kit, config or workflow that cannot be read",
  3: "something is missing or wrong",
  4: "integrity: no mirror gave the right bytes, or a signature does not hold",
  5: "locked by another process, and --no-wait was given",
  130: "interrupted; the next run resumes",
};

const EXIT_OF: Readonly<Record<ErrorCode, ExitCode>> = {
  USAGE: 2,
  CONFIG_INVALID: 2,
  MANIFEST_INVALID: 2,
  KIT_UNKNOWN: 2,
  MODEL_UNKNOWN: 2,
  LOCKFILE_INVALID: 2,
  LOCKFILE_DRIFT: 2,
  WORKFLOW_INVALID: 2,
  PATH_UNSAFE: 2,
  SOURCE_INVALID: 2,
  SOURCE_NOT_FOUND: 1,
  SOURCE_GATED: 1,
  SOURCE_UNAUTHORIZED: 1,
  MIRROR_FAILED: 1,
  MIRROR_STALLED: 1,
  MIRROR_RATE_LIMITED: 1,
  MIRROR_CHANGED: 1,
  MIRROR_LIED: 4,
  NOT_WEIGHTS: 4,
  PICKLE_REFUSED: 1,
  DIGEST_UNKNOWN: 2,
  DIGEST_CONTRADICTION: 4,
  DIGEST_MISMATCH: 4,
  SIZE_MISMATCH: 4,
  SIGNATURE_MISSING: 4,
  SIGNATURE_INVALID: 4,
  SIGNATURE_UNTRUSTED: 4,
  ROLLBACK_REFUSED: 4,
  KEY_INVALID: 2,
  NO_MIRROR: 1,
  OFFLINE: 1,
  DISK_FULL: 1,
  DISK_FAILED: 1,
  TREE_CONFLICT: 1,
  BUCKET_CONFLICT: 1,
  LOCKED: 5,
  LEASE_LOST: 1,
  MODELS_MISSING: 3,
  INTERRUPTED: 130,
};

/** The exit code of one error. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT_OF[code];
}
