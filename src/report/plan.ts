/** The plan of a sync as a table: each file, what would be done, where it would come from, and what that costs. Pure. */
import type { EventBody, PlanLine } from "../base/events.ts";
import { type Paper, replacedText } from "./notices.ts";
import type { Style } from "./style.ts";
import { formatTable } from "./table.ts";
import { countOf, printable } from "./text.ts";
import { bytesText, formatPercent } from "./words.ts";

type Plan = Extract<EventBody, { kind: "plan" }>;

const ACTION = 2;

/** Titles, one line a file, then the totals. */
export function planLines(plan: Plan, paper: Paper): readonly string[] {
  const { style, width } = paper;
  const table = formatTable(
    [
      // Where it would come from can be cut first: it is told apart by its beginning and end.
      { title: "file", minWidth: Math.max(12, Math.floor((width ?? 0) * 0.4)) },
      { title: "size", align: "right" },
      { title: "action" },
      { title: "from", minWidth: 10 },
    ],
    plan.lines.map((line) => planRow(line, width !== null)),
    {
      width,
      title: style.dim,
      paint: (text, row, column) =>
        column === ACTION && plan.lines[row]?.action === "present" ? style.good(text) : text,
    },
  );
  return [...table, ...(table.length > 0 ? [""] : []), ...planTotals(plan, paper)];
}

function planRow(line: PlanLine, isShort: boolean): readonly string[] {
  const size = line.size === null ? "unknown" : bytesText(line.size);
  const [first = "", ...others] = line.from.map(printable);
  const from = isShort ? first.replace(/@([0-9a-f]{7})[0-9a-f]{33}(?=\/|$)/, "@$1") : first;
  return [printable(line.path), size, actionText(line), from + (others.length > 0 ? ` +${others.length}` : "")];
}

function actionText({ action, size, fetchBytes, replaces }: PlanLine): string {
  if (replaces?.status === "unverified" && action === "reuse") return "reuse if right";
  if (replaces !== undefined && action === "fetch") return "replace";
  if (action !== "resume" || size === null || fetchBytes === null) return action;
  return `resume at ${formatPercent(1 - fetchBytes / size)}`;
}

function planTotals(plan: Plan, { style }: Paper): readonly string[] {
  const present = plan.lines.filter(({ action }) => action === "present").length;
  const unknown = plan.lines.filter(({ fetchBytes }) => fetchBytes === null).length;
  const more = unknown > 0 ? `, and ${countOf(unknown, "file")} of unknown size` : "";
  const lacking = plan.fetchBytes - plan.freeBytes;
  const verdict = lacking > 0 ? style.bad(` (${bytesText(lacking)} too little)`) : "";
  return [
    `${style.bold("to fetch")}  ${bytesText(plan.fetchBytes)}${more}`,
    `${style.bold("to reuse")}  ${bytesText(plan.reuseBytes)}`,
    ...replacedLines(plan.lines, style),
    `${style.bold("present")}   ${present} of ${countOf(plan.lines.length, "model")}`,
    `${style.bold("free")}      ${bytesText(plan.freeBytes)} in ${printable(plan.root)}${verdict}`,
  ];
}

/** `replaces  loras/it.safetensors: a file of 12 MB with other bytes`, for each file that is to lose its place. */
function replacedLines(lines: readonly PlanLine[], style: Style): readonly string[] {
  return lines.flatMap(({ path, action, replaces }) => {
    if (replaces === undefined) return [];
    const condition = replaces.status === "unverified" && action === "reuse" ? ", unless it is the right one" : "";
    return [`${style.warn("replaces")}  ${printable(path)}: ${replacedText(replaces)}${condition}`];
  });
}
