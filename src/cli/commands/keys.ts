/** `models keys`: makes signing keys, shows them, and has an old one vouch for a new one. */
import { resolve } from "node:path";
import { didYouMean } from "../../base/did-you-mean.ts";
import { ModelsError } from "../../base/errors.ts";
import type { GeneratedKey, KeyReport, RotatedKey, TrustedKeyReport } from "../../operations/keys.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { printable } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, type ExitCode } from "../exit-codes.ts";
import { FORMAT_OPTION, KEY_OPTIONS, keySourceOf } from "../key-options.ts";
import { withModels } from "../open-models.ts";

const VERBS = ["generate", "show", "rotate"] as const;

export const keysCommand: CommandSpec = {
  arguments: [
    { syntax: "[verb]", says: "generate, show or rotate", completes: VERBS },
    { syntax: "[name]", says: "of the key: generate writes <name>.key and <name>.pub", completes: "file" },
  ],
  options: [
    ...KEY_OPTIONS,
    { flags: "--no-password", says: "generate a key that whoever gets its file can use" },
    FORMAT_OPTION,
  ],
  examples: [
    { line: "MODELS_KEY_PASSWORD=… models keys generate studio-2026", says: "a key with a password" },
    { line: "models keys show studio-2026.pub", says: "the line that goes into the config of a box" },
    { line: "models keys", says: "which keys the config trusts, and until when" },
    { line: "models keys rotate studio-2027 --key studio-2026.key", says: "a new key, signed with the old one" },
  ],
  exits: [],
  notes: [
    "A secret key is readable by its owner alone (mode 600), never printed and never overwritten. Keys are minisign's: keep using minisign -G and minisign -S if you like.",
    "A box that trusts the old key takes the new one from trust.rotations in its config: a path or URL of the new .pub with its .minisig beside it.",
  ],
  run: async (call) => {
    const [verb = "show", name] = call.args;
    if (verb === "show" && name === undefined) return await listKeys(call);
    if (name === undefined || !VERBS.some((one) => one === verb)) throw unreadable(verb, name);
    const base = resolve(call.terminal.workingFolder, name);
    if (verb === "generate") return await generate(call, base);
    return verb === "rotate" ? await rotate(call, base) : await show(call, base);
  },
};

function unreadable(verb: string, name: string | undefined): ModelsError {
  const isVerb = VERBS.some((one) => one === verb);
  const seen = isVerb ? "expected the name of a key" : "expected generate, show or rotate";
  return new ModelsError("USAGE", `Cannot read "models keys ${verb}": ${seen}`, {
    fix: isVerb ? `models keys ${verb} NAME` : (didYouMean(verb, VERBS) ?? `models keys show ${name ?? verb}`),
  });
}

async function listKeys(call: Call): Promise<ExitCode> {
  const keys = await withModels(call, (models) => models.keys());
  if (call.flags.json === true) printJson(call, keys);
  else printLines(call, keys.length === 0 ? NO_KEYS : trustedLines(keys, call.out));
  return EXIT_DONE;
}

async function generate(call: Call, base: string): Promise<ExitCode> {
  const { generateKey } = await import("../../operations/keys.ts");
  const generated = await generateKey(base, optionsOf(call));
  if (call.flags.json === true) printJson(call, generated);
  else printLines(call, generatedLines(generated, call.out));
  return EXIT_DONE;
}

async function show(call: Call, file: string): Promise<ExitCode> {
  const { showKey } = await import("../../operations/keys.ts");
  const { environment, source } = optionsOf(call);
  const key = await showKey(file, source, environment);
  if (call.flags.json === true) printJson(call, key);
  else printLines(call, configLines(key));
  return EXIT_DONE;
}

async function rotate(call: Call, base: string): Promise<ExitCode> {
  const { rotateKey } = await import("../../operations/keys.ts");
  const rotated = await rotateKey(base, { ...optionsOf(call), clock: call.clock });
  if (call.flags.json === true) printJson(call, rotated);
  else printLines(call, rotatedLines(rotated, call.out));
  return EXIT_DONE;
}

function optionsOf({ flags, terminal }: Call): Parameters<typeof import("../../operations/keys.ts").generateKey>[1] {
  const named = keySourceOf(flags);
  const source = named.file === undefined ? named : { ...named, file: resolve(terminal.workingFolder, named.file) };
  return {
    environment: terminal.environment,
    source,
    isOpen: flags.password === false,
    format: flags.format ?? "minisign",
  };
}

const NO_KEYS = ["the config trusts no keys: no signature is asked for (name keys under trust:, see docs/trust.md)"];

function trustedLines(keys: readonly TrustedKeyReport[], { width, style }: Paper): readonly string[] {
  const rows = keys.map((key) => [
    printable(key.name),
    key.id,
    limitsText(key),
    key.problem ?? (key.notAfter === null ? "good" : `good until ${key.notAfter}`),
    key.vouchedBy === null ? "the config" : printable(key.vouchedBy),
  ]);
  const columns = [
    { title: "key", minWidth: 8 },
    { title: "id" },
    { title: "may sign", minWidth: 8 },
    { title: "state", minWidth: 8 },
    { title: "vouched for by" },
  ];
  const paint = (text: string, row: number, column: number): string =>
    column === 3 && keys[row]?.problem !== null ? style.bad(text) : text;
  return formatTable(columns, rows, { width, title: style.dim, paint });
}

function limitsText({ kits, paths }: TrustedKeyReport): string {
  const limits = [
    ...(kits === null ? [] : [`kits ${kits.map(printable).join(", ")}`]),
    ...(paths === null ? [] : [`in ${paths.map(printable).join(", ")}`]),
  ];
  return limits.length === 0 ? "everything" : limits.join("; ");
}

function generatedLines(
  { secretFile, publicFile, key, hasPassword }: GeneratedKey,
  { style }: Paper,
): readonly string[] {
  const guard = hasPassword ? "with a password" : "without a password";
  return [
    `${style.good(style.signs.done)} secret key, ${guard}: ${printable(secretFile)}`,
    `${style.good(style.signs.done)} public key: ${printable(publicFile)}`,
    ...(key === null ? [] : configLines(key)),
  ];
}

function rotatedLines({ signed, generated, key, signedBy }: RotatedKey, paper: Paper): readonly string[] {
  const { style } = paper;
  return [
    ...(generated === null ? [] : generatedLines(generated, paper).slice(0, 2)),
    `${style.good(style.signs.done)} key ${key.id} signed by key ${signedBy}: ${printable(signed.signature)}`,
    ...configLines(key),
    `or, on boxes that trust the old key:  rotations: [${printable(signed.file)}]`,
  ];
}

/** Made to be copied into a config. */
function configLines({ name, publicKey }: KeyReport): readonly string[] {
  return ["", "trust:", "  keys:", `    - { name: ${printable(name)}, key: ${publicKey} }`, ""];
}
