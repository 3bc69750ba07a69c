/**
 * Measures how well workflows are read: recall and precision of (folder, name) against what their authors declared.
 *
 *     tsx scripts/measure-workflows.ts FOLDER
 *
 * FOLDER holds workflows and an `index.jsonl`, one line a workflow: `file`, `ground_truth` (declared models with `name`,
 * `directory`, `active`, `in_widgets`) and `model_refs` (names in widgets, with `node` and `active`).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { reasonOf } from "../src/base/errors.ts";
import { presentFolder } from "../src/base/folders.ts";
import { loadRegistry } from "../src/catalog/registry.ts";
import { baseName, slashed } from "../src/workflow/names.ts";
import { createWorkflowReader, type WorkflowReader } from "../src/workflow/reader.ts";
import type { Reference, References } from "../src/workflow/reference.ts";

interface Declared {
  readonly name: string;
  readonly directory: string;
  readonly node?: string;
  readonly active?: boolean;
  readonly in_widgets?: boolean | string;
}

interface Named {
  readonly node: string;
  readonly value: string;
  readonly active?: boolean;
}

interface Row {
  readonly file: string;
  readonly ground_truth: readonly Declared[];
  readonly model_refs: readonly Named[];
}

/** A share of a whole, and a line for each one that is not in it. */
class Share {
  hits = 0;
  total = 0;
  readonly misses: string[] = [];

  count(isHit: boolean, miss: () => string): void {
    this.total += 1;
    if (isHit) this.hits += 1;
    else this.misses.push(miss());
  }

  line(label: string): string {
    const percent = this.total === 0 ? "-" : `${((100 * this.hits) / this.total).toFixed(2)} %`;
    return `${label.padEnd(64)} ${percent.padStart(9)}  ${this.hits} of ${this.total}`;
  }
}

const shares = {
  recall: new Share(),
  folderPrecision: new Share(),
  namePrecision: new Share(),
  named: new Share(),
  explained: new Share(),
};

function found(references: readonly Reference[], declared: Declared): boolean {
  const folder = presentFolder(declared.directory);
  return references.some(
    (one) => one.folders.includes(folder) && baseName(one.name) === baseName(slashed(declared.name)),
  );
}

/** What is declared, in a widget and active must be found, in its folder. */
function measureRecall(row: Row, references: readonly Reference[]): void {
  const names = new Set(row.model_refs.filter((one) => one.active !== false).map((one) => one.value));
  for (const declared of row.ground_truth) {
    const isExpected =
      declared.active === undefined ? names.has(declared.name) : declared.active && declared.in_widgets;
    if (!isExpected) continue;
    shares.recall.count(found(references, declared), () => {
      const same = references.find((one) => baseName(one.name) === baseName(slashed(declared.name)));
      const seen = same === undefined ? "no node names it" : `the node looks in ${same.folders.join(", ")}`;
      return `${row.file}: ${declared.directory}/${declared.name} of ${declared.node ?? "the file"}: ${seen}`;
    });
  }
}

/** What is found for sure must lie where the author says, and be named by an active widget. */
function measurePrecision(row: Row, references: readonly Reference[]): void {
  const sure = references.filter((one) => one.how !== "inferred" && one.how !== "preset");
  const active = new Set(row.model_refs.filter((one) => one.active !== false).map((one) => slashed(one.value)));
  for (const one of sure) {
    const same = row.ground_truth.filter((declared) => slashed(declared.name) === one.name);
    const place = `${row.file}: ${one.folder}/${one.name} (${one.how}) of ${one.nodes[0]?.id} ${one.nodes[0]?.class}`;
    if (same.length > 0) {
      const isRight = same.some((declared) => one.folders.includes(presentFolder(declared.directory)));
      shares.folderPrecision.count(isRight, () => `${place}, declared in ${same.map((two) => two.directory)}`);
    }
    if (one.how !== "prompt" && one.endings === undefined && !one.isFolder) {
      shares.namePrecision.count(active.has(slashed(one.raw)), () => place);
    }
  }
}

/** Every name in an active widget is found, and the more of them for sure the better. */
function measureNames(row: Row, { references, outside }: References): void {
  const all = [...references, ...outside];
  for (const named of row.model_refs) {
    if (named.active === false || named.node.startsWith("Note") || named.node === "MarkdownNote") continue;
    const name = slashed(named.value);
    const reference = all.find((one) => one.name === name || slashed(one.raw) === name);
    const miss = (): string => `${row.file}: ${named.value} of ${named.node}`;
    shares.named.count(reference !== undefined, miss);
    if (reference !== undefined) shares.explained.count(reference.how !== "inferred", miss);
  }
}

/** Bytes, and milliseconds: the first time, and the least of several, which other work on the machine does not blur. */
type Cost = readonly [bytes: number, firstMs: number, leastMs: number];

const REPEATS = 5;

async function measureFile(folder: string, row: Row, reader: WorkflowReader): Promise<Cost> {
  const bytes = await readFile(join(folder, row.file));
  const read = (): readonly [References, number] => {
    const started = systemClock.monotonicMs();
    const found = reader.referencesOf(reader.read(bytes, { at: row.file }));
    return [found, systemClock.monotonicMs() - started];
  };
  const [found, firstMs] = read();
  const leastMs = Math.min(...Array.from({ length: REPEATS }, () => read()[1]));
  measureRecall(row, found.references);
  measurePrecision(row, found.references);
  measureNames(row, found);
  for (const warning of found.warnings) warnings.push(`${row.file}: ${warning}`);
  return [bytes.byteLength, firstMs, leastMs];
}

const warnings: string[] = [];
const [, , folder, ...flags] = process.argv;
if (folder === undefined) throw new Error("usage: tsx scripts/measure-workflows.ts FOLDER [--warnings]");
const rows = (await readFile(join(folder, "index.jsonl"), "utf8"))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Row);
const registry = await loadRegistry([new URL("../registry", import.meta.url).pathname]);
const reader = createWorkflowReader({ registry });
let [megabytes, firstMs, leastMs] = [0, 0, 0];
const crashes: string[] = [];
for (const row of rows) {
  try {
    const [bytes, first, least] = await measureFile(folder, row, reader);
    megabytes += bytes / 1e6;
    firstMs += first;
    leastMs += least;
  } catch (error) {
    crashes.push(`${row.file}: ${reasonOf(error)}`);
  }
}
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const pace = (ms: number): string => `${(ms / megabytes).toFixed(1)} ms a MB`;
print(
  `${rows.length} workflows, ${megabytes.toFixed(1)} MB: ${pace(firstMs)} the first time, ${pace(leastMs)} at best`,
);
print(shares.recall.line("recall of declared, active (folder, name)"));
print(shares.folderPrecision.line("precision of the folder where one is declared, not inferred"));
print(shares.namePrecision.line("precision of the name against active widgets, not inferred"));
print(shares.named.line("names in active widgets that are found"));
print(shares.explained.line("of these, found without inference"));
print(`not read: ${crashes.length}`);
const list = (label: string, lines: readonly string[]): void => {
  print(`\n${label}: ${lines.length}`);
  for (const line of lines) print(`  ${line}`);
};
list("not read", crashes);
list("declared and not found", shares.recall.misses);
list("found in another folder than declared", shares.folderPrecision.misses);
list("found and in no active widget", shares.namePrecision.misses);
list("in an active widget and not found", shares.named.misses);
list("found by inference only", shares.explained.misses);
if (flags.includes("--warnings")) list("warnings", warnings);
