/** `models adopt`: takes over files that are on this box already. */
import { formatBytes } from "../../base/bytes.ts";
import type { AdoptReport } from "../../operations/adopt.ts";
import type { Paper } from "../../report/notices.ts";
import { countOf, padText, printable } from "../../report/text.ts";
import { type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_INTEGRITY } from "../exit-codes.ts";
import { withModels } from "../open-models.ts";
import { MODEL_ARGUMENT, SELECT_OPTIONS } from "../options.ts";
import { readingLine } from "../reading.ts";
import { isEmpty, writtenSelection } from "../selection.ts";

type Adopted = AdoptReport["models"][number];

export const adoptCommand: CommandSpec = {
  arguments: [MODEL_ARGUMENT],
  options: [
    ...SELECT_OPTIONS,
    {
      flags: "--from <folder>",
      says: "look in this folder, too; repeatable",
      parse: collectFolders,
      completes: "folder",
    },
  ],
  examples: [
    { line: "models adopt", says: "every file of the models folder that a manifest knows" },
    { line: "models adopt --kit flux --from /mnt/old/models", says: "link what another folder has" },
    { line: "models adopt --workflow graph.json", says: "what this workflow needs" },
  ],
  exits: [EXIT_INTEGRITY],
  notes: [
    "Files are read and compared with the digests of the manifests. Those of other folders are linked or copied; nothing is moved or deleted, and files that hold other bytes are left alone.",
  ],
  run: (call) =>
    withModels(call, async (models) => {
      const selection = await writtenSelection(call);
      const reading = readingLine(call);
      const report = await models.adopt({
        ...selection,
        signal: call.signal,
        onProgress: reading.show,
      });
      reading.close();
      if (call.flags.json === true) printJson(call, report);
      else printLines(call, adoptLines(report, isEmpty(selection), call.out));
      return EXIT_DONE;
    }),
};

function collectFolders(text: string, before: unknown): readonly string[] {
  return [...(Array.isArray(before) ? before : []), text];
}

/** Of the whole catalogue only what is on this box is worth a line; of a selection what could not be judged, too. */
function adoptLines({ models, adoptedBytes, root }: AdoptReport, isAll: boolean, paper: Paper): readonly string[] {
  const { style } = paper;
  const untold: readonly Adopted["status"][] = isAll ? ["not-found", "present", "unknown"] : ["not-found", "present"];
  const told = models.filter(({ status }) => !untold.includes(status));
  const count = (...statuses: readonly Adopted["status"][]): number =>
    models.filter(({ status }) => statuses.includes(status)).length;
  const adopted = count("adopted", "linked");
  const unknown = count("unknown");
  return [
    ...told.map((one) => adoptedLine(one, paper)),
    `${style.good(style.signs.done)} ${style.bold(`${countOf(adopted, "file")} adopted`)}, ${formatBytes(adoptedBytes)}, in ${printable(root)}: ` +
      `${count("present")} known before, ${count("not-found")} not on this box` +
      (unknown === 0 ? "" : `, ${unknown} without a digest in their manifest`),
  ];
}

function adoptedLine({ status, path, size, from }: Adopted, { style }: Paper): string {
  const isGood = status === "adopted" || status === "linked";
  const sign = isGood ? style.good(style.signs.done) : style.warn(style.signs.warning);
  const origin = from === undefined ? "" : `  from ${printable(from)}`;
  const amount = size === null ? "" : `  ${formatBytes(size)}`;
  return `${sign} ${padText(status, "other-bytes".length)}  ${printable(path)}${amount}${origin}`;
}
