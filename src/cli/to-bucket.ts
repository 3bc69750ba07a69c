/** What commands that write into a bucket share: flags to options, progress, the plan and the outcome in words. */
import type { Event } from "../base/events.ts";
import type { BucketLayout } from "../operations/destination.ts";
import type { PublishedModel, PublishResult, ToBucketOptions } from "../operations/publish-ports.ts";
import type { Paper } from "../report/notices.ts";
import { summaryLines } from "../report/summary.ts";
import { formatTable } from "../report/table.ts";
import { countOf, printable } from "../report/text.ts";
import { bytesText } from "../report/words.ts";
import { type Call, printLines } from "./command.ts";
import { EXIT_DONE, type ExitCode } from "./exit-codes.ts";
import { type Models, openModels } from "./open-models.ts";
import { exitCodeOfError } from "./print-error.ts";
import { createReporter, type Reporter } from "./reporter.ts";

/** The options that `TO_BUCKET_OPTIONS` and `PACE_OPTIONS` give. */
export function toBucketOptions({ flags, signal }: Pick<Call, "flags" | "signal">): ToBucketOptions {
  const { to, layout, force = false, verify, manifest, dryRun = false, wait } = flags;
  return {
    to,
    layout: layout as BucketLayout | undefined,
    force,
    verify: verify === undefined ? null : verify === "all" ? "all" : "sample",
    isDryRun: dryRun,
    manifest: manifest === false ? null : manifest,
    wait: wait !== false,
    signal,
  };
}

/** Runs `work` with progress, prints the plan of a dry run or the outcome, and gives the exit code. */
export async function runToBucket(
  call: Call,
  work: (models: Models, onEvent: (event: Event) => void) => Promise<PublishResult>,
): Promise<ExitCode> {
  const { flags } = call;
  const isDryRun = flags.dryRun === true;
  // The table of a dry run is the result itself: no headline above it.
  const reporter = await createReporter(isDryRun ? { ...call, flags: { ...flags, quiet: true } } : call);
  const { result, failure } = await attempt(call, (models) => work(models, reporter.onEvent));
  reporter.close(failure?.error ?? null);
  if (flags.json !== true) printLines(call, closingLines(result, reporter.progress(), call));
  if (failure === null) return EXIT_DONE;
  if (!reporter.hasTold(failure.error)) call.tell(failure.error);
  return exitCodeOfError(failure.error);
}

interface Attempt {
  readonly result: PublishResult | null;
  readonly failure: { readonly error: unknown } | null;
}

async function attempt(call: Call, work: (models: Models) => Promise<PublishResult>): Promise<Attempt> {
  let models: Models | null = null;
  try {
    models = await openModels(call);
    return { result: await work(models), failure: null };
  } catch (error) {
    return { result: null, failure: { error: call.signal.aborted ? call.signal.reason : error } };
  } finally {
    await models?.close();
  }
}

function closingLines(
  result: PublishResult | null,
  progress: ReturnType<Reporter["progress"]>,
  { flags, out }: Call,
): readonly string[] {
  if (flags.dryRun === true) return result === null ? [] : planTable(result, out);
  const { summary, root, files } = progress;
  if (summary === null || root === null) return [];
  const failed = [...files.values()].filter(({ phase }) => phase === "failed").length;
  return [...summaryLines(summary, { root, failed }, out), ...manifestLines(result)];
}

const STATUS = 2;
const WORDS: Readonly<Record<PublishedModel["status"], string>> = {
  sent: "sent",
  present: "present",
  planned: "send",
  refused: "refuse",
};

/** Each model, what would be done, and where it would lie. */
function planTable({ models, to }: PublishResult, { style, width }: Paper): readonly string[] {
  const table = formatTable(
    [
      { title: "file", minWidth: 12 },
      { title: "size", align: "right" },
      { title: "action" },
      { title: "to", minWidth: 10 },
    ],
    models.map((one) => [printable(one.path), bytesText(one.size), actionText(one), printable(one.to)]),
    {
      width,
      title: style.dim,
      paint: (text, row, column) => {
        const status = models[row]?.status;
        if (column !== STATUS || status === "planned") return text;
        return status === "refused" ? style.bad(text) : style.good(text);
      },
    },
  );
  const sent = models.filter(({ status }) => status === "planned");
  const bytes = sent.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  const refused = models.filter(({ status }) => status === "refused").length;
  return [
    ...table,
    "",
    `${style.bold("to send")}  ${bytesText(bytes)} into ${printable(to)}`,
    ...(refused === 0 ? [] : [`${style.bold("refused")}  ${countOf(refused, "model")}: the key holds another content`]),
  ];
}

function actionText({ status, sentBytes, size }: PublishedModel): string {
  return status === "planned" && sentBytes < size ? `resume, ${bytesText(sentBytes)} left` : WORDS[status];
}

function manifestLines(result: PublishResult | null): readonly string[] {
  const files = new Set(result?.models.flatMap(({ manifest }) => (manifest === null ? [] : [manifest])));
  return [...files].map((file) => `  noted in ${printable(file)}`);
}
