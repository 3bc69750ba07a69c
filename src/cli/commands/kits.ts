/** `models kits`: which kits there are, and what is in one. */
import { formatBytes } from "../../base/bytes.ts";
import { didYouMean } from "../../base/did-you-mean.ts";
import { ModelsError } from "../../base/errors.ts";
import type { Catalog } from "../../catalog/model.ts";
import type { KitEntry, VariantEntry } from "../../operations/kits.ts";
import { type Proposal, proposeVariant } from "../../operations/propose-variant.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable, wrapText } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { DERIVE_OPTIONS, deriveKit } from "../derive-kit.ts";
import { EXIT_DONE, EXIT_FINDINGS, EXIT_INTEGRITY } from "../exit-codes.ts";
import { withModels } from "../open-models.ts";
import { VARIANT_OPTION } from "../options.ts";

export const kitsCommand: CommandSpec = {
  arguments: [
    { syntax: "[verb]", says: "show: what is in a kit; derive: make one of workflows", completes: ["show", "derive"] },
    { syntax: "[name...]", says: "name of the kit to show, or workflows to derive one from", completes: "kit" },
  ],
  options: [
    VARIANT_OPTION,
    {
      flags: "--vram <gigabytes>",
      says: "memory of the graphics card, such as 12: proposes a variant, told from sizes of files",
      parse: vramBytes,
    },
    ...DERIVE_OPTIONS,
  ],
  examples: [
    { line: "models kits", says: "which kits there are, and how large they are" },
    { line: "models kits show flux", says: "what is in one" },
    { line: "models kits show flux --vram 12", says: "which of its variants a card with 12 GB can hold" },
    {
      line: "models kits derive graph.json other.png --name mine --out .",
      says: "a kit of what workflows need, in ./kits and ./manifests",
    },
    { line: "models kits --json | jq -r '.[].name'", says: "for a script" },
  ],
  exits: [EXIT_FINDINGS, EXIT_INTEGRITY],
  run: (call) =>
    withModels(call, async (models) => {
      if (call.args[0] === "derive") return await deriveKit(models, call);
      const name = shownKit(call.args);
      const { variant, vram, json } = call.flags;
      const kits = await models.kits({ ...(name === null ? {} : { kits: [name] }), variant });
      const [first] = kits;
      const proposal = first === undefined || vram === undefined ? null : proposeVariant(first.variants, vram);
      if (json === true)
        printJson(call, name === null ? kits : { ...first, ...(proposal === null ? {} : { proposal }) });
      else if (name !== null && first !== undefined) {
        printLines(call, [
          ...kitLines(first, await models.catalog(), call.out),
          ...variantLines(first, proposal, call.out),
        ]);
      } else printLines(call, listLines(kits, call.out));
      return EXIT_DONE;
    }),
};

function shownKit([verb, name, ...more]: Call["args"]): string | null {
  if (verb === undefined) return null;
  if (verb === "show" && name !== undefined && more.length === 0) return name;
  const asked = [verb, name, ...more].filter((word) => word !== undefined).join(" ");
  throw new ModelsError(
    "USAGE",
    `Cannot read "models kits ${asked}": expected nothing more, or show and a kit's name`,
    {
      fix: didYouMean(verb, ["show", "derive"]) ?? `models kits show ${verb === "show" ? (name ?? "NAME") : verb}`,
    },
  );
}

/** As cards are sold: 12 is 12 GiB. */
function vramBytes(text: string): number {
  const gigabytes = Number(/^(\d+(?:\.\d+)?)\s*(?:gi?b?)?$/i.exec(text)?.[1]);
  if (gigabytes > 0) return gigabytes * 1024 ** 3;
  throw new ModelsError("USAGE", `Cannot read memory "${text}": expected gigabytes`, { fix: "write it as --vram 12" });
}

function variantLines({ variants }: KitEntry, proposal: Proposal | null, { style, width }: Paper): readonly string[] {
  if (variants.length === 0 && proposal === null) return [];
  const rows = variants.map((variant) => {
    return [printable(variant.name), sizeText(variant), largestText(variant), printable(variant.models.join(", "))];
  });
  const columns = [
    { title: "variant" },
    { title: "size", align: "right" as const },
    { title: "largest file", align: "right" as const },
    { title: "models", minWidth: 20 },
  ];
  const table = rows.length === 0 ? [] : ["", ...formatTable(columns, rows, { width, indent: 2, title: style.dim })];
  if (proposal === null) return table;
  const says = wrapText(`${proposal.variant ?? "none"}: ${proposal.says}`, width ?? 100);
  return [...table, "", ...says.map((line, index) => (index === 0 ? `${style.accent("proposed")} ${line}` : line))];
}

function largestText({ largest }: VariantEntry): string {
  return largest === null ? "unknown" : `${largest.isRough ? "about " : ""}${formatBytes(largest.size)}`;
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

function sizeText({ size, unknownSizes }: Pick<KitEntry, "size" | "unknownSizes">): string {
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
