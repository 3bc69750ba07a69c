/** One line that says which file is being read, where a terminal can repaint it. */
import { formatBytes, formatRate } from "../base/bytes.ts";
import { cutText, fitText, printable } from "../report/text.ts";
import { formatPercent } from "../report/words.ts";
import type { Call } from "./command.ts";
import { canRepaint } from "./terminal-style.ts";

export interface ReadingLine {
  readonly show: (progress: { readonly path: string; readonly doneBytes: number; readonly size: number }) => void;
  /** Takes the line away. */
  readonly close: () => void;
}

const SHOW_EVERY_MS = 100;
const ERASE = "\r\u001b[K";

/** A line on standard error; nothing at all for a pipe, `--json` and `--quiet`. */
export function readingLine({ terminal, flags, clock }: Call): ReadingLine {
  const { stderr, environment } = terminal;
  if (flags.json === true || flags.quiet === true || !canRepaint(stderr, environment)) {
    return { show: () => {}, close: () => {} };
  }
  const startedMs = clock.monotonicMs();
  const read = new Map<string, number>();
  let shownMs = Number.NEGATIVE_INFINITY;
  return {
    show: ({ path, doneBytes, size }) => {
      read.set(path, doneBytes);
      const nowMs = clock.monotonicMs();
      if (nowMs - shownMs < SHOW_EVERY_MS) return;
      shownMs = nowMs;
      const bytes = [...read.values()].reduce((sum, one) => sum + one, 0);
      const rate = formatRate((bytes / Math.max(1, nowMs - startedMs)) * 1000);
      const percent = formatPercent(size > 0 ? doneBytes / size : 0);
      const columns = (stderr.columns() ?? 80) - 1;
      const name = fitText(printable(path), Math.max(1, columns - 45));
      stderr.write(ERASE + cutText(`  reading ${name}  ${percent}  ${rate}, ${formatBytes(bytes)} read`, columns));
    },
    close: () => {
      if (shownMs > 0) stderr.write(ERASE);
    },
  };
}
