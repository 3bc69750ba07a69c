/** How an error is told: what happened, each problem with its place, what to do next. Pure. */
import { isModelsError, type ModelsError, type Problem, reasonOf } from "../base/errors.ts";
import type { Paper } from "../report/notices.ts";
import { printable, wrapText } from "../report/text.ts";
import { EXIT_FAILED, type ExitCode, exitCodeOf } from "./exit-codes.ts";

/** Lines for standard error. `isDebug` adds the stacks of the error and its causes. */
export function errorLines(error: unknown, paper: Paper, isDebug: boolean): readonly string[] {
  const stack = isDebug ? stackLines(error, paper) : [];
  return isModelsError(error) ? [...ownLines(error, paper), ...stack] : [...strangeLines(error, paper), ...stack];
}

/** The exit code of anything thrown. */
export function exitCodeOfError(error: unknown): ExitCode {
  return isModelsError(error) ? exitCodeOf(error.code) : EXIT_FAILED;
}

/** What a machine gets to know of an error. */
export function errorObject(error: unknown): Readonly<Record<string, unknown>> {
  if (!isModelsError(error)) return { code: "UNEXPECTED", message: reasonOf(error) };
  return {
    code: error.code,
    message: error.message,
    ...(error.fix === undefined ? {} : { fix: error.fix }),
    ...(error.problems.length === 0 ? {} : { problems: error.problems }),
  };
}

function ownLines(error: ModelsError, paper: Paper): readonly string[] {
  // A message may list its problems for those who print nothing else; here each has a line of its own.
  const message = error.problems.length === 0 ? error.message : (error.message.split("\n")[0] ?? "");
  return [
    ...firstLines(message, paper),
    ...error.problems.flatMap((problem) => problemLines(problem, paper)),
    ...fixLines(error.fix, paper, "  "),
  ];
}

function strangeLines(error: unknown, paper: Paper): readonly string[] {
  const kind = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  return [
    ...firstLines(`Unexpected ${kind}${reasonOf(error)}`, paper),
    ...fixLines("run it again with MODELS_DEBUG=1 and report what it prints", paper, "  "),
  ];
}

function firstLines(message: string, paper: Paper): readonly string[] {
  const [first = "", ...rest] = wrapped(message, paper, 2);
  return [`${paper.style.bad(paper.style.signs.failed)} ${first}`, ...rest.map((line) => `  ${line}`)];
}

function problemLines({ at, message, fix }: Problem, paper: Paper): readonly string[] {
  const place = at === "" ? "" : `${printable(at)}: `;
  const [first = "", ...rest] = wrapped(`${place}${message}`, paper, 4);
  // The place can be clicked in many terminals; nothing may be painted inside it.
  return [`  ${first}`, ...rest.map((line) => `    ${line}`), ...fixLines(fix, paper, "    ")];
}

function fixLines(fix: string | undefined, paper: Paper, indent: string): readonly string[] {
  if (fix === undefined) return [];
  const [first = "", ...rest] = wrapped(fix, paper, indent.length + 5);
  return [`${indent}${paper.style.accent("fix:")} ${first}`, ...rest.map((line) => `${indent}     ${line}`)];
}

function wrapped(text: string, { width }: Paper, indent: number): readonly string[] {
  return width === null ? [printable(text)] : wrapText(printable(text), Math.max(8, width - 1 - indent));
}

function stackLines(error: unknown, paper: Paper): readonly string[] {
  if (!(error instanceof Error)) return [];
  const own = (error.stack ?? "").split("\n").map((line) => paper.style.dim(printable(line)));
  return error.cause === undefined ? own : [...own, paper.style.dim("caused by"), ...stackLines(error.cause, paper)];
}
