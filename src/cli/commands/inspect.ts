/** `models inspect`: what one workflow needs, node by node. */
import { ModelsError } from "../../base/errors.ts";
import type { InspectedReference, InspectReport } from "../../operations/inspect.ts";
import type { Paper } from "../../report/notices.ts";
import { formatTable } from "../../report/table.ts";
import { countOf, printable } from "../../report/text.ts";
import { type Call, type CommandSpec, printJson, printLines } from "../command.ts";
import { EXIT_DONE } from "../exit-codes.ts";
import { findingLines } from "../findings.ts";
import { type Models, withModels } from "../open-models.ts";
import { WORKFLOW_OPTIONS } from "../options.ts";
import { workflowInput } from "../selection.ts";

export const inspectCommand: CommandSpec = {
  arguments: [
    {
      syntax: "<file...>",
      says: "workflows: JSON, or a picture or film that ComfyUI saved; a file, an address, or - for stdin",
      completes: "file",
    },
  ],
  options: [
    { flags: "--all, --include-muted", says: "also what only muted or bypassed nodes ask for" },
    ...WORKFLOW_OPTIONS,
  ],
  examples: [
    { line: "models inspect graph.json", says: "which node asks for which file, and is it here" },
    { line: "models inspect ComfyUI_00001_.png", says: "the same of the workflow inside a picture" },
    {
      line: "models inspect graph.json --comfyui http://127.0.0.1:8188",
      says: "exact for custom nodes too, and what that server would refuse",
    },
    {
      line: "models inspect graph.json --json | jq -r '.references[] | select(.status == \"unknown\") | .raw'",
      says: "for a script",
    },
  ],
  exits: [],
  notes: ["The exit code is 0 whatever the workflow lacks: models check --workflow is for that."],
  run: (call) =>
    withModels(call, async (models) => {
      const reports = await inspectAll(models, call);
      if (call.flags.json === true) printJson(call, reports.length === 1 ? reports[0] : reports);
      else {
        for (const [index, report] of reports.entries()) {
          if (index > 0) printLines(call, [""]);
          printReport(report, call);
        }
      }
      return EXIT_DONE;
    }),
};

async function inspectAll(models: Models, call: Call): Promise<readonly InspectReport[]> {
  const { includeMuted: includeInactive = false, set = [] } = call.flags;
  if (set.length > 0 && call.args.length > 1) throw setInSeveral(call.args.length);
  const reports: InspectReport[] = [];
  for (const file of call.args) {
    reports.push(await models.inspect(await workflowInput(file, call.terminal), { includeInactive, set }));
  }
  return reports;
}

function setInSeveral(count: number): ModelsError {
  return new ModelsError("USAGE", `Cannot set a value in a workflow: ${count} workflows are named, expected one`, {
    fix: "inspect that one alone",
  });
}

function printReport(report: InspectReport, call: Call): void {
  const { err, out, terminal } = call;
  const warnings = report.warnings.map((text) => `${err.style.warn(err.style.signs.warning)} ${printable(text)}\n`);
  terminal.stderr.write(warnings.join(""));
  const fixes = findingLines(
    report.references.filter(({ isActive }) => isActive),
    out,
  );
  const parts = [
    referenceTable(report.references, out),
    fixes,
    serverLines(report, out),
    outsideLines(report, out),
    [verdict(report, out)],
  ];
  const shown = parts.filter((lines) => lines.length > 0);
  printLines(
    call,
    shown.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines])),
  );
}

const STATUS = 5;

function referenceTable(references: readonly InspectedReference[], { width, style }: Paper): readonly string[] {
  const share = (part: number): number => Math.max(8, Math.floor((width ?? 0) * part));
  const columns = [
    { title: "node" },
    { title: "class and input", minWidth: share(0.2) },
    { title: "file", minWidth: share(0.3) },
    { title: "how" },
    { title: "model", minWidth: share(0.12) },
    { title: "status" },
  ];
  return formatTable(columns, references.map(referenceRow), {
    width,
    title: style.dim,
    paint: (text, row, column) => (column === STATUS ? statusPaint(references[row], style)(text) : text),
  });
}

function referenceRow(reference: InspectedReference): readonly string[] {
  const { nodes, path, models, candidates, status, isActive } = reference;
  const [first] = nodes;
  const more = nodes.length > 1 ? ` +${nodes.length - 1}` : "";
  const asks = first === undefined ? "" : [first.class, first.input].filter((part) => part !== "").join(".");
  const guesses = candidates.map((name) => `${name}?`).join(" ");
  const known = models.length > 0 ? models.join(", ") : (reference.source ?? guesses);
  return [
    printable(first?.id ?? "") + more,
    printable(asks),
    printable(path),
    reference.how,
    printable(known),
    isActive ? status : `${status}, muted`,
  ];
}

function statusPaint(reference: InspectedReference | undefined, style: Paper["style"]): (text: string) => string {
  if (reference === undefined || !reference.isActive) return style.dim;
  if (reference.status === "present") return style.good;
  return reference.status === "unverified" ? style.warn : style.bad;
}

function outsideLines({ outside }: InspectReport, { style }: Paper): readonly string[] {
  if (outside.length === 0) return [];
  const names = outside.map(
    ({ name, nodes }) => `  ${printable(name)}  ${style.dim(printable(nodes[0]?.class ?? ""))}`,
  );
  return [style.bold("Nodes fetch these by themselves, outside the models folder:"), ...names];
}

/** What the server that was asked would refuse, and where it and the registry differ. */
function serverLines({ references, server }: InspectReport, { style }: Paper): readonly string[] {
  if (server === undefined) return [];
  const unlisted = references.filter(({ isListed, isActive }) => isActive && isListed === false);
  const lines = [
    ...unlisted.map(
      ({ raw, nodes }) => `  ${printable(raw)} of node ${printable(nodes[0]?.id ?? "")} is not in its list`,
    ),
    ...server.differences.map(({ node, says }) => `  ${printable(node)}: ${printable(says)}`),
  ];
  const address = printable(server.address);
  if (lines.length === 0) return [`${style.good(style.signs.done)} ComfyUI at ${address} agrees, and lists every file`];
  return [style.bold(`ComfyUI at ${address}:`), ...lines];
}

function verdict({ references, ok, root, workflow }: InspectReport, { style }: Paper): string {
  const active = references.filter(({ isActive }) => isActive);
  if (active.length === 0) return `${style.good(style.signs.done)} ${style.bold(printable(workflow))} names no model`;
  const here = active.filter(({ status }) => status === "present" || status === "unverified").length;
  const sign = ok ? style.good(style.signs.done) : style.bad(style.signs.failed);
  const count = ok ? countOf(active.length, "file") : `${here} of ${countOf(active.length, "file")}`;
  return `${sign} ${style.bold(`${count} of ${printable(workflow)} present`)} in ${printable(root)}`;
}
