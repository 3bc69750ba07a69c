/** `models sync`: makes the selection present and verified. */
import type { Event, EventBody } from "../../base/events.ts";
import { planLines } from "../../report/plan.ts";
import type { Progress } from "../../report/progress.ts";
import { summaryLines } from "../../report/summary.ts";
import { type Call, type CommandSpec, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_INTEGRITY, EXIT_LOCKED, type ExitCode } from "../exit-codes.ts";
import { type Models, openModels } from "../open-models.ts";
import { FETCH_OPTIONS, MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { exitCodeOfError } from "../print-error.ts";
import { createReporter } from "../reporter.ts";
import { requireSelection, selectionOf } from "../selection.ts";
import { variable } from "../terminal-style.ts";

type Plan = Extract<EventBody, { kind: "plan" }>;

export const syncCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: [...SELECT_OPTIONS, ...FETCH_OPTIONS],
  examples: [
    { line: "models sync --kit flux", says: "everything that a kit needs" },
    {
      line: "models sync --workflow graph.json --dry-run",
      says: "what a workflow lacks, from where it would come, is there room",
    },
    {
      line: "models sync --kit flux --mirror https://models.example.net --max-rate 200MB",
      says: "with one more mirror, and some bandwidth left for others",
    },
    { line: "models sync --kit flux --json | jq 'select(.kind == \"summary\")'", says: "for a script" },
  ],
  exits: [EXIT_INTEGRITY, EXIT_LOCKED],
  notes: [
    "With nothing selected, BASE_MODEL_KIT and PRELOAD_WORKFLOW select like --kit and --workflow.",
    "What was fetched before Ctrl-C, a crash or a power cut is kept: run it again and it resumes.",
  ],
  run: runSync,
};

async function runSync(call: Call): Promise<ExitCode> {
  const { flags } = call;
  // The table of a dry run is the result itself: no headline above it.
  const reporter = await createReporter(flags.dryRun === true ? { ...call, flags: { ...flags, quiet: true } } : call);
  let plan: Plan | null = null;
  const onEvent = (event: Event): void => {
    if (event.kind === "plan") plan = event;
    reporter.onEvent(event);
  };
  const failure = await attempt(call, onEvent);
  reporter.close(failure?.error ?? null);
  if (flags.json !== true) printLines(call, closingLines(reporter.progress(), plan, call));
  if (failure === null) return EXIT_DONE;
  const isDebug = variable(call.terminal.environment, "MODELS_DEBUG") !== "";
  if (isDebug || !reporter.hasTold(failure.error)) call.tell(failure.error);
  return exitCodeOfError(failure.error);
}

async function attempt(call: Call, onEvent: (event: Event) => void): Promise<{ readonly error: unknown } | null> {
  let models: Models | null = null;
  try {
    models = await openModels(call);
    await syncWith(models, call, onEvent);
    return null;
  } catch (error) {
    return { error: call.signal.aborted ? call.signal.reason : error };
  } finally {
    await models?.close();
  }
}

async function syncWith(models: Models, call: Call, onEvent: (event: Event) => void): Promise<void> {
  const { flags, signal } = call;
  const selection = await selectionOf(call);
  await requireSelection(selection, "sync", () => models.kits());
  await models.sync({
    ...selection,
    isDryRun: flags.dryRun === true,
    ...(flags.offline === undefined ? {} : { isOffline: flags.offline }),
    isFrozen: flags.frozen === true,
    wait: flags.wait !== false,
    signal,
    onEvent,
  });
}

/** The table of a dry run, or the summary of a run that came so far as to have one. */
function closingLines(progress: Progress, plan: Plan | null, { flags, out }: Call): readonly string[] {
  if (flags.dryRun === true) return plan === null ? [] : planLines(plan, out);
  const { summary, root, files } = progress;
  if (summary === null || plan === null) return [];
  const failed = [...files.values()].filter(({ phase }) => phase === "failed").length;
  return summaryLines(summary, { root, failed }, out);
}
