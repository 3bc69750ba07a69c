/** Many problems as one error, with a line for each. */
import { ModelsError, type Problem } from "../base/errors.ts";

/** A list that nobody reads to its end helps nobody; `problems` has more of them. */
const MAX_LISTED = 200;
/** Who has more mistakes than this has one, made often. */
export const MAX_PROBLEMS = 1000;
/** Stands at the end of a list that was cut. */
export const MORE_PROBLEMS: Omit<Problem, "at"> = {
  message: "more is wrong than is listed here",
  fix: "correct these first",
};

/** One error for all problems of one kind of file; the message lists them, a line each. */
export function problemsError(
  code: "MANIFEST_INVALID" | "CONFIG_INVALID" | "LOCKFILE_INVALID",
  subject: string,
  problems: readonly Problem[],
): ModelsError {
  const shown = problems
    .slice(0, MAX_LISTED)
    .map(({ at, message, fix }) => `${at}: ${message}${fix ? `; ${fix}` : ""}`);
  const more = problems.length > MAX_LISTED ? [`and ${problems.length - MAX_LISTED} more`] : [];
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new ModelsError(code, [`Cannot read ${subject}: ${count}, expected none`, ...shown, ...more].join("\n  "), {
    problems: bounded(problems),
  });
}

/** The first of them, and a last one that says that there are more. */
function bounded(problems: readonly Problem[]): readonly Problem[] {
  const [left] = problems.slice(MAX_PROBLEMS);
  return left === undefined ? problems : [...problems.slice(0, MAX_PROBLEMS), { at: left.at, ...MORE_PROBLEMS }];
}
