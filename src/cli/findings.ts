/** How findings are told: a line for each that is not as it should be, and one verdict. Pure. */
import type { Paper } from "../report/notices.ts";
import { countOf, padText, printable, textWidth, wrapText } from "../report/text.ts";
import { elapsedText } from "../report/words.ts";
import type { Finding } from "../tree/check.ts";

/** The width of the longest status. */
const STATUS_WIDTH = "wrong-size".length;
const FIX = "fix:";

/** What a line needs of a finding. */
type Told = Pick<Finding, "status" | "path" | "fix">;

export interface Judged {
  readonly models: readonly Finding[];
  readonly root: string;
  readonly ok: boolean;
  readonly elapsedMs: number;
}

/** One line for each finding that is not `present`; its fix stands behind it, or below where there is no room. */
export function findingLines(findings: readonly Told[], paper: Paper): readonly string[] {
  const told = findings.filter(({ status }) => status !== "present");
  const longest = Math.max(0, ...told.map(({ path }) => textWidth(printable(path))));
  return told.flatMap((finding) => findingLine(finding, longest, paper));
}

function findingLine({ status, path, fix }: Told, longest: number, paper: Paper): readonly string[] {
  const { style, width } = paper;
  const isDoubtful = status === "unverified";
  const sign = isDoubtful ? style.warn(style.signs.warning) : style.bad(style.signs.failed);
  const start = `${sign} ${padText(status, STATUS_WIDTH)}  ${printable(path)}`;
  if (fix === undefined) return [start];
  const advice = `${style.accent(FIX)} ${printable(fix)}`;
  const together = `${sign} ${padText(status, STATUS_WIDTH)}  ${padText(printable(path), longest)}  ${advice}`;
  if (width === null || textWidth(together) <= width) return [together];
  const indent = " ".repeat(STATUS_WIDTH + 4);
  const [first = "", ...rest] = wrapText(printable(fix), Math.max(20, width - indent.length - FIX.length - 2));
  return [
    start,
    `${indent}${style.accent(FIX)} ${first}`,
    ...rest.map((line) => `${indent}${" ".repeat(FIX.length)} ${line}`),
  ];
}

/** `✓ 9 models present in /comfyui/models (1.2 ms)`, or how many are not, by status. */
export function verdictLine(judged: Judged, what: string, { style }: Paper): string {
  const { models, root, ok, elapsedMs } = judged;
  const good = models.filter(({ status }) => status === "present").length;
  const where = `in ${printable(root)} (${elapsedText(elapsedMs)})`;
  const others = statusCounts(models);
  const sign = ok ? style.good(style.signs.done) : style.bad(style.signs.failed);
  if (others === "") return `${sign} ${style.bold(`${countOf(good, "model")} ${what}`)} ${where}`;
  return `${sign} ${style.bold(`${good} of ${countOf(models.length, "model")} ${what}`)}, ${others} ${where}`;
}

function statusCounts(models: readonly Finding[]): string {
  const counts = new Map<string, number>();
  for (const { status } of models) if (status !== "present") counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}
