/** The benchmark: every case in turn, then a table, the figures and a page. */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { type Bench, type Case, skippedCase } from "./bench.ts";
import { CASES } from "./cases/index.ts";
import { sweepNetworks } from "./links.ts";
import { describeMachine, isMemory } from "./machine.ts";
import { markdownOf } from "./markdown.ts";
import { compileNative } from "./native.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { pageOf } from "./page.ts";
import { openPages } from "./pages.ts";
import type { Results } from "./results.ts";
import type { CaseReport } from "./terms.ts";
import { lastBeginMs } from "./time-left.ts";
import { findTools, type Tools } from "./tools.ts";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Some seconds before the fifteen minutes: the last round of a case may take longer than the one before. */
const WHOLE_MS = 14.5 * 60_000;
/** What the largest case serves, and some room. */
const MEMORY_BYTES = 2 * 1024 ** 3;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.isHelping) return say(USAGE);
  if (options.isListing) return say(CASES.map(({ id, title }) => `${id.padEnd(12)} ${title}`).join("\n"));
  const unknown = options.only.filter((id) => !CASES.some((one) => one.id === id));
  if (unknown.length > 0) throw new TypeError(`there is no case ${unknown.join(", ")}, see --list`);
  const tools = findTools(process.env);
  if (tools.path("nginx") === null) throw new Error("nginx is the origin of every case: apt-get install nginx-light");
  await writeResults(await measure(options, tools), options);
}

async function measure(options: Options, tools: Tools): Promise<Results> {
  sweepNetworks();
  const disk = await mkdtemp(join(options.disk, "modelferry-bench-"));
  const memory = await memoryFolder();
  const [startedMs, fromMs] = [systemClock.now(), systemClock.monotonicMs()];
  const clear = (): never => {
    sweepNetworks();
    // The last that is done: servers are ended by what lies in their folders.
    process.once("exit", () => {
      for (const folder of [disk, memory]) rmSync(folder, { recursive: true, force: true });
    });
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, clear);
  try {
    if (await isMemory(disk)) say(`Note: ${options.disk} is memory, not a disk; set BENCH_DISK.`);
    const native = compileNative(tools.path("cc"), disk);
    const machine = await describeMachine(disk);
    for (const { name, get } of tools.absent) say(`absent: ${name} (${get})`);
    const pages = await openPages(disk, options.isQuick);
    const bench: Bench = { options, tools, native, memory, disk, say, pages, endsMs: Number.POSITIVE_INFINITY };
    const cases = await runCases(bench, fromMs + limitOf(options));
    return {
      date: new Date(startedMs).toISOString(),
      command: `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`,
      elapsedMs: systemClock.now() - startedMs,
      isQuick: options.isQuick,
      machine: { ...machine, note: pages.note },
      tools: tools.found.map(({ name, version }) => ({ name, version })),
      absent: tools.absent,
      cases,
    };
  } finally {
    if (!options.isKeeping) await rm(disk, { recursive: true, force: true });
    await rm(memory, { recursive: true, force: true });
  }
}

/** A whole run ends in fifteen minutes. Who names cases or rounds wants all of them. */
function limitOf({ isQuick, only, rounds }: Options): number {
  return isQuick || only.length > 0 || rounds !== null ? Number.POSITIVE_INFINITY : WHOLE_MS;
}

async function runCases(bench: Bench, endsMs: number): Promise<readonly CaseReport[]> {
  const { only } = bench.options;
  const reports: CaseReport[] = [];
  const cases = CASES.filter(({ id }) => only.length === 0 || only.includes(id));
  for (const [at, one] of cases.entries()) {
    const from = systemClock.monotonicMs();
    bench.say(`\n${one.title}`);
    const report = await runCase({ ...bench, endsMs: lastBeginMs(endsMs, cases.slice(at)) }, one);
    for (const why of report.skipped) bench.say(`  not measured: ${why}`);
    bench.say(`  (${((systemClock.monotonicMs() - from) / 1000).toFixed(0)} s)`);
    reports.push(report);
  }
  return reports;
}

/** A case that breaks is reported as broken; the others still count. */
async function runCase(bench: Bench, { id, title, isLong, run }: Case): Promise<CaseReport> {
  const { isQuick, only } = bench.options;
  if (isLong === true && isQuick && only.length === 0) {
    return skippedCase({ id, title }, `a quick run has no time for it, unless it is named (--only ${id})`);
  }
  try {
    return await run(bench, { id, title });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return skippedCase({ id, title }, `the case broke: ${why}`);
  }
}

/** Shared memory where there is enough of it: what is served must never wait for a disk. */
async function memoryFolder(): Promise<string> {
  const room = await statfs("/dev/shm").then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  const folder = await mkdtemp(join(room > MEMORY_BYTES ? "/dev/shm" : tmpdir(), "modelferry-served-"));
  return folder;
}

async function writeResults(results: Results, { out }: Options): Promise<void> {
  await mkdir(out, { recursive: true });
  const text = markdownOf(results);
  await writeFile(join(out, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  await writeFile(join(out, "results.md"), text);
  await writeFile(join(out, "report.html"), pageOf(results));
  say(`\n${text.split("## Cases")[0]}`);
  say(`Written to ${out}: results.md, results.json, report.html.`);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof TypeError;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${isUsage ? `\n${USAGE}\n` : ""}`);
  process.exitCode = isUsage ? 2 : 1;
}
