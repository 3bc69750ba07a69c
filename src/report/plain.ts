/** Events as plain lines for a pipe or a log file: what began, how far the whole is every few seconds, what ended. Pure. */
import type { Event, EventBody } from "../base/events.ts";
import { noticeOf, type Paper, planHeadline, settledFacts } from "./notices.ts";
import { advance, noProgress, type Progress } from "./progress.ts";
import { sum } from "./table.ts";
import { printable } from "./text.ts";
import { presentRate, remainingMs, silenceOfAll, totalsOf } from "./totals.ts";
import { bytesText, durationText, formatDoneOf, formatPercent, rateText, silenceText } from "./words.ts";

/** How often the whole is told, in milliseconds. */
const PLAIN_INTERVAL_MS = 5_000;

export interface PlainState {
  readonly progress: Progress;
  /** When the whole was last told (or the run began), in milliseconds since 1970. */
  readonly toldAt: number | null;
}

/** What to start from. */
export const plainStart: PlainState = { progress: noProgress, toldAt: null };

/** The state after `event`, and the lines to print for it. The closing summary is not among them. */
export function advancePlain(
  state: PlainState,
  event: Event,
  paper: Paper,
): { readonly state: PlainState; readonly lines: readonly string[] } {
  const progress = advance(state.progress, event);
  const toldAt = state.toldAt ?? progress.now;
  if (event.kind !== "progress" && event.kind !== "file-verifying") {
    const lines = [...noticeOf(event, state.progress, paper), ...linesFor(event, state.progress, progress)];
    return { state: { progress, toldAt }, lines };
  }
  const isDue = progress.now - toldAt >= PLAIN_INTERVAL_MS;
  return {
    state: { progress, toldAt: isDue ? progress.now : toldAt },
    lines: isDue ? [totalLine(progress)] : [],
  };
}

function linesFor(event: Event, before: Progress, after: Progress): readonly string[] {
  switch (event.kind) {
    case "plan":
      return planHeadline(event);
    case "file-started":
      return [startLine(event)];
    case "file-finished":
    case "file-failed":
      return after.settled > before.settled ? endLines(event, after) : [];
    case "waiting":
      return isKnownWait(event, before) ? [] : [waitLine(event)];
    default:
      return [];
  }
}

function startLine({ model, size, resumedBytes }: Extract<EventBody, { kind: "file-started" }>): string {
  const resumed = resumedBytes > 0 ? `, resumes at ${bytesText(resumedBytes)}` : "";
  return `start   ${printable(model)}  ${bytesText(size)}${resumed}`;
}

function endLines(event: { readonly model: string }, progress: Progress): readonly string[] {
  const file = progress.files.get(event.model);
  if (file === undefined) return [];
  const name = printable(file.model);
  if (file.problem === null) return [`done    ${name}  ${settledFacts(file)}`];
  const fix = file.problem.fix === null ? [] : [`        fix: ${printable(file.problem.fix)}`];
  return [`failed  ${name}  ${printable(file.problem.message)}`, ...fix];
}

function totalLine(progress: Progress): string {
  const totals = totalsOf(progress);
  const leftMs = remainingMs(progress);
  return [
    `        ${formatPercent(totals.fraction)}`,
    formatDoneOf(totals.doneBytes, totals.sizeBytes),
    paceText(progress),
    ...(leftMs === null ? [] : [`${durationText(leftMs)} left`]),
    `${totals.finished} of ${totals.files} done`,
  ].join("  ");
}

/** How fast bytes come, or what is done while none does. */
function paceText(progress: Progress): string {
  const rate = presentRate(progress);
  if (rate >= 1) return `at ${rateText(rate)}`;
  const silentMs = silenceOfAll(progress);
  if (silentMs !== null) return silenceText(silentMs);
  const verifying = [...progress.files.values()].filter(({ phase }) => phase === "verifying");
  if (verifying.length === 0) return "no data yet";
  const doneBytes = sum(verifying.map((file) => file.doneBytes));
  return `verifying ${formatDoneOf(doneBytes, sum(verifying.map(({ size }) => size ?? 0)))}`;
}

/** A wait is told when it begins, not as often as it is reported. */
function isKnownWait({ model, message }: Extract<EventBody, { kind: "waiting" }>, before: Progress): boolean {
  const wait = model === null ? before.wait : before.files.get(model)?.wait;
  return wait?.message === message;
}

function waitLine(event: Extract<EventBody, { kind: "waiting" }>): string {
  const subject = event.model === null ? "" : `${printable(event.model)}  `;
  return `wait    ${subject}${printable(event.message)}`;
}
