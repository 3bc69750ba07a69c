/** `models verify`: reads files again and compares them with their digests. */
import { formatBytes } from "../../base/bytes.ts";
import type { Event } from "../../base/events.ts";
import { countOf } from "../../report/text.ts";
import { type Call, type CommandSpec, type OptionSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_FINDINGS, EXIT_INTEGRITY, type ExitCode } from "../exit-codes.ts";
import { findingLines, verdictLine } from "../findings.ts";
import { type Models, withModels } from "../open-models.ts";
import { MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { readingLine } from "../reading.ts";
import { createReporter } from "../reporter.ts";
import { writtenSelection } from "../selection.ts";

const REPAIR_OPTION: OptionSpec = { flags: "--repair", says: "mend what is wrong, fetching only what that needs" };

export const verifyCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: [...SELECT_OPTIONS, REPAIR_OPTION],
  examples: [
    { line: "models verify", says: "every file that was ever verified" },
    { line: "models verify --kit flux", says: "what belongs to a kit" },
    { line: "models verify vae/ae.safetensors", says: "one file" },
    { line: "models verify --repair", says: "and mend what has rotted" },
  ],
  exits: [EXIT_FINDINGS, EXIT_INTEGRITY],
  notes: [
    "Without --repair what is wrong is told, not mended.",
    "With it, what is still right of a file is kept: where there is a piece table, as models publish writes it, only the wrong pieces are fetched.",
  ],
  run: (call) =>
    withModels(call, (models) => (call.flags.repair === true ? repair(call, models) : verify(call, models))),
};

const VERDICT = "verified";

async function verify(call: Call, models: Models): Promise<ExitCode> {
  const selection = await writtenSelection(call);
  const reading = readingLine(call);
  const report = await models.verify({ ...selection, signal: call.signal, onProgress: reading.show });
  reading.close();
  if (call.flags.json === true) printJson(call, report);
  else printLines(call, [...findingLines(report.models, call.out), verdictLine(report, VERDICT, call.out)]);
  return report.ok ? EXIT_DONE : EXIT_FINDINGS;
}

async function repair(call: Call, models: Models): Promise<ExitCode> {
  const selection = await writtenSelection(call);
  const reading = readingLine(call);
  // One document is what --json promises here: what happens on the way is not told.
  const isTold = call.flags.json !== true;
  const reporter = isTold ? await createReporter(call) : null;
  const onEvent = (event: Event): void => {
    reading.close();
    reporter?.onEvent(event);
  };
  try {
    const report = await models.repair({ ...selection, signal: call.signal, onProgress: reading.show, onEvent });
    reading.close();
    reporter?.close(null);
    const mended = `${countOf(report.repaired.length, "model")} mended, ${formatBytes(report.fetchedBytes)} fetched`;
    const lines = [...findingLines(report.models, call.out), verdictLine(report, VERDICT, call.out)];
    if (isTold) printLines(call, report.repaired.length === 0 ? lines : [...lines, mended]);
    else printJson(call, report);
    return report.ok ? EXIT_DONE : EXIT_FINDINGS;
  } catch (error) {
    reporter?.close(error);
    throw error;
  }
}
