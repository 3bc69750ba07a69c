/** `models kits derive`: makes a kit of what workflows need. */
import { ModelsError } from "../base/errors.ts";
import type { DerivedKit } from "../operations/derive-kit.ts";
import type { Paper } from "../report/notices.ts";
import { countOf, printable } from "../report/text.ts";
import { type Call, type OptionSpec, printJson, printLines } from "./command.ts";
import { EXIT_DONE, EXIT_FINDINGS, type ExitCode } from "./exit-codes.ts";
import type { Models } from "./open-models.ts";
import { workflowInput } from "./selection.ts";

/** What only deriving takes. */
export const DERIVE_OPTIONS: readonly OptionSpec[] = [
  { flags: "--name <name>", says: "with derive: name of the kit and of its files" },
  { flags: "--description <text>", says: "with derive: a line about it (else the names of the workflows)" },
  { flags: "--out <folder>", says: "with derive: gets kits/ and manifests/ (else this folder)", completes: "folder" },
  { flags: "--overwrite", says: "with derive: replace files of that name" },
  { flags: "-n, --dry-run", says: "with derive: write nothing" },
];

/** The exit code is 3 when the workflows need what no kit can hold yet. */
export async function deriveKit(models: Models, call: Call): Promise<ExitCode> {
  const [, ...files] = call.args;
  const { name, description, out = ".", overwrite = false, dryRun = false, json } = call.flags;
  if (files.length === 0 || name === undefined) throw wrongUse(files.length === 0);
  const workflows = await Promise.all(files.map((file) => workflowInput(file, call.terminal)));
  const options = { name, into: out, overwrite, isDryRun: dryRun };
  const derived = await models.deriveKit(workflows, description === undefined ? options : { ...options, description });
  if (json === true) printJson(call, derived);
  else printLines(call, derivedLines(derived, { isDryRun: dryRun, out }, call.out));
  return derived.left.length === 0 ? EXIT_DONE : EXIT_FINDINGS;
}

function wrongUse(hasNoFiles: boolean): ModelsError {
  const seen = hasNoFiles ? "no workflow is named" : "it has no name";
  return new ModelsError("USAGE", `Cannot derive a kit: ${seen}`, {
    fix: "models kits derive graph.json --name my-kit",
  });
}

function derivedLines(
  { kit, entries, left, files }: DerivedKit,
  { isDryRun, out }: { readonly isDryRun: boolean; readonly out: string },
  { style }: Paper,
): readonly string[] {
  const verb = isDryRun ? "would write" : "wrote";
  const known = kit.models.length - entries.length;
  const declared = entries.length === 0 ? "" : `, ${entries.length} that only the workflows declare`;
  const places = entries.length === 0 ? `--kits ${out}/kits` : `--kits ${out}/kits --manifests ${out}/manifests`;
  return [
    `${style.good(style.signs.done)} ${style.bold(printable(kit.name))}: ${countOf(known, "model")} of the catalogue${declared}`,
    ...files.map((file) => `  ${verb} ${printable(file)}`),
    ...left.flatMap(({ path, at, fix }) => [
      `${style.bad(style.signs.failed)} not in it: ${printable(path)} (${printable(at)})`,
      `  ${style.accent("fix:")} ${printable(fix)}`,
    ]),
    `Use it with models sync --kit ${printable(kit.name)} ${printable(places)}, or name the folders in models.config.yaml`,
  ];
}
