/** `models sign`: signs what boxes are to believe. */
import { ModelsError } from "../../base/errors.ts";
import type { SignReport } from "../../operations/sign.ts";
import type { SignModelReport } from "../../operations/sign-model.ts";
import type { Paper } from "../../report/notices.ts";
import { countOf, printable } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, type ExitCode } from "../exit-codes.ts";
import { FORMAT_OPTION, KEY_OPTIONS, keySourceOf, oneOf } from "../key-options.ts";
import { type Models, withModels } from "../open-models.ts";

const KINDS = ["manifest", "kit", "lockfile", "pieces", "key"] as const;

export const signCommand: CommandSpec = {
  arguments: [
    {
      syntax: "[file...]",
      says: "manifests, kits, lockfiles, piece tables; or one model's file or folder",
      completes: "file",
    },
  ],
  options: [
    ...KEY_OPTIONS,
    {
      flags: "--serial <number>",
      says: "version to sign as (else one more than the last, and at least the time in seconds)",
      parse: wholeNumber,
    },
    {
      flags: "--as <kind>",
      says: `what the files are (else told by name and content): ${KINDS.join(", ")}`,
      completes: KINDS,
      parse: (text) => oneOf("kind", text, KINDS),
    },
    FORMAT_OPTION,
    { flags: "--out <file>", says: "where the bundle of model-signing goes (else <path>.sig)", completes: "file" },
  ],
  examples: [
    {
      line: "models sign manifests/team.yaml kits/*.yaml --key studio-2026.key",
      says: "writes <file>.minisig beside each",
    },
    { line: "models sign models.lock.yaml --key-env SIGNING_KEY", says: "with a key from CI's secrets" },
    {
      line: "models sign --format model-signing --key release.key checkpoints/mine",
      says: "a bundle that OpenSSF's model_signing verifies",
    },
  ],
  exits: [],
  notes: [
    "The signatures are minisign's: `minisign -Vm FILE -P KEY` verifies them. Their trusted comment binds the file's name, a version that grows, and its sha256, so that neither an older one nor another kit's can be put in its place.",
    "Boxes ask for signatures when their config has trust:, see docs/trust.md.",
  ],
  run: (call) =>
    withModels(call, (models) => (call.flags.format === "model-signing" ? bundle(call, models) : sign(call, models))),
};

async function sign(call: Call, models: Models): Promise<ExitCode> {
  const { args, flags } = call;
  if (args.length === 0) throw nothingNamed("a manifest, a kit, a lockfile or a piece table");
  const report = await models.sign(args, {
    key: keySourceOf(flags),
    ...(flags.serial !== undefined && { version: flags.serial }),
    ...(flags.as !== undefined && { kind: flags.as }),
  });
  if (flags.json === true) printJson(call, report);
  else printLines(call, signedLines(report, call.out));
  return EXIT_DONE;
}

async function bundle(call: Call, models: Models): Promise<ExitCode> {
  const { args, flags, signal } = call;
  const [path, ...rest] = args;
  if (path === undefined || rest.length > 0) throw nothingNamed("one file or folder of a model");
  const options = { key: keySourceOf(flags), signal, ...(flags.out !== undefined && { out: flags.out }) };
  const report = await models.signModel(path, options);
  if (flags.json === true) printJson(call, report);
  else printLines(call, bundleLines(report, call.out));
  return EXIT_DONE;
}

function signedLines({ files, key, publicKey }: SignReport, { style }: Paper): readonly string[] {
  const lines = files.map(({ signature, kind, name, version }) => {
    const what = kind === "pieces" ? "piece table" : kind;
    return `${style.good(style.signs.done)} ${what} ${style.bold(printable(name))} version ${version}: ${printable(signature)}`;
  });
  return [...lines, `signed by key ${key}; boxes trust it as  ${publicKey}`];
}

function bundleLines({ model, files, signature, key }: SignModelReport, { style }: Paper): readonly string[] {
  const what = `${style.bold(printable(model))} (${countOf(files.length, "file")})`;
  return [
    `${style.good(style.signs.done)} ${what}: ${printable(signature)}`,
    `signed by the key whose PEM has sha256 ${key}`,
  ];
}

function nothingNamed(expected: string): ModelsError {
  return new ModelsError("USAGE", `Cannot sign: expected ${expected}`, {
    fix: "name it, such as models sign kits/flux.yaml --key studio.key",
  });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^[0-9]{1,15}$/.test(text)) return number;
  throw new ModelsError("USAGE", `Cannot use serial "${text}": expected a whole number`, {
    fix: "leave --serial out to have one chosen",
  });
}
