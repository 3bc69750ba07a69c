/** `models add`: writes a manifest entry for a source. */
import { shortSha256 } from "../../base/artifact.ts";
import { formatBytes } from "../../base/bytes.ts";
import type { AddReport } from "../../operations/add.ts";
import type { Paper } from "../../report/notices.ts";
import { printable } from "../../report/text.ts";
import { type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_INTEGRITY } from "../exit-codes.ts";
import { withModels } from "../open-models.ts";
import { createReporter } from "../reporter.ts";

export const addCommand: CommandSpec = {
  arguments: [
    { syntax: "<uri>", says: "hf://org/repo@revision/path, civitai://version, r2://, s3://, https:// or file:///" },
  ],
  options: [
    { flags: "--name <name>", says: "what it is to be called (else from its own name)" },
    { flags: "--path <path>", says: "where it belongs in a tree (else told by its header)" },
    {
      flags: "--to <file>",
      says: "manifest to write to (else the one that has it, or the last configured)",
      completes: "file",
    },
    { flags: "-n, --dry-run", says: "show the entry, write nothing" },
    { flags: "--trust-first-use", says: "read a file of which nobody declares the digest, and write down what came" },
  ],
  examples: [
    {
      line: "models add hf://Comfy-Org/flux1-schnell@main/flux1-schnell-fp8.safetensors",
      says: "pinned to the commit of today",
    },
    { line: "models add civitai://128713 --to my-manifests/loras.yaml", says: "a version on Civitai" },
    { line: "models add https://models.example.net/x.safetensors --trust-first-use", says: "what no site vouches for" },
  ],
  exits: [EXIT_INTEGRITY],
  notes: [
    "Size and digest come from the site itself; the folder from the tensors' names in the header. Nothing is downloaded unless nobody declares the digest.",
    "A model of the same digest that is in the catalogue gets the source added.",
  ],
  run: (call) =>
    withModels(call, async (models) => {
      const { flags, args, signal } = call;
      const { name, path, to, dryRun: isDryRun = false } = flags;
      const reporter = await createReporter({
        ...call,
        flags: { ...flags, json: false, quiet: flags.json === true || flags.quiet === true },
      });
      const { onEvent } = reporter;
      const report = await models
        .add(args[0] ?? "", { name, path, to, isDryRun, signal, onEvent })
        .finally(() => reporter.close(null));
      if (flags.json === true) printJson(call, report);
      else printLines(call, addedLines(report, isDryRun, call.out));
      return EXIT_DONE;
    }),
};

function addedLines(report: AddReport, isDryRun: boolean, { style }: Paper): readonly string[] {
  const { name, path, size, sha256, source, license, gated, manifest, isNew, isTrustedOnFirstUse } = report;
  const done = isDryRun ? "would be" : "is";
  const what = isNew ? `${done} in` : `${isDryRun ? "would have" : "has"} one more source in`;
  const facts = [license, gated ? "gated" : null, isTrustedOnFirstUse ? "digest of what came" : null];
  const more = facts.filter((one) => one !== null).join(", ");
  return [
    `${style.good(style.signs.done)} ${style.bold(printable(name))} ${what} ${printable(manifest)}`,
    `  ${printable(path)}  ${formatBytes(size)}  sha256 ${shortSha256(sha256)}${more === "" ? "" : `  ${printable(more)}`}`,
    `  ${printable(source)}`,
  ];
}
