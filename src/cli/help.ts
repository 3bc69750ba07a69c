/** The help texts: of the program, and of each command. Pure. */
import type { Paper } from "../report/notices.ts";
import { padText, textWidth, wrapText } from "../report/text.ts";
import type { CommandEntry, CommandSpec, Example } from "./command.ts";
import { EXIT_MEANINGS, type ExitCode } from "./exit-codes.ts";
import { GLOBAL_OPTIONS } from "./options.ts";

type Pair = readonly [left: string, right: string];

const ALWAYS: readonly ExitCode[] = [0, 1, 2, 130];
const HELP_OPTION: Pair = ["-h, --help", "show this"];
const START: readonly Example[] = [
  { line: "models kits", says: "which kits there are" },
  { line: "models sync --kit flux --dry-run", says: "what would be fetched, from where, and is there room" },
  { line: "models sync --kit flux", says: "fetch it, verify it" },
  { line: "models check --workflow graph.json", says: "prove that a workflow can run; exit code 3 when not" },
];

/** `models --help`. */
export function programHelp(commands: readonly CommandEntry[], version: string, paper: Paper): string {
  const { bold } = paper.style;
  const groups = [...new Set(commands.map(({ group }) => group))];
  const widest = Math.max(...commands.map(({ name }) => name.length));
  return joinSections([
    [`${bold("modelferry")} ${version}: model weights on this box, verified, from all mirrors at once`],
    [`${bold("Usage:")} models <command> [options]`],
    section(
      "Start in ten seconds",
      pairs(
        START.map(({ line, says }) => [line, says]),
        paper,
      ),
      paper,
    ),
    ...groups.map((group) =>
      section(
        group,
        pairs(
          commands.filter((one) => one.group === group).map(({ name, purpose }) => [name, purpose]),
          paper,
          widest,
        ),
        paper,
      ),
    ),
    section(
      "Options of every command",
      optionLines(GLOBAL_OPTIONS, paper, [["--version", "print the version"], HELP_OPTION]),
      paper,
    ),
    exitSection(Object.keys(EXIT_MEANINGS).map(Number) as ExitCode[], paper),
    [`More about one command: ${bold("models <command> --help")}`],
  ]);
}

/** `models <command> --help`. */
export function commandHelp(entry: CommandEntry, spec: CommandSpec, paper: Paper): string {
  const usage = ["models", entry.name, ...spec.arguments.map(({ syntax }) => syntax), "[options]"].join(" ");
  const examples = spec.examples.flatMap(({ line, says }) => [`  ${paper.style.dim(`# ${says}`)}`, `  ${line}`]);
  return joinSections([
    [`${paper.style.bold(`models ${entry.name}`)}: ${entry.purpose}`],
    [`${paper.style.bold("Usage:")} ${usage}`],
    section("Examples", examples, paper),
    ...(spec.arguments.length === 0
      ? []
      : [
          section(
            "Arguments",
            pairs(
              spec.arguments.map(({ syntax, says }) => [syntax, says]),
              paper,
            ),
            paper,
          ),
        ]),
    ...(spec.options.length === 0 ? [] : [section("Options", optionLines(spec.options, paper, []), paper)]),
    section("Options of every command", optionLines(GLOBAL_OPTIONS, paper, [HELP_OPTION]), paper),
    ...(spec.notes === undefined
      ? []
      : [
          section(
            "Notes",
            spec.notes.flatMap((note) => wrapped(note, paper)),
            paper,
          ),
        ]),
    exitSection(
      [...ALWAYS, ...spec.exits].sort((a, b) => a - b),
      paper,
    ),
  ]);
}

function optionLines(
  options: readonly { readonly flags: string; readonly says: string }[],
  paper: Paper,
  more: readonly Pair[],
): readonly string[] {
  const rows: readonly Pair[] = [...options.map(({ flags, says }): Pair => [flags, says]), ...more];
  // Long flags stand under each other, whether a short one precedes them or not.
  return pairs(
    rows.map(([flags, says]) => [flags.startsWith("--") ? `    ${flags}` : flags, says]),
    paper,
  );
}

function exitSection(codes: readonly ExitCode[], paper: Paper): readonly string[] {
  return section(
    "Exit codes",
    pairs(
      codes.map((code) => [String(code), EXIT_MEANINGS[code]]),
      paper,
    ),
    paper,
  );
}

function section(title: string, lines: readonly string[], { style }: Paper): readonly string[] {
  return [style.bold(`${title}:`), ...lines];
}

/** Two columns; the right one is wrapped under itself. */
function pairs(rows: readonly Pair[], { width }: Paper, minLeft = 0): readonly string[] {
  const left = Math.max(minLeft, ...rows.map(([text]) => textWidth(text)));
  const room = Math.max(20, (width ?? 100) - left - 5);
  return rows.flatMap(([start, says]) =>
    wrapText(says, room).map((line, index) => `  ${padText(index === 0 ? start : "", left)}  ${line}`.trimEnd()),
  );
}

function wrapped(note: string, { width }: Paper): readonly string[] {
  return wrapText(note, Math.max(20, (width ?? 100) - 3)).map((line) => `  ${line}`);
}

function joinSections(sections: readonly (readonly string[])[]): string {
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
