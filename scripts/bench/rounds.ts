/** Contenders side by side: A B C, then B C A, each from a clean folder, each output proven, medians in the end. */
import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Pages } from "./pages.ts";
import type { RunSettings } from "./run-once.ts";
import { runOnce } from "./run-once.ts";
import type { Contender, Medians, Outcome, Run, Served } from "./terms.ts";

export interface Contest {
  /** A folder on the disk; each contender gets one below it. */
  readonly folder: string;
  readonly files: readonly Served[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly settings: Omit<RunSettings, "folder" | "logs">;
  readonly say: (text: string) => void;
  readonly pages: Pages;
  /** When no further round begins, on the monotonic clock. */
  readonly endsMs: number;
  /** Called before each run, to mend what the last one broke. */
  readonly prepare?: () => Promise<void>;
  /** What is wrong with what a run left beside its folder, or null. */
  readonly inspect?: () => Promise<string | null>;
  readonly isKeeping: boolean;
}

/** Runs every contender once a round. Who fails is not asked again; a round that would end too late is left out. */
export async function compete(contest: Contest): Promise<readonly Outcome[]> {
  /** `tookMs` is that of the last run, with what comes before and after it. */
  const entries = contest.contenders.map((contender) => ({ contender, runs: [] as Run[], tookMs: 0 }));
  for (let round = 0; round < contest.rounds; round += 1) {
    const asked = entries.filter(
      ({ contender, runs }) =>
        round < (contender.rounds ?? contest.rounds) && runs.every(({ problem }) => problem === null),
    );
    const neededMs = asked.reduce((sum, { tookMs }) => sum + tookMs, 0);
    if (round > 0 && systemClock.monotonicMs() + neededMs > contest.endsMs) break;
    for (const entry of rotated(asked, round, contest.rounds)) {
      const { contender, runs } = entry;
      const fromMs = systemClock.monotonicMs();
      const run = await runProven(contest, contender, round);
      entry.tookMs = systemClock.monotonicMs() - fromMs;
      runs.push(run);
      contest.say(`  ${round + 1} ${contender.name.padEnd(28)} ${tell(run)}`);
    }
  }
  return entries.map(({ contender, runs }) => outcomeOf(contender, runs, contender.rounds ?? contest.rounds));
}

/** Nobody is always the first: each of the `rounds` begins further down the list. */
function rotated<T>(all: readonly T[], round: number, rounds: number): readonly T[] {
  if (all.length === 0) return all;
  const from = (round * Math.max(1, Math.floor(all.length / rounds))) % all.length;
  return [...all.slice(from), ...all.slice(0, from)];
}

async function runProven(contest: Contest, contender: Contender, round: number): Promise<Run> {
  await contest.prepare?.();
  const folder = join(contest.folder, "run");
  const logs = join(contest.folder, "logs", contender.name.replace(/[^a-z0-9]+/gi, "-"));
  await contest.pages.settle();
  const run = await runOnce(contender.command(folder), { ...contest.settings, folder, logs });
  const wrong = run.problem === null ? await wrongAfter(contest, contender, { folder, isFirst: round === 0 }) : null;
  if (!contest.isKeeping) await contest.pages.discard(folder);
  return wrong === null ? run : { ...run, problem: wrong };
}

async function wrongAfter({ files, inspect }: Contest, contender: Contender, place: Place): Promise<string | null> {
  return (await wrongIn(files, contender, place)) ?? (await inspect?.()) ?? null;
}

interface Place {
  readonly folder: string;
  readonly isFirst: boolean;
}

/** What is not as it was served, or null: sizes each time, bytes the first time, for they take as long as the run. */
async function wrongIn(
  files: readonly Served[],
  contender: Contender,
  { folder, isFirst }: Place,
): Promise<string | null> {
  for (const file of files) {
    const place = contender.placeOf?.(file, folder) ?? join(folder, file.name);
    const size = statSync(place, { throwIfNoEntry: false })?.size;
    if (size === undefined) return `${file.name} is not at ${place}`;
    if (size !== file.size) return `${file.name} arrived with ${size} bytes, expected ${file.size}`;
    if (isFirst && !(await isSameContent(file.path, place))) return `${file.name} arrived with other bytes`;
  }
  return null;
}

const STEP_BYTES = 1024 * 1024;

/** Byte for byte: a sha256 of each output took most of the time of some cases, on a processor without instructions for it. */
async function isSameContent(path: string, other: string): Promise<boolean> {
  await using one = await open(path);
  await using two = await open(other);
  const [left, right] = [Buffer.alloc(STEP_BYTES), Buffer.alloc(STEP_BYTES)];
  for (let at = 0; ; ) {
    const [{ bytesRead }, { bytesRead: count }] = await Promise.all([
      one.read(left, 0, STEP_BYTES, at),
      two.read(right, 0, STEP_BYTES, at),
    ]);
    if (bytesRead !== count || !left.subarray(0, count).equals(right.subarray(0, count))) return false;
    if (count === 0) return true;
    at += count;
  }
}

function outcomeOf({ name, kind, isVerifying }: Contender, runs: readonly Run[], planned: number): Outcome {
  const good = runs.filter(({ problem }) => problem === null);
  const problem = runs.find((run) => run.problem !== null)?.problem ?? null;
  return { name, kind, isVerifying, planned, runs, median: good.length === 0 ? null : mediansOf(good), problem };
}

function mediansOf(runs: readonly Run[]): Medians {
  const of = (pick: (run: Run) => number | null): number | null => {
    const values = runs.map(pick).filter((value) => value !== null);
    return values.length === 0 ? null : median(values);
  };
  return {
    wallMs: median(runs.map(({ wallMs }) => wallMs)),
    cpuMs: of(({ cpuMs }) => cpuMs),
    rssBytes: of(({ rssBytes }) => rssBytes),
    syncMs: of(({ syncMs }) => syncMs),
    elsewhere: median(runs.map(({ elsewhere }) => elsewhere)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function tell({ wallMs, cpuMs, rssBytes, elsewhere, problem }: Run): string {
  if (problem !== null) return `FAILED: ${problem}`;
  const cpu = cpuMs === null ? "" : `  cpu ${(cpuMs / 1000).toFixed(2)} s`;
  const memory = rssBytes === null ? "" : `  ${formatBytes(rssBytes)}`;
  return `${(wallMs / 1000).toFixed(2).padStart(7)} s${cpu}${memory}  others ${(elsewhere * 100).toFixed(0)} %`;
}
