/** `models coverage`: which endpoints of a service are ready on this box, and what the others lack. */
import { formatBytes } from "../../base/bytes.ts";
import { ModelsError } from "../../base/errors.ts";
import type { Bytes, CoverageReport, EndpointCoverage } from "../../operations/coverage.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable } from "../../report/text.ts";
import { type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE, EXIT_FINDINGS } from "../exit-codes.ts";
import { findingLines } from "../findings.ts";
import { withModels } from "../open-models.ts";

export const coverageCommand: CommandSpec = {
  arguments: [],
  options: [
    { flags: "--endpoints <file>", says: "YAML that lists the endpoints and what each needs", completes: "file" },
    { flags: "--markdown", says: "a Markdown table, for a page or a pull request" },
  ],
  examples: [
    { line: "models coverage --endpoints endpoints.yaml", says: "which endpoints are ready, and what the others lack" },
    { line: "models coverage --endpoints endpoints.yaml --markdown > COVERAGE.md", says: "the same as a page" },
    {
      line: "models coverage --endpoints endpoints.yaml --json | jq -r '.endpoints[] | select(.isReady | not) | .name'",
      says: "for a script",
    },
  ],
  exits: [EXIT_FINDINGS],
  notes: [
    "The file is a list: endpoints: [{ name, group, kit, workflow, models, variant, set }], paths relative to the file.",
    "Own is what an endpoint needs and no other does. Sizes that no source gives count as nothing and are marked with >.",
  ],
  run: (call) =>
    withModels(call, async (models) => {
      const { endpoints, markdown, json } = call.flags;
      if (endpoints === undefined) throw noFile();
      const report = await models.coverage(endpoints);
      if (json === true) printJson(call, report);
      else printLines(call, markdown === true ? markdownLines(report) : tableLines(report, call.out));
      return report.ok ? EXIT_DONE : EXIT_FINDINGS;
    }),
};

function noFile(): ModelsError {
  return new ModelsError("USAGE", "Cannot cover a service: no file of endpoints is named", {
    fix: "models coverage --endpoints endpoints.yaml",
  });
}

const TITLES = ["group", "endpoint", "state", "files", "size", "own", "lacking"] as const;

function rowOf(endpoint: EndpointCoverage): readonly string[] {
  const { group, name, files, bytes, ownBytes, lackingBytes } = endpoint;
  const figures = [bytes, ownBytes, lackingBytes].map((count) => figure(count, endpoint));
  return [printable(group), printable(name), stateOf(endpoint), String(files), ...figures];
}

function stateOf({ isReady, lacks, problem }: EndpointCoverage): string {
  if (problem !== undefined) return "cannot be said";
  return isReady ? "ready" : `lacks ${lacks.length}`;
}

function figure(count: number, { unknownSizes }: Pick<Bytes, "unknownSizes">): string {
  return `${unknownSizes > 0 ? "> " : ""}${formatBytes(count)}`;
}

const STATE = 2;

function tableLines(report: CoverageReport, paper: Paper): readonly string[] {
  const { style, width } = paper;
  const columns = TITLES.map((title, index) => ({
    title,
    align: index > STATE ? ("right" as const) : ("left" as const),
  }));
  const paint = (text: string, row: number, column: number): string => {
    if (column !== STATE) return text;
    return report.endpoints[row]?.isReady === true ? style.good(text) : style.bad(text);
  };
  const rows = report.endpoints.map(rowOf);
  const table = formatTable(columns, rows, { width, title: style.dim, paint });
  const groups = report.groups.filter(({ name }) => name !== "").map((group) => groupLine(group, paper));
  const lacking = report.endpoints.filter(({ isReady }) => !isReady).flatMap((one) => lackLines(one, paper));
  const sections = [table, groups, lacking, [verdict(report, paper)]].filter((lines) => lines.length > 0);
  return sections.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function groupLine(group: CoverageReport["groups"][number], { style }: Paper): string {
  const { name, ready, endpoints } = group;
  const sign = ready === endpoints ? style.good(style.signs.done) : style.bad(style.signs.failed);
  const needs = `${figure(group.bytes, group)}, ${formatBytes(group.ownBytes)} of it for this group alone`;
  return `${sign} ${style.bold(printable(name))}: ${ready} of ${countOf(endpoints, "endpoint")} ready, ${needs}`;
}

function lackLines({ name, lacks, problem }: EndpointCoverage, paper: Paper): readonly string[] {
  const title = paper.style.bold(`${printable(name)} lacks`);
  if (problem === undefined) return [title, ...findingLines(lacks, paper).map((line) => `  ${line}`)];
  return [
    paper.style.bold(`${printable(name)} cannot be said`),
    `  ${printable(problem.message.split("\n")[0] ?? "")}`,
  ];
}

function verdict(report: CoverageReport, { style }: Paper): string {
  const { ok, ready, endpoints, root } = report;
  const sign = ok ? style.good(style.signs.done) : style.bad(style.signs.failed);
  const count = style.bold(`${ready} of ${countOf(endpoints.length, "endpoint")} ready`);
  const lacking = ok ? "" : `, ${figure(report.lackingBytes, report)} lacking`;
  return `${sign} ${count}: ${countOf(report.files, "file")}, ${figure(report.bytes, report)}${lacking}, in ${printable(root)}`;
}

/** A page of its own: the table, then what is lacking. */
function markdownLines(report: CoverageReport): readonly string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const rule = TITLES.map((_, index) => (index > STATE ? "---:" : "---"));
  const lacking = report.endpoints.filter(({ isReady }) => !isReady);
  return [
    `${report.ready} of ${countOf(report.endpoints.length, "endpoint")} ready; ${countOf(report.files, "file")}, ${figure(report.bytes, report)}.`,
    "",
    row(TITLES),
    row(rule),
    ...report.endpoints.map((endpoint) => row(rowOf(endpoint))),
    ...(lacking.length === 0 ? [] : ["", "## Lacking", ""]),
    ...lacking.flatMap(markdownLacks),
  ];
}

function markdownLacks({ name, lacks, problem }: EndpointCoverage): readonly string[] {
  if (problem !== undefined)
    return [`- **${cell(name)}** cannot be said: ${cell(problem.message.split("\n")[0] ?? "")}`];
  return [
    `- **${cell(name)}**`,
    ...lacks.map(
      ({ path, status, fix }) =>
        `  - \`${path.replaceAll("`", "'")}\` is ${status}${fix === undefined ? "" : `: ${cell(fix)}`}`,
    ),
  ];
}

function cell(text: string): string {
  return printable(text).replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
