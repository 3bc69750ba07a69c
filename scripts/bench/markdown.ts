/** The results as Markdown: the table of targets first, then every case with every contender. */
import { formatBytes, formatDuration } from "../../src/base/bytes.ts";
import { seconds } from "./figures.ts";
import type { Results } from "./results.ts";
import type { CaseReport, Outcome, Verdict } from "./terms.ts";

export function markdownOf(results: Results): string {
  const verdicts = results.cases.flatMap(({ verdicts: found }) => found);
  return `${[
    "# Benchmark",
    `${results.date.slice(0, 10)}, \`${results.command}\`, ${formatDuration(results.elapsedMs)}. Ratios are those of medians over the rounds of one run of the benchmark, each case says how many; seconds belong to this machine, ratios travel.`,
    machineText(results),
    HOW,
    "## Targets",
    table(["case", "ours", "best other", "limit", "ratio", "target", "met"], verdicts.map(verdictRow)),
    "## Cases",
    ...results.cases.map(caseText),
    "## Tools",
    results.tools.map(({ name, version }) => `- ${name}: ${version}`).join("\n"),
    absentText(results),
  ].join("\n\n")}\n`;
}

const HOW = `Wall time is that of the whole command, process start included, from fork to exit; CPU is user and system time of the client and its children; memory is the peak of the largest process. Before each run the last output is out of the way and the disk synced; each round begins with another contender. The sizes of every output are compared with what was served, its bytes too in the first round. "Sync after" is what a command left to the kernel: how long its dirty pages took to reach the disk; the times of rows "until it is on the disk" are with it. "Others' load" is the share of the cores that neither the client nor its origin used.`;

function machineText({ machine }: Results): string {
  return [
    `${machine.system}, Linux ${machine.kernel}, ${machine.cores} cores of ${machine.processor}, ${machine.memory} of memory, ${machine.disk}.`,
    `Node ${machine.node}, modelferry ${machine.modelferry}, TCP congestion control ${machine.congestionControl}, load at the start ${machine.load}.`,
    ...(machine.note === null ? [] : [machine.note]),
  ].join("\n");
}

function verdictRow({ case: name, ours, other, limit, ratio, target, isMet }: Verdict): readonly string[] {
  return [name, ours, other, limit, ratio, target, metText(isMet)];
}

export const metText = (isMet: boolean | null): string => (isMet === null ? "–" : isMet ? "yes" : "**no**");

function caseText({ title, about, outcomes, skipped }: CaseReport): string {
  const rows = [...outcomes].sort(bySpeed).map(outcomeRow);
  const head = ["who", "sha256", "wall", "CPU", "memory", "sync after", "others' load", "runs"];
  return [
    `### ${title}`,
    about,
    ...(rows.length === 0 ? [] : [table(head, rows)]),
    ...skipped.map((why) => `Not measured: ${why}.`),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

export const bySpeed = (one: Outcome, other: Outcome): number =>
  (one.median?.wallMs ?? Number.MAX_VALUE) - (other.median?.wallMs ?? Number.MAX_VALUE);

function outcomeRow({ name, kind, isVerifying, median, problem, runs }: Outcome): readonly string[] {
  const shown = kind === "ours" ? `**${name}**` : name;
  if (median === null) return [shown, isVerifying ? "yes" : "", problem ?? "not run", "", "", "", "", ""];
  const walls = runs.filter((run) => run.problem === null).map(({ wallMs }) => (wallMs / 1000).toFixed(2));
  return [
    shown,
    isVerifying ? "yes" : "",
    seconds(median.wallMs),
    median.cpuMs === null ? "" : seconds(median.cpuMs),
    median.rssBytes === null ? "" : formatBytes(median.rssBytes),
    median.syncMs === null ? "" : seconds(median.syncMs),
    `${Math.round(median.elsewhere * 100)} %`,
    walls.join(" "),
  ];
}

function absentText({ absent }: Results): string {
  if (absent.length === 0) return "Every tool was there.";
  return `Absent, and so not compared: ${absent.map(({ name, get }) => `${name} (\`${get}\`)`).join(", ")}.`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "/")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
