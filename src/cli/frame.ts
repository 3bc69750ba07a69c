/** Turns the list of commands into a parser: each command is loaded only when it is the one that was asked for. */
import { Command, CommanderError, Option } from "commander";
import { didYouMean } from "../base/did-you-mean.ts";
import { isModelsError, ModelsError } from "../base/errors.ts";
import type { Paper } from "../report/notices.ts";
import type { CommandEntry, CommandSpec, Flags, OptionSpec } from "./command.ts";
import { EXIT_USAGE, type ExitCode } from "./exit-codes.ts";
import { commandHelp, programHelp } from "./help.ts";
import { GLOBAL_OPTIONS } from "./options.ts";
import type { Output } from "./process.ts";

export interface FrameParts {
  readonly commands: readonly CommandEntry[];
  readonly hidden: readonly CommandEntry[];
  readonly version: string;
  readonly out: Paper;
  readonly err: Paper;
  readonly stdout: Pick<Output, "write">;
  readonly stderr: Pick<Output, "write">;
  /** Does the command that was asked for. */
  readonly run: (entry: CommandEntry, spec: CommandSpec, args: readonly string[], flags: Flags) => Promise<ExitCode>;
}

/**
 * Parses `args` and runs the command that they name; help and version are printed on standard output.
 * @throws ModelsError `USAGE` for anything that cannot be understood
 */
export async function runFrame(args: readonly string[], parts: FrameParts): Promise<ExitCode> {
  let exit: ExitCode = 0;
  const program = createProgram(parts, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync(withoutHelpCommand(args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.help") return tellHowToStart(parts);
    if (error.exitCode !== 0) throw usageError(error, args, parts);
  }
  return exit;
}

/** `models help sync` is `models sync --help`. */
function withoutHelpCommand(args: readonly string[]): readonly string[] {
  return args[0] === "help" ? [...args.slice(1), "--help"] : args;
}

/** No command at all is a mistake in a script, so the help is an error message: on standard error, with exit code 2. */
function tellHowToStart({ commands, version, err, stderr }: FrameParts): ExitCode {
  stderr.write(programHelp(commands, version, err));
  return EXIT_USAGE;
}

function createProgram(parts: FrameParts, onExit: (code: ExitCode) => void): Command {
  const specs = new Map<Command, CommandSpec>();
  const program = quiet(new Command("models"), parts)
    .version(parts.version, "--version")
    .helpCommand(false)
    .configureHelp({ formatHelp: () => programHelp(parts.commands, parts.version, parts.out) });
  for (const option of GLOBAL_OPTIONS) program.addOption(toOption(option));
  for (const entry of [...parts.commands, ...parts.hidden]) {
    addCommand(program, entry, parts, specs, onExit);
  }
  program.hook("preSubcommand", async (_program, command) => {
    const entry = [...parts.commands, ...parts.hidden].find(({ name }) => name === command.name());
    if (entry === undefined) return;
    const spec = await entry.load();
    specs.set(command, spec);
    describe(command, entry, spec, parts.out);
  });
  return program;
}

function addCommand(
  program: Command,
  entry: CommandEntry,
  parts: FrameParts,
  specs: ReadonlyMap<Command, CommandSpec>,
  onExit: (code: ExitCode) => void,
): void {
  const command = quiet(program.command(entry.name), parts);
  command.action(async () => {
    const spec = specs.get(command);
    if (spec !== undefined) onExit(await parts.run(entry, spec, command.args, command.optsWithGlobals<Flags>()));
  });
}

/** Adds to a command, whose name alone was known, everything that its module says. */
function describe(command: Command, entry: CommandEntry, spec: CommandSpec, out: Paper): void {
  for (const { syntax, says } of spec.arguments) command.argument(syntax, says);
  for (const option of spec.options) command.addOption(toOption(option));
  command.configureHelp({ formatHelp: () => commandHelp(entry, spec, out) });
  if (entry.name.startsWith("__")) command.allowUnknownOption().helpOption(false);
}

/** Nothing is printed behind our back, nobody exits but us. */
function quiet(command: Command, { stdout }: FrameParts): Command {
  return command.exitOverride().configureOutput({ writeOut: stdout.write, writeErr: () => {} });
}

function toOption({ flags, says, parse }: OptionSpec): Option {
  const option = new Option(flags, says);
  return parse === undefined ? option : option.argParser(parse);
}

/** What commander says, as an error of ours; its own guesses are replaced by ours, which know what a command accepts. */
function usageError(error: CommanderError, args: readonly string[], parts: FrameParts): ModelsError {
  if (isModelsError(error.cause)) return error.cause;
  const [message = "", guess] = error.message.replace(/^error: /, "").split("\n");
  const wrong = /'([^']*)'/.exec(message)?.[1] ?? "";
  const command = args.find((arg) => parts.commands.some(({ name }) => name === arg));
  const see =
    command === undefined ? '"models --help" lists the commands' : `"models ${command} --help" lists the options`;
  const meant =
    error.code === "commander.unknownCommand"
      ? didYouMean(
          wrong,
          parts.commands.map(({ name }) => name),
        )
      : guess?.replace(/^\(Did you mean (?:one of )?(.*)\?\)$/, (_, names: string) => `did you mean ${quoted(names)}?`);
  return new ModelsError("USAGE", `Cannot read the command line: ${message}`, {
    fix: meant === undefined ? see : `${meant} ${see}`,
  });
}

/** `--kit, --kits` as `"--kit" or "--kits"`. */
function quoted(names: string): string {
  return names
    .split(", ")
    .map((name) => `"${name}"`)
    .join(" or ");
}
