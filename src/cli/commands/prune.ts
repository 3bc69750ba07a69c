/** `models prune`: frees disk, and says first what would go. */
import { formatBytes, parseBytes, parseDuration } from "../../base/bytes.ts";
import type { PruneReport } from "../../operations/prune.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, type ExitCode } from "../exit-codes.ts";
import { type Models, withModels } from "../open-models.ts";
import { MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { writtenSelection } from "../selection.ts";

export const pruneCommand: CommandSpec = {
  arguments: [{ ...MODEL_ARGUMENT, says: "models that stay, by name, path in the tree or file name" }],
  options: [
    ...SELECT_OPTIONS,
    { flags: "--older-than <age>", says: "what was not used for so long: 30d, 12h, 2w", parse: parseDuration },
    {
      flags: "--max-size <size>",
      says: "least recently used first, until the tree has this: 200GB",
      parse: parseBytes,
    },
    { flags: "--unneeded", says: "what neither the selection nor, without one, the lockfile needs" },
    { flags: "--foreign", says: "also files that models did not bring or adopt" },
    { flags: "--yes", says: "really remove; without it, only say what would go" },
  ],
  examples: [
    { line: "models prune --unneeded --kit flux", says: "what would go if only this kit were needed" },
    { line: "models prune --unneeded --kit flux --yes", says: "and let it go" },
    {
      line: "models prune --older-than 30d --max-size 200GB --yes",
      says: "the oldest of a month, as far as it has to be",
    },
  ],
  exits: [],
  notes: [
    "A selection stays, whatever else is said. So does what a process has open or mapped, or is writing.",
    "Unfinished downloads go by --older-than and --unneeded. Used is: read (as far as the disk keeps it), written or verified.",
  ],
  run: (call) => withModels(call, (models) => run(call, models)),
};

async function run(call: Call, models: Models): Promise<ExitCode> {
  const { olderThan, maxSize, unneeded = false, foreign = false, yes = false } = call.flags;
  const report = await models.prune({
    ...(await writtenSelection(call)),
    ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
    ...(maxSize === undefined ? {} : { maxBytes: maxSize }),
    isUnneeded: unneeded,
    isForeign: foreign,
    isSure: yes,
    signal: call.signal,
  });
  if (call.flags.json === true) printJson(call, report);
  else printLines(call, reportLines(report, call.out));
  return EXIT_DONE;
}

function reportLines(report: PruneReport, { style, width }: Paper): readonly string[] {
  const { files, unfinished, removedBytes, keptBytes, isDone, root } = report;
  const table = formatTable(
    [{ title: "" }, { title: "file", minWidth: 12 }, { title: "size", align: "right" }, { title: "why", minWidth: 12 }],
    [
      ...files.map(({ path, action, size, why }) => [action, printable(path), formatBytes(size), printable(why)]),
      ...unfinished.map(({ path, bytes }) => ["remove", printable(path), formatBytes(bytes), "an unfinished download"]),
    ],
    {
      width,
      title: style.dim,
      paint: (text, row, column) =>
        column === 0 && (files[row]?.action ?? "remove") === "remove" ? style.warn(text) : text,
    },
  );
  const gone = files.filter(({ action }) => action === "remove").length + unfinished.length;
  const what = `${countOf(gone, "file")}, ${formatBytes(removedBytes)}`;
  const rest = `${formatBytes(keptBytes)} ${isDone ? "stay" : "would stay"} in ${printable(root)}`;
  if (isDone) return [...table, `${style.good(style.signs.done)} ${style.bold(`${what} removed`)}, ${rest}`];
  const hint = gone === 0 ? "nothing to do" : "nothing was removed: add --yes";
  return [...table, `${style.bold(`${what} would go`)}, ${rest}`, hint];
}
