/** Many problems as one error, with a line for each. */
import { ModelsError, type Problem } from "../base/errors.ts";

/** A list that nobody reads to its end helps nobody; `problems` has all of them. */
const MAX_LISTED = 200;

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
    problems,
  });
}
