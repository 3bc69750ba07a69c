/** The closing words of a run: what is there now, what each mirror brought and did wrong, what was wasted. Pure. */
import type { MirrorShare, Summary } from "../base/events.ts";
import type { Paper } from "./notices.ts";
import { formatTable } from "./table.ts";
import { countOf, cutText, printable } from "./text.ts";
import { bytesText, durationText, elapsedText, finite, rateOver, rateText, shareText } from "./words.ts";

/** What the summary itself does not say. */
export interface Outcome {
  /** Null when the run ended before it was known. */
  readonly root: string | null;
  readonly failed: number;
}

/** One line with the outcome, a table of the mirrors, what they did wrong last, and what was reused or wasted. */
export function summaryLines(summary: Summary, outcome: Outcome, paper: Paper): readonly string[] {
  return [
    headline(summary, outcome, paper),
    ...mirrorTable(summary, paper),
    ...lastErrors(summary, paper),
    ...remarks(summary),
  ];
}

function headline(summary: Summary, { root, failed }: Outcome, { style }: Paper): string {
  const where = root === null ? "" : ` in ${printable(root)}`;
  const models = countOf(summary.models, "model");
  if (summary.ok)
    return `${style.good(style.signs.done)} ${style.bold(`${models} present${where}`)}: ${moved(summary)}`;
  const count = failed > 0 ? `${failed} of ${models} failed` : "Not done";
  return `${style.bad(style.signs.failed)} ${style.bold(`${count}${where}`)}: ${moved(summary)}`;
}

function moved({ ok, fetchedBytes, reusedBytes, sentBytes, elapsedMs }: Summary): string {
  if (sentBytes !== undefined) return sent(sentBytes, elapsedMs);
  const rate = rateOver(fetchedBytes, elapsedMs);
  if (rate !== null) return `${bytesText(fetchedBytes)} fetched in ${durationText(elapsedMs)} at ${rateText(rate)}`;
  const nothing = ok && reusedBytes === 0 ? "nothing to fetch" : "nothing fetched";
  return `${nothing} (${elapsedText(elapsedMs)})`;
}

function sent(bytes: number, elapsedMs: number): string {
  const rate = rateOver(bytes, elapsedMs);
  if (rate === null) return `nothing to send (${elapsedText(elapsedMs)})`;
  return `${bytesText(bytes)} sent in ${durationText(elapsedMs)} at ${rateText(rate)}`;
}

function mirrorTable({ mirrors }: Summary, { width, style }: Paper): readonly string[] {
  const total = mirrors.reduce((sum, { bytes }) => sum + finite(bytes), 0);
  if (total === 0 && mirrors.every(({ errors }) => errors === 0)) return [];
  const rows = byBytes(mirrors).map((share) => mirrorRow(share, total));
  return formatTable(
    [
      { title: "mirror", minWidth: 8 },
      { title: "bytes", align: "right" },
      { title: "share", align: "right" },
      { title: "rate", align: "right" },
      { title: "errors", align: "right" },
    ],
    rows,
    { width, indent: 2, title: style.dim },
  );
}

function byBytes(mirrors: readonly MirrorShare[]): readonly MirrorShare[] {
  return [...mirrors].sort((a, b) => b.bytes - a.bytes);
}

function mirrorRow({ label, bytes, bytesPerSecond, errors }: MirrorShare, total: number): readonly string[] {
  return [printable(label), bytesText(bytes), shareText(bytes, total), rateText(bytesPerSecond), String(errors)];
}

/** A line a mirror: its share stands in the table, in the same order. */
function lastErrors({ mirrors }: Summary, { width }: Paper): readonly string[] {
  return byBytes(mirrors).flatMap(({ label, lastError }) => {
    if (lastError === undefined) return [];
    const line = `  last error of ${printable(label)}: ${printable(lastError.message)}`;
    return [width === null ? line : cutText(line, width)];
  });
}

function remarks({ reusedBytes, wastedBytes, replacedFiles = 0 }: Summary): readonly string[] {
  return [
    ...(replacedFiles > 0 ? [`  ${countOf(replacedFiles, "file")} with other bytes replaced`] : []),
    ...(reusedBytes > 0 ? [`  ${bytesText(reusedBytes)} reused from files on this disk`] : []),
    ...(wastedBytes > 0 ? [`  ${bytesText(wastedBytes)} of the fetched bytes were thrown away or came twice`] : []),
  ];
}
