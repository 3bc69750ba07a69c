/** `models kits`: which kits there are, and what is in one. */
import { formatBytes } from "../../base/bytes.ts";
import { didYouMean } from "../../base/did-you-mean.ts";
import { ModelsError } from "../../base/errors.ts";
import type { Catalog } from "../../catalog/model.ts";
import type { KitEntry } from "../../operations/kits.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable, wrapText } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE } from "../exit-codes.ts";
import { withModels } from "../open-models.ts";

export const kitsCommand: CommandSpec = {
  arguments: [
    { syntax: "[show]", says: "with a name: what is in that kit", completes: ["show"] },
    { syntax: "[name]", says: "name of a kit", completes: "kit" },
  ],
  options: [],
  examples: [
    { line: "models kits", says: "which kits there are, and how large they are" },
    { line: "models kits show flux", says: "what is in one" },
    { line: "models kits --json | jq -r '.[].name'", says: "for a script" },
  ],
  exits: [],
  run: (call) =>
    withModels(call, async (models) => {
      const name = shownKit(call.args);
      const kits = await models.kits(name === null ? {} : { kits: [name] });
      const [first] = kits;
      if (call.flags.json === true) printJson(call, name === null ? kits : first);
      else if (name !== null && first !== undefined)
        printLines(call, kitLines(first, await models.catalog(), call.out));
      else printLines(call, listLines(kits, call.out));
      return EXIT_DONE;
    }),
};

function shownKit([verb, name]: Call["args"]): string | null {
  if (verb === undefined) return null;
  if (verb === "show" && name !== undefined) return name;
  throw new ModelsError("USAGE", `Cannot read "models kits ${verb}": expected nothing more, or show and a kit's name`, {
    fix: didYouMean(verb, ["show"]) ?? `models kits show ${verb === "show" ? "NAME" : verb}`,
  });
}

function listLines(kits: readonly KitEntry[], { width, style }: Paper): readonly string[] {
  return formatTable(
    [
      { title: "kit" },
      { title: "models", align: "right" },
      { title: "size", align: "right" },
      { title: "what", minWidth: 10 },
    ],
    kits.map((kit) => [printable(kit.name), String(kit.models.length), sizeText(kit), whatText(kit)]),
    { width, title: style.dim, paint: (text, _row, column) => (column === 0 ? style.bold(text) : text) },
  );
}

function sizeText({ size, unknownSizes }: KitEntry): string {
  if (unknownSizes === 0) return formatBytes(size);
  return size === 0 ? "unknown" : `> ${formatBytes(size)}`;
}

function whatText({ description, gated, pickles }: KitEntry): string {
  const notes = [
    ...(gated > 0 ? [`${gated} gated`] : []),
    ...(pickles.length > 0 ? [`${countOf(pickles.length, "pickle")}: --allow-pickle`] : []),
  ];
  return notes.length === 0 ? printable(description) : `${printable(description)} (${notes.join(", ")})`;
}

function kitLines(kit: KitEntry, catalog: Catalog, paper: Paper): readonly string[] {
  const { style, width } = paper;
  return [
    `${style.bold(printable(kit.name))}: ${countOf(kit.models.length, "model")}, ${sizeText(kit)}`,
    ...wrapText(printable(kit.description), width ?? 100),
    ...(kit.includes.length === 0 ? [] : [`includes ${kit.includes.map(printable).join(", ")}`]),
    "",
    ...modelTable(kit, catalog, paper),
    ...(kit.gated === 0
      ? []
      : ["", `${countOf(kit.gated, "model")} gated: accept the terms on the Hub and set HF_TOKEN`]),
    ...pickleLines(kit, width ?? 100),
  ];
}

function pickleLines({ pickles }: KitEntry, width: number): readonly string[] {
  if (pickles.length === 0) return [];
  const names = `${countOf(pickles.length, "pickle")} (${pickles.map(printable).join(", ")})`;
  return ["", ...wrapText(`${names}: can run code when loaded, so sync needs --allow-pickle`, width)];
}

function modelTable({ models }: KitEntry, catalog: Catalog, { style, width }: Paper): readonly string[] {
  const rows = models.flatMap((name) => {
    const model = catalog.models.get(name);
    if (model === undefined) return [];
    const size = model.size === null ? "unknown" : formatBytes(model.size);
    return [[printable(name), size, printable(model.path), printable(model.license ?? ""), model.gated ? "gated" : ""]];
  });
  const columns = [
    { title: "model", minWidth: 12 },
    { title: "size", align: "right" as const },
    { title: "path", minWidth: Math.max(12, Math.floor((width ?? 0) * 0.45)) },
    { title: "license", minWidth: 8 },
    { title: "" },
  ];
  const paint = (text: string, _row: number, column: number): string => (column === 4 ? style.warn(text) : text);
  return formatTable(columns, rows, { width, indent: 2, title: style.dim, paint });
}
