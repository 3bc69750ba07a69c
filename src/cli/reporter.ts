/** Chooses how events are shown while a command runs: live bars, plain lines, JSON lines, or next to nothing. */
import { isModelsError } from "../base/errors.ts";
import type { Event, Summary } from "../base/events.ts";
import { ndjsonLine } from "../report/ndjson.ts";
import { noticeOf } from "../report/notices.ts";
import { advancePlain, plainStart } from "../report/plain.ts";
import { noProgress, type Progress } from "../report/progress.ts";
import type { Call } from "./command.ts";
import { errorObject } from "./print-error.ts";
import { canRepaint } from "./terminal-style.ts";

export interface Reporter {
  readonly onEvent: (event: Event) => void;
  /** What the events so far add up to. */
  readonly progress: () => Progress;
  /** True when what went wrong with each file was shown as it happened, so that `error` has nothing to add. */
  readonly hasTold: (error: unknown) => boolean;
  /** Leaves the terminal as a later line expects it. `error` is what ended the run, or null. */
  readonly close: (error: unknown) => void;
}

/** The reporter for this call: `--json` beats `--quiet`, a terminal gets bars, everything else plain lines. */
export async function createReporter(call: Call): Promise<Reporter> {
  if (call.flags.json === true) return createJsonReporter(call);
  if (call.flags.quiet === true) return createLineReporter(call, false);
  if (!canRepaint(call.terminal.stderr, call.terminal.environment)) return createLineReporter(call, true);
  // Bars and their library are for those who see them.
  return await (await import("./live.ts")).createLive(call);
}

/** The summary is held back until the end, so that it is the last line and says what went wrong. */
function createJsonReporter({ terminal, clock }: Call): Reporter {
  // Nobody looks at the files one by one here: who reads the lines adds them up.
  let summary: Summary | null = null;
  return {
    onEvent: (event) => {
      if (event.kind === "summary") summary = event;
      else terminal.stdout.write(ndjsonLine(event));
    },
    progress: () => ({ ...noProgress, summary }),
    hasTold: () => false,
    close: (error) => {
      const last = summary ?? { ...NOTHING_DONE, ok: error === null };
      const reason = error === null ? {} : { error: errorObject(error) };
      terminal.stdout.write(ndjsonLine({ ...last, ...reason, time: clock.now() }));
    },
  };
}

const NOTHING_DONE: Summary = {
  kind: "summary",
  ok: false,
  models: 0,
  fetchedBytes: 0,
  wastedBytes: 0,
  reusedBytes: 0,
  elapsedMs: 0,
  mirrors: [],
};

/** Every error of a run in which files failed is theirs, unless it ended the run by itself. */
export function isToldByFiles(error: unknown, progress: Progress): boolean {
  const failed = [...progress.files.values()].filter(({ phase }) => phase === "failed");
  if (!isModelsError(error) || error.code === "INTERRUPTED") return false;
  return failed.length > 0 && (failed.length > 1 || failed[0]?.problem?.message === error.message);
}

/** With `isTalkative` every line, without it warnings alone. */
function createLineReporter({ terminal, err }: Call, isTalkative: boolean): Reporter {
  let state = plainStart;
  return {
    onEvent: (event) => {
      const next = advancePlain(state, event, err);
      const lines = isTalkative ? next.lines : noticeOf(event, state.progress, err);
      state = next.state;
      terminal.stderr.write(lines.map((line) => `${line}\n`).join(""));
    },
    progress: () => state.progress,
    hasTold: (error) => isTalkative && isToldByFiles(error, state.progress),
    close: () => {},
  };
}
