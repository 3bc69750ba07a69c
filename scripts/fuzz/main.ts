/** `npm run fuzz`: every target for some minutes each, a process each, and a table of what was found. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/base/clock.ts";
import { readFlags } from "../flags.ts";
import { readRecord } from "./black-box.ts";
import { keepFixture } from "./fixtures.ts";
import { TARGETS } from "./targets.ts";

interface Told {
  readonly runs: number;
  readonly kept: number;
  readonly reached: number;
  readonly failures: readonly { readonly path: string; readonly problem: string }[];
}

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
/** An input that takes longer hangs, and more memory than this is never needed. */
const HANGS_AFTER_MS = 30_000;
const HEAP_MIB = 1536;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const USAGE = "npm run fuzz -- [--minutes N] [--seed S] [--target NAME, repeatable] [--list]";
const values = readFlags(
  {
    options: {
      minutes: { type: "string", default: "10" },
      seed: { type: "string", default: "1" },
      target: { type: "string", multiple: true, default: [] },
      list: { type: "boolean", default: false },
    },
  },
  USAGE,
);

/** Runs one target; a process that dies or hangs is a failure by the input that it had last. */
async function runTarget(name: string, minutes: number, seed: number): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), "modelferry-fuzz-"));
  const record = join(folder, "input");
  const options = [`--max-old-space-size=${HEAP_MIB}`, "--import", "tsx", CHILD];
  const child = spawn(process.execPath, [...options, name, String(minutes * 60_000), String(seed), record]);
  const output: string[] = [];
  const errors: string[] = [];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = watchForHang(record, () => child.kill("SIGKILL"));
  await ended;
  stop();
  try {
    return told(name, record, { output: output.join(""), errors: errors.join("") });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function watchForHang(record: string, kill: () => void): () => void {
  let last = -1;
  let sinceMs = systemClock.monotonicMs();
  return systemClock.every(1000, () => {
    const count = countIn(record);
    if (count !== last) sinceMs = systemClock.monotonicMs();
    last = count;
    if (systemClock.monotonicMs() - sinceMs > HANGS_AFTER_MS) kill();
  });
}

function countIn(record: string): number {
  try {
    return readRecord(record)?.count ?? 0;
  } catch {
    return 0;
  }
}

function told(
  name: string,
  record: string,
  { output, errors }: { readonly output: string; readonly errors: string },
): Told {
  const line = output.trim().split("\n").at(-1) ?? "";
  if (line.startsWith("{")) return JSON.parse(line) as Told;
  const last = readRecord(record);
  const problem = `the process hung or died: ${errors.slice(-2000)}`;
  const path = last === null ? "(no input yet)" : keepFixture(name, last.bytes);
  return { runs: last?.count ?? 0, kept: 0, reached: 0, failures: [{ path, problem }] };
}

const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
const unknown = values.target.filter((name) => !TARGETS.some((one) => one.name === name));
if (values.list || unknown.length > 0 || !(minutes > 0) || !Number.isSafeInteger(seed)) {
  say(`${USAGE}\n\n${TARGETS.map(({ name }) => name).join("\n")}`);
  process.exit(values.list ? 0 : 2);
}

let failed = 0;
for (const { name } of TARGETS.filter((one) => values.target.length === 0 || values.target.includes(one.name))) {
  const { runs, kept, reached, failures } = await runTarget(name, minutes, seed);
  const figures = `${String(runs).padStart(9)} inputs ${String(kept).padStart(5)} kept ${String(reached).padStart(6)} places`;
  say(`${name.padEnd(20)} ${minutes} min, seed ${seed} ${figures} ${failures.length} failures`);
  for (const { path, problem } of failures) say(`  ${path}\n    ${problem.split("\n").slice(0, 6).join("\n    ")}`);
  failed += failures.length;
}
process.exitCode = failed > 0 ? 1 : 0;
