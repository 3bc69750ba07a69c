/** What a shell offers at the cursor: commands, flags, and the names that a flag or an argument takes. */
import type { CommandEntry, CommandSpec, Completes, OptionSpec } from "./command.ts";
import { GLOBAL_OPTIONS } from "./options.ts";

export interface Candidate {
  readonly value: string;
  readonly says: string;
}

/** Candidates, and whether the shell should offer files or folders besides. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly also: "nothing" | "file" | "folder";
}

/** Where names come from. */
export interface Names {
  readonly kits: () => Promise<readonly Candidate[]>;
  readonly models: () => Promise<readonly Candidate[]>;
}

const HELP: OptionSpec = { flags: "-h, --help", says: "show the help" };
const VERSION: OptionSpec = { flags: "--version", says: "print the version" };
const NOTHING: Completion = { candidates: [], also: "nothing" };

/** Completes the last of `words` (which may be empty), the command line after the program's name. */
export async function completeWords(
  words: readonly string[],
  commands: readonly CommandEntry[],
  names: Names,
): Promise<Completion> {
  const current = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { entry } = readWords(before, commands, GLOBAL_OPTIONS);
  const spec = entry === null ? null : await entry.load();
  const options = [...(spec?.options ?? [VERSION]), ...GLOBAL_OPTIONS, HELP];
  const { operands, pending } = readWords(before, commands, options);
  if (pending !== null) return completeValue(pending.completes, current, names);
  const assigned = /^(--[\w-]+)=(.*)$/s.exec(current);
  if (assigned !== null) return completeAssigned(assigned[1] ?? "", assigned[2] ?? "", options, names);
  if (current.startsWith("-")) return starting(current, options.flatMap(optionCandidates));
  if (spec !== null) return completeArgument(spec, operands, current, names);
  return starting(
    current,
    commands.map(({ name, purpose }) => ({ value: name, says: purpose })),
  );
}

interface Read {
  readonly entry: CommandEntry | null;
  readonly operands: readonly string[];
  /** The flag at the end that still waits for its value. */
  readonly pending: OptionSpec | null;
}

function readWords(words: readonly string[], commands: readonly CommandEntry[], options: readonly OptionSpec[]): Read {
  let entry: CommandEntry | null = null;
  let pending: OptionSpec | null = null;
  const operands: string[] = [];
  for (const word of words) {
    if (pending !== null) pending = null;
    else if (word.startsWith("-")) pending = valuedOption(word, options);
    else if (entry === null) entry = commands.find(({ name }) => name === word) ?? null;
    else operands.push(word);
  }
  return { entry, operands, pending };
}

function valuedOption(word: string, options: readonly OptionSpec[]): OptionSpec | null {
  return options.find((option) => option.flags.includes("<") && spellings(option).includes(word)) ?? null;
}

/** `-k, --kit <name>` is spelt `-k` and `--kit`. */
function spellings({ flags }: OptionSpec): readonly string[] {
  return flags.split(/[ ,]+/).filter((part) => part.startsWith("-"));
}

function optionCandidates(option: OptionSpec): readonly Candidate[] {
  const long = spellings(option).filter((spelling) => spelling.startsWith("--"));
  return long.map((value) => ({ value, says: option.says }));
}

function starting(current: string, candidates: readonly Candidate[]): Completion {
  return { candidates: candidates.filter(({ value }) => value.startsWith(current)), also: "nothing" };
}

async function completeAssigned(
  flag: string,
  value: string,
  options: readonly OptionSpec[],
  names: Names,
): Promise<Completion> {
  const option = valuedOption(flag, options);
  if (option === null) return NOTHING;
  const { candidates, also } = await completeValue(option.completes, value, names);
  return { candidates: candidates.map((one) => ({ ...one, value: `${flag}=${one.value}` })), also };
}

function completeArgument(
  spec: CommandSpec,
  operands: readonly string[],
  current: string,
  names: Names,
): Promise<Completion> | Completion {
  const last = spec.arguments.at(-1);
  const argument = spec.arguments[operands.length] ?? (last?.syntax.includes("...") === true ? last : undefined);
  return argument === undefined ? NOTHING : completeValue(argument.completes, current, names);
}

async function completeValue(completes: Completes | undefined, current: string, names: Names): Promise<Completion> {
  if (completes === undefined) return NOTHING;
  if (completes === "file" || completes === "folder") return { candidates: [], also: completes };
  if (completes === "model") return starting(current, await names.models());
  if (completes !== "kit")
    return starting(
      current,
      completes.map((value) => ({ value, says: "" })),
    );
  // `flux,sd`: what stands before the last comma is settled.
  const settled = current.slice(0, current.lastIndexOf(",") + 1);
  const taken = settled.split(",");
  const kits = (await names.kits()).filter(({ value }) => !taken.includes(value));
  return starting(
    current,
    kits.map((kit) => ({ ...kit, value: settled + kit.value })),
  );
}
