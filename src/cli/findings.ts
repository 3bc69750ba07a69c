/** How findings are told: a line for each that is not as it should be, and one verdict. Pure. */
import { formatDuration } from "../base/bytes.ts";
import type { Paper } from "../report/notices.ts";
import { countOf, padText, printable, textWidth } from "../report/text.ts";
import type { Finding } from "../tree/check.ts";

/** The width of the longest status. */
const STATUS_WIDTH = "wrong-size".length;

export interface Judged {
  readonly models: readonly Finding[];
  readonly root: string;
  readonly ok: boolean;
  readonly elapsedMs: number;
}

/** One line for each finding that is not `present`; its fix stands behind it, or below where there is no room. */
export function findingLines(findings: readonly Finding[], paper: Paper): readonly string[] {
  return findings.filter(({ status }) => status !== "present").flatMap((finding) => findingLine(finding, paper));
}

function findingLine({ status, path, fix }: Finding, { style, width }: Paper): readonly string[] {
  const isDoubtful = status === "unverified";
  const sign = isDoubtful ? style.warn(style.signs.warning) : style.bad(style.signs.failed);
  const start = `${sign} ${padText(status, STATUS_WIDTH)}  ${printable(path)}`;
  if (fix === undefined) return [start];
  const advice = `${style.accent("fix:")} ${printable(fix)}`;
  const together = `${start}  ${advice}`;
  if (width === null || textWidth(together) <= width) return [together];
  return [start, `${" ".repeat(STATUS_WIDTH + 4)}${advice}`];
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

/** A check takes micro- or milliseconds: tenths of a second would all be zero. */
export function elapsedText(ms: number): string {
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms` : formatDuration(ms);
}
