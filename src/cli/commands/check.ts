/** `models check`: proves, without network, that the selection is on this box. */
import { trustedLines } from "../../report/notices.ts";
import { type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_FINDINGS, EXIT_INTEGRITY } from "../exit-codes.ts";
import { findingLines, verdictLine } from "../findings.ts";
import { withModels } from "../open-models.ts";
import { DOWNGRADE_OPTION, MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { requireSelection, selectionOf } from "../selection.ts";

export const checkCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: [
    ...SELECT_OPTIONS,
    { flags: "--deep", says: "read every file again and compare its digest" },
    { flags: "--strict", says: "accept only files that were verified: unverified is a finding, too" },
    DOWNGRADE_OPTION,
  ],
  examples: [
    { line: "models check --kit flux", says: "is every model of a kit here" },
    { line: "models check --workflow graph.json --strict", says: "can this workflow run, with verified files only" },
    {
      line: "models check --kit flux --json | jq -r '.models[] | select(.status != \"present\") | .path'",
      says: "for a script",
    },
  ],
  exits: [EXIT_FINDINGS, EXIT_INTEGRITY],
  notes: [
    "Nothing is fetched, and nothing in the tree is written. A file that modelferry did not bring is unverified until it is adopted.",
  ],
  run: (call) =>
    withModels(call, async (models) => {
      const { flags, signal } = call;
      const selection = await selectionOf(call);
      await requireSelection(selection, "check", () => models.kits());
      const report = await models.check({
        ...selection,
        isDeep: flags.deep === true,
        isStrict: flags.strict === true,
        signal,
      });
      if (flags.json === true) printJson(call, report);
      else
        printLines(call, [
          ...(report.signedBy ?? []).flatMap((entry) => trustedLines(entry, call.out)),
          ...findingLines(report.models, call.out),
          verdictLine(report, "present", call.out),
        ]);
      return report.ok ? EXIT_DONE : EXIT_FINDINGS;
    }),
};
