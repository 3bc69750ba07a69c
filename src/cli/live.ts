/** Paints progress over itself on a terminal; what is final moves up and stays. */
import type { Event } from "../base/events.ts";
import { barColumns, renderBars, type View } from "../report/bars.ts";
import { noticeOf, type Paper, planHeadline, settledLines } from "../report/notices.ts";
import { advance, noProgress, type Progress } from "../report/progress.ts";
import type { Call } from "./command.ts";
import { isToldByFiles, type Reporter } from "./reporter.ts";
import { createScreen } from "./screen.ts";

/** Often enough to look alive, seldom enough to cost nothing over ssh. */
const PAINT_EVERY_MS = 100;
const SILENCE_MS = 400;

/** Bars on standard error until {@link Reporter.close}. */
export async function createLive({ terminal, clock, err, signal }: Call): Promise<Reporter> {
  const { stderr } = terminal;
  const screen = await createScreen(stderr);
  let progress = noProgress;
  let notices: readonly string[] = [];

  const view = (): View => ({
    columns: stderr.columns() ?? 80,
    rows: stderr.rows() ?? 24,
    now: clock.now(),
    style: err.style,
  });
  const openedMs = clock.monotonicMs();
  const block = (): readonly string[] => {
    if (progress.files.size > 0 || progress.summary !== null) return renderBars(progress, view());
    // Until there is a plan nobody knows what is to be moved; a moment of that needs no words.
    return clock.monotonicMs() - openedMs < SILENCE_MS
      ? []
      : [err.style.dim("  looking at this box, asking the mirrors")];
  };
  const paint = (isLast = false): void => {
    screen.paint(notices, isLast ? [] : block());
    notices = [];
  };
  const stopPainting = clock.every(PAINT_EVERY_MS, () => paint());
  signal.addEventListener("abort", () => {
    notices = [...notices, err.style.warn("Stopping; what is on the disk is kept. Ctrl-C again quits at once.")];
  });

  return {
    onEvent: (event) => {
      const before = progress;
      progress = advance(progress, event);
      notices = [...notices, ...lastingLines(event, before, progress, { ...err, width: view().columns })];
    },
    progress: () => progress,
    hasTold: (error) => isToldByFiles(error, progress),
    close: () => {
      stopPainting();
      paint(true);
      screen.close();
    },
  };
}

function lastingLines(event: Event, before: Progress, after: Progress, paper: Paper): readonly string[] {
  const notices = noticeOf(event, before, paper);
  if (event.kind === "plan") return [...planHeadline(event), ...notices];
  const file = "model" in event && event.model !== null ? after.files.get(event.model) : undefined;
  if (file === undefined || after.settled === before.settled) return notices;
  return [...notices, ...settledLines(file, barColumns(after, { columns: paper.width ?? 80 }).name, paper)];
}
