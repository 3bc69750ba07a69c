/** `models ls`: the files of the models folder, with what is known of them. */
import { shortSha256 } from "../../base/artifact.ts";
import { formatBytes, formatDuration } from "../../base/bytes.ts";
import type { ListedFile, Listing } from "../../operations/ls.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_INTEGRITY } from "../exit-codes.ts";
import { withModels } from "../open-models.ts";

export const lsCommand: CommandSpec = {
  arguments: [],
  options: [],
  examples: [
    { line: "models ls", says: "what lies in the models folder" },
    { line: "models ls --root /comfyui/models", says: "what lies in another one" },
    {
      line: "models ls --json | jq '.files[] | select(.sha256 == null) | .path'",
      says: "which files were never verified",
    },
  ],
  exits: [EXIT_INTEGRITY],
  run: (call) =>
    withModels(call, async (models) => {
      const listing = await models.ls({ signal: call.signal });
      if (call.flags.json === true) printJson(call, listing);
      else printLines(call, listingLines(listing, call));
      return EXIT_DONE;
    }),
};

function listingLines({ files, size, root }: Listing, { out, clock }: Call): readonly string[] {
  const { style, width } = out;
  const table = formatTable(
    [
      { title: "file", minWidth: Math.max(12, Math.floor((width ?? 0) * 0.4)) },
      { title: "size", align: "right" },
      { title: "sha256" },
      { title: "verified" },
      { title: "from", minWidth: 8 },
    ],
    files.map((file) => [
      printable(file.path),
      formatBytes(file.size),
      file.sha256 === null ? "" : shortSha256(file.sha256),
      verifiedText(file, clock.now()),
      fromText(file),
    ]),
    {
      width,
      title: style.dim,
      paint: (text, row, column) => (column === 3 && files[row]?.verifiedAt === null ? style.warn(text) : text),
    },
  );
  return [...table, `${style.bold(`${countOf(files.length, "file")}, ${formatBytes(size)}`)} in ${printable(root)}`];
}

function verifiedText({ verifiedAt, aliasOf }: ListedFile, now: number): string {
  if (verifiedAt === null) return aliasOf === null ? "never" : "";
  const ms = Math.max(0, now - verifiedAt);
  const days = Math.floor(ms / 86_400_000);
  return days > 0 ? `${countOf(days, "day")} ago` : `${formatDuration(ms)} ago`;
}

function fromText({ aliasOf, mirrors, isOurs }: ListedFile): string {
  if (aliasOf !== null) return `link to ${printable(aliasOf)}`;
  return mirrors.length > 0 || isOurs ? mirrors.map(printable).join(", ") : "not ours";
}
