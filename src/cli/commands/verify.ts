/** `models verify`: reads files again and compares them with their digests. */
import { type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_FINDINGS, EXIT_INTEGRITY } from "../exit-codes.ts";
import { findingLines, verdictLine } from "../findings.ts";
import { withModels } from "../open-models.ts";
import { MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { readingLine } from "../reading.ts";
import { writtenSelection } from "../selection.ts";

export const verifyCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: SELECT_OPTIONS,
  examples: [
    { line: "models verify", says: "every file that was ever verified" },
    { line: "models verify --kit flux", says: "what belongs to a kit" },
    { line: "models verify vae/ae.safetensors", says: "one file" },
  ],
  exits: [EXIT_FINDINGS, EXIT_INTEGRITY],
  notes: ["What is wrong is told, not mended: models sync with the same selection fetches it again."],
  run: (call) =>
    withModels(call, async (models) => {
      const selection = await writtenSelection(call);
      const reading = readingLine(call);
      const report = await models.verify({ ...selection, signal: call.signal, onProgress: reading.show });
      reading.close();
      if (call.flags.json === true) printJson(call, report);
      else printLines(call, [...findingLines(report.models, call.out), verdictLine(report, "verified", call.out)]);
      return report.ok ? EXIT_DONE : EXIT_FINDINGS;
    }),
};
