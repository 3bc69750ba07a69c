/** `models lock`: pins what a selection is now. */
import { shortSha256 } from "../../base/artifact.ts";
import { formatBytes } from "../../base/bytes.ts";
import type { LockReport } from "../../operations/lock.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable } from "../../report/text.ts";
import { type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_INTEGRITY } from "../exit-codes.ts";
import { withModels } from "../open-models.ts";
import { DOWNGRADE_OPTION, MODEL_ARGUMENT, PICKLE_OPTION, SELECT_OPTIONS } from "../options.ts";
import { createReporter } from "../reporter.ts";
import { requireSelection, selectionOf } from "../selection.ts";

export const lockCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: [...SELECT_OPTIONS, PICKLE_OPTION, DOWNGRADE_OPTION],
  examples: [
    { line: "models lock --kit flux", says: "ask the mirrors, write sizes, digests and commits into models.lock.yaml" },
    { line: "models lock --kit flux --kit wan", says: "of several kits; what is pinned already stays" },
    { line: "models sync --kit flux --frozen", says: "fetch exactly what was pinned" },
  ],
  exits: [EXIT_INTEGRITY],
  run: (call) =>
    withModels(call, async (models) => {
      const selection = await selectionOf(call);
      await requireSelection(selection, "lock", () => models.kits());
      const reporter = await createReporter({ ...call, flags: { ...call.flags, json: false, quiet: true } });
      const report = await models.lock({ ...selection, signal: call.signal, onEvent: reporter.onEvent });
      if (call.flags.json === true) printJson(call, report);
      else printLines(call, lockLines(report, call.out));
      return EXIT_DONE;
    }),
};

function lockLines(
  { models, changed, lockfile, mustBeSigned }: LockReport,
  { style, width }: Paper,
): readonly string[] {
  const news = models.filter(({ name }) => changed.includes(name));
  const rows = news.map(({ name, size, sha256 }) => [printable(name), formatBytes(size), shortSha256(sha256)]);
  const table = formatTable(
    [{ title: "pinned", minWidth: 12 }, { title: "size", align: "right" }, { title: "sha256" }],
    rows,
    {
      width,
      title: style.dim,
    },
  );
  const count = news.length === 0 ? "nothing new" : `${news.length} new or changed`;
  return [
    ...table,
    `${style.good(style.signs.done)} ${style.bold(`${countOf(models.length, "model")} pinned`)} in ${printable(lockfile)}, ${count}`,
    ...(mustBeSigned && news.length > 0 ? [`sign it before the next run: models sign ${printable(lockfile)}`] : []),
  ];
}
