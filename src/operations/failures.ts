/** Turns everything that went wrong in one run into the one error that ends it. */
import { type ErrorCode, ModelsError, type Problem, reasonOf } from "../base/errors.ts";
import { isFull, systemCode } from "../base/system-errors.ts";

/** One model that could not be settled. */
export interface Failure {
  readonly model: string;
  readonly path: string;
  readonly error: ModelsError;
}

// Gravest first, as exit codes weigh: interrupted, integrity, what a person wrote, everything else, locked.
const GRAVEST_FIRST: readonly ErrorCode[] = [
  "INTERRUPTED",
  "DIGEST_MISMATCH",
  "SIZE_MISMATCH",
  "DIGEST_CONTRADICTION",
  "MIRROR_LIED",
  "NOT_WEIGHTS",
  "SIGNATURE_INVALID",
  "SIGNATURE_UNTRUSTED",
  "LOCKFILE_DRIFT",
  "DIGEST_UNKNOWN",
  "MODEL_UNKNOWN",
  "DISK_FULL",
  "DISK_FAILED",
];
const MILDEST_LAST: readonly ErrorCode[] = ["LOCKED", "MODELS_MISSING"];

/** The failure that decides the exit code: integrity before the disk, the disk before the network. */
export function worstOf(failures: readonly Failure[]): Failure | undefined {
  const rank = ({ error }: Failure): number => {
    const place = GRAVEST_FIRST.indexOf(error.code);
    return place >= 0 ? place : GRAVEST_FIRST.length + 1 + MILDEST_LAST.indexOf(error.code);
  };
  return [...failures].sort((left, right) => rank(left) - rank(right))[0];
}

/**
 * One failure is thrown as it is; of several the worst gives the code and fix, and `problems` lists every one.
 * `verb` completes the sentence `Cannot <verb> 2 of 5 models`.
 */
export function failuresError(verb: string, failures: readonly Failure[], total: number): ModelsError | null {
  const worst = worstOf(failures);
  if (worst === undefined) return null;
  if (failures.length === 1) return worst.error;
  const message = `Cannot ${verb} ${failures.length} of ${total} models: ${worst.error.message}, and ${failures.length - 1} more`;
  return new ModelsError(worst.error.code, message, {
    ...(worst.error.fix === undefined ? {} : { fix: worst.error.fix }),
    cause: worst.error,
    problems: failures.flatMap(problemsOf),
  });
}

function problemsOf({ model, error }: Failure): readonly Problem[] {
  const own: Problem = { at: model, message: error.message, ...(error.fix === undefined ? {} : { fix: error.fix }) };
  return [own, ...error.problems];
}

/** Anything thrown, as an error of ours: foreign ones are the disk's or the system's doing, and keep their cause. */
export function asModelsError(thrown: unknown, verb: string, subject: string): ModelsError {
  if (thrown instanceof ModelsError) return thrown;
  const kind: ErrorCode = isFull(systemCode(thrown)) ? "DISK_FULL" : "DISK_FAILED";
  return new ModelsError(kind, `Cannot ${verb} "${subject}": ${reasonOf(thrown)}`, { cause: thrown });
}
