/** The results as one page that needs nothing else: the targets, then a chart and a table for every case. */
import { formatBytes, formatDuration } from "../../src/base/bytes.ts";
import { seconds } from "./figures.ts";
import { bySpeed } from "./markdown.ts";
import { STYLE } from "./page-style.ts";
import type { Results } from "./results.ts";
import { barChart, escaped, lineChart } from "./svg.ts";
import type { CaseReport, Outcome, Verdict } from "./terms.ts";

export function pageOf(results: Results): string {
  const verdicts = results.cases.flatMap(({ verdicts: found }) => found);
  const judged = verdicts.filter(({ isMet }) => isMet !== null);
  const met = judged.filter(({ isMet }) => isMet === true).length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>modelferry, measured</title>
<style>${STYLE}</style>
<main>
<header>
<h1>modelferry, measured</h1>
<p class="lead">${met} of ${judged.length} targets met on this machine, side by side with ${rivalCount(results)} other tools.</p>
<p class="meta">${escaped(results.date.slice(0, 10))} · <code>${escaped(results.command)}</code> · ${formatDuration(results.elapsedMs)}</p>
</header>
<section>
<h2>Targets</h2>
<p>Medians over the rounds of one run of the benchmark, each case says how many. Ratios travel from machine to machine, seconds do not. In the charts, a filled dot means that the digest was compared within that time.</p>
<div class="wide">${verdictTable(verdicts)}</div>
</section>
${results.cases.map(caseSection).join("\n")}
<section>
<h2>Machine and tools</h2>
${machineTable(results)}
${absentNote(results)}
</section>
</main>
</html>
`;
}

function rivalCount({ cases }: Results): number {
  const names = cases.flatMap(({ outcomes }) => outcomes.filter(({ kind }) => kind === "rival"));
  return new Set(names.map(({ name }) => name.split(/[ ,]/)[0])).size;
}

function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ case: name, ours, other, limit, ratio, target, isMet }) => {
    const word = isMet === null ? "–" : isMet ? "met" : "missed";
    const cells = [ours, other, limit].map((cell) => `<td>${escaped(cell)}</td>`).join("");
    return `<tr><th scope="row">${escaped(name)}</th>${cells}<td class="n">${escaped(ratio)}</td><td class="n">${escaped(target)}</td><td><span class="pill ${word === "–" ? "none" : word}">${word}</span></td></tr>`;
  });
  const head = ["case", "ours", "best other", "limit", "ratio", "target", ""]
    .map((name) => `<th>${name}</th>`)
    .join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function caseSection({ id, title, about, outcomes, series, skipped }: CaseReport): string {
  return `<section id="${escaped(id)}">
<h2>${escaped(title)}</h2>
<p>${escaped(about)}</p>
${skipped.map((why) => `<p class="skipped">Not measured: ${escaped(why)}.</p>`).join("")}
<figure>${barChart(outcomes)}</figure>
${series.length === 0 ? "" : `<figure>${lineChart(series)}</figure>`}
${outcomes.length === 0 ? "" : `<details><summary>All figures</summary><div class="wide">${outcomeTable(outcomes)}</div></details>`}
</section>`;
}

function outcomeTable(outcomes: readonly Outcome[]): string {
  const names = ["", "wall", "CPU", "memory", "sync after", "others' load", "every run"];
  const head = names.map((name) => `<th>${name}</th>`).join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>${[...outcomes].sort(bySpeed).map(outcomeRow).join("")}</tbody></table>`;
}

function outcomeRow({ name, median, problem, runs }: Outcome): string {
  const title = `<th scope="row">${escaped(name)}</th>`;
  if (median === null) return `<tr>${title}<td colspan="6">${escaped(problem ?? "not run")}</td></tr>`;
  const cells = [
    seconds(median.wallMs),
    median.cpuMs === null ? "" : seconds(median.cpuMs),
    median.rssBytes === null ? "" : formatBytes(median.rssBytes),
    median.syncMs === null ? "" : seconds(median.syncMs),
    `${Math.round(median.elsewhere * 100)} %`,
    runs
      .filter((run) => run.problem === null)
      .map(({ wallMs }) => (wallMs / 1000).toFixed(2))
      .join(" "),
  ];
  return `<tr>${title}${cells.map((cell) => `<td class="n">${escaped(cell)}</td>`).join("")}</tr>`;
}

function machineTable({ machine, tools }: Results): string {
  const rows = [
    ...Object.entries(machine).map(([name, value]) => [name, String(value)] as const),
    ...tools.map(({ name, version }) => [name, version] as const),
  ];
  const lines = rows.map(([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`);
  return `<div class="wide"><table><tbody>${lines.join("")}</tbody></table></div>`;
}

function absentNote({ absent }: Results): string {
  if (absent.length === 0) return "";
  const list = absent.map(({ name, get }) => `${escaped(name)} (<code>${escaped(get)}</code>)`).join(", ");
  return `<p class="skipped">Absent, and so not compared: ${list}.</p>`;
}
