/** What a terminal shows while bytes move: one line a file, one for the whole. State and size in, lines out. Pure. */
import { type BarColumns, GAP, shareColumns } from "./columns.ts";
import { type FileState, isPresent, isSettled, type Progress, type Wait } from "./progress.ts";
import type { Style } from "./style.ts";
import { cutText, fitText, padText, printable, textWidth } from "./text.ts";
import { fileRemainingMs, presentRate, remainingMs, silenceOf, silenceOfAll, type Totals, totalsOf } from "./totals.ts";
import { bytesText, durationText, formatDoneOf, formatNames, formatPercent, rateText, silenceText } from "./words.ts";

/** The terminal as it is now. */
export interface View {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds since 1970, for waits that count down. */
  readonly now: number;
  readonly style: Style;
}

/** Below this many columns nothing but the percentage makes sense. */
const TOO_NARROW = 12;

interface Row {
  readonly name: string;
  readonly fraction: number;
  readonly rate: string;
  readonly leftMs: number | null;
  /** Since the last byte, where more should be coming; it takes the place of rate and time left. */
  readonly silentMs: number | null;
  readonly tail: string;
}

/** The line of a file and that of the whole differ in weight only. */
interface RowPaint {
  readonly name: (text: string) => string;
  readonly tail: (text: string) => string;
}

/**
 * The lines to repaint, none wider than the terminal and fewer than it is high: files under way in the order in which
 * they began, the rest folded into one line, then the total. Empty when nothing is left to be moved.
 */
export function renderBars(progress: Progress, view: View): readonly string[] {
  const pending = [...progress.files.values()].filter((file) => !isSettled(file) && !isPresent(file));
  if (progress.summary !== null || pending.length === 0) return [];
  if (view.columns < TOO_NARROW) return [cutText(formatPercent(totalsOf(progress).fraction), view.columns)];
  const widths = barColumns(progress, view);
  const waits = progress.wait === null ? [] : [waitLine("waiting", progress.wait, widths, view)];
  const room = Math.max(1, view.rows - 1) - 1 - waits.length;
  const shown = shownFiles(pending, room);
  const { now } = progress;
  const folded = pending.length - shown.length;
  return [
    ...shown.map((file) => fileLine({ file, now }, widths, view)),
    ...(folded > 0 && room > 0 ? [foldLine(folded, shown.length > 0, view)] : []),
    ...(room >= 0 ? waits : []),
    totalLine(progress, widths, view),
  ];
}

/** The columns of this run: names of finished files count too, so that nothing moves sideways when a file finishes. */
export function barColumns(progress: Progress, view: Pick<View, "columns">): BarColumns {
  const names = [...progress.files.values()].filter((file) => !isPresent(file)).map(({ model }) => printable(model));
  const longest = Math.max(...[...names, totalLabel(totalsOf(progress))].map(textWidth));
  return shareColumns(Math.max(1, view.columns - 1), longest);
}

function shownFiles(pending: readonly FileState[], room: number): readonly FileState[] {
  const active = pending
    .filter((file) => file.phase !== "waiting" || file.wait !== null)
    .sort((a, b) => (a.startedAt ?? Number.MAX_VALUE) - (b.startedAt ?? Number.MAX_VALUE));
  return pending.length <= room ? active : active.slice(0, Math.max(0, room - 1));
}

interface Seen {
  readonly file: FileState;
  /** Of the latest event. */
  readonly now: number;
}

function fileLine({ file, now }: Seen, widths: BarColumns, view: View): string {
  const name = printable(file.model);
  if (file.wait !== null) return waitLine(name, file.wait, widths, view);
  const size = file.size ?? 0;
  const isCarried = file.mirrors.length > 0;
  return rowLine(
    {
      name,
      fraction: size === 0 ? 0 : file.doneBytes / size,
      rate: isCarried ? speedText(file.bytesPerSecond) : "",
      leftMs: isCarried ? fileRemainingMs(file, { now }) : null,
      silentMs: silenceOf(file, { now }),
      tail: tailText(file, widths.tail),
    },
    widths,
    { ...view.style, name: String, tail: view.style.dim },
  );
}

/** Who carries the file, or why nobody does. */
function tailText(file: FileState, width: number): string {
  if (file.phase === "verifying") return "verifying";
  if (file.mirrors.length > 0) return formatNames(file.mirrors, width);
  return file.size !== null && file.doneBytes >= file.size ? "finishing" : "queued";
}

function totalLine(progress: Progress, widths: BarColumns, view: View): string {
  const totals = totalsOf(progress);
  const row: Row = {
    name: totalLabel(totals),
    fraction: totals.fraction,
    rate: speedText(presentRate(progress)),
    leftMs: remainingMs(progress),
    silentMs: silenceOfAll(progress),
    tail: amountText(totals, widths.tail),
  };
  return rowLine(row, widths, { ...view.style, name: view.style.bold, tail: view.style.bold });
}

function totalLabel({ finished, files }: Totals): string {
  return `${finished} of ${files} done`;
}

function rowLine(row: Row, widths: BarColumns, style: Style & RowPaint): string {
  const cells: readonly (readonly [keyof BarColumns, string])[] = [
    ["name", padPainted(fitText(row.name, widths.name), widths.name, style.name)],
    ["bar", drawBar(row.fraction, widths.bar, style)],
    ["percent", padText(formatPercent(row.fraction), widths.percent, "right")],
    ...paceCells(row, widths),
    ["tail", style.tail(cutText(row.tail, widths.tail))],
  ];
  const shown = cells.filter(([column]) => widths[column] > 0).map(([, cell]) => cell);
  return (" ".repeat(GAP) + shown.join(" ".repeat(GAP))).trimEnd();
}

function paceCells(
  { rate, leftMs, silentMs }: Row,
  widths: BarColumns,
): readonly (readonly [keyof BarColumns, string])[] {
  if (silentMs === null) {
    const left = leftMs === null ? "" : leftText(leftMs);
    return [
      ["rate", padText(rate, widths.rate, "right")],
      ["left", padText(left, widths.left, "right")],
    ];
  }
  if (widths.left === 0) return [["rate", padText(fitText("no data", widths.rate), widths.rate, "right")]];
  const width = widths.rate + GAP + widths.left;
  return [["rate", padText(fitText(silenceText(silentMs), width), width, "right")]];
}

/** Padding stays unpainted, so that trailing spaces can be dropped. */
function padPainted(text: string, width: number, paint: (text: string) => string): string {
  return paint(text) + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** Whole seconds: tenths of a guess are noise. */
function leftText(ms: number): string {
  return ms < 9_500 ? `${Math.max(1, Math.ceil(ms / 1000))} s` : durationText(ms);
}

/** Half cells count, so that the bar of a 24 GB file moves at least every few hundred MB. */
function drawBar(fraction: number, width: number, style: Style): string {
  const { full, half, rest } = style.signs.bar;
  const halves = Math.floor(Math.min(1, Math.max(0, fraction)) * width * 2);
  const moved = full.repeat(halves >> 1) + (halves % 2 === 1 ? half : "");
  return style.accent(moved) + style.dim(rest.repeat(width - moved.length));
}

/** Nothing is said about a file that just began. */
function speedText(bytesPerSecond: number): string {
  return bytesPerSecond >= 1 ? rateText(bytesPerSecond) : "";
}

function amountText({ doneBytes, sizeBytes }: Totals, width: number): string {
  const whole = formatDoneOf(doneBytes, sizeBytes);
  return textWidth(whole) <= width ? whole : `of ${bytesText(sizeBytes)}`;
}

function waitLine(name: string, wait: Wait, widths: BarColumns, view: View): string {
  const leftMs = wait.untilMs === null ? 0 : wait.untilMs - view.now;
  const text = leftMs > 0 ? `${printable(wait.message)}, ${leftText(leftMs)}` : printable(wait.message);
  const room = view.columns - 1 - GAP - widths.name - GAP;
  const start = " ".repeat(GAP) + padText(fitText(name, widths.name), widths.name);
  return room < 8 ? start.trimEnd() : `${start}${" ".repeat(GAP)}${view.style.warn(cutText(text, room))}`;
}

function foldLine(folded: number, hasLinesAbove: boolean, view: View): string {
  const text = hasLinesAbove ? `… and ${folded} more` : `${folded} to come`;
  return cutText(" ".repeat(GAP) + text, view.columns - 1);
}
