/** Runs one command once, from a clean folder, and tells what it cost. */
import { spawn } from "node:child_process";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import type { Summary } from "../../src/base/events.ts";
import { processorTime, timeOf } from "./load.ts";
import type { Command, Run, Sample } from "./terms.ts";

export interface RunSettings {
  /** The compiled launcher; without it only the wall time is known. */
  readonly measure: string | null;
  /** Made empty before the run; the command's outputs are left in it. */
  readonly folder: string;
  /** Where logs go. */
  readonly logs: string;
  /** The network namespace to enter, or null. */
  readonly namespace: string | null;
  readonly timeoutSeconds: number;
  /** The origin's processes, whose work is not somebody else's. */
  readonly originPids: () => readonly number[];
  /** Looks at the links; called every {@link SAMPLE_MS} while the command runs. */
  readonly sample: (() => Omit<Sample, "atMs">) | null;
  /** Hears each sample, to break something at a certain moment. */
  readonly onSample?: (sample: Sample) => void;
}

export const SAMPLE_MS = 50;

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number | null;
  readonly rssBytes: number | null;
  readonly syncMs: number | null;
  readonly exitCode: number;
  readonly isTimedOut: boolean;
}

export async function runOnce(command: Command, settings: RunSettings): Promise<Run> {
  await rm(settings.folder, { recursive: true, force: true });
  await mkdir(settings.folder, { recursive: true });
  await mkdir(settings.logs, { recursive: true });
  const [before, originBefore] = [processorTime(), timeOf(settings.originPids())];
  const own = process.cpuUsage();
  const { cost, samples } = await execute(command, settings);
  const [after, originAfter] = [processorTime(), timeOf(settings.originPids())];
  const { user, system } = process.cpuUsage(own);
  const known = (cost.cpuMs ?? 0) + Math.max(0, originAfter - originBefore) + (user + system) / 1000;
  const all = after.allMs - before.allMs;
  return {
    wallMs: cost.wallMs,
    cpuMs: cost.cpuMs,
    rssBytes: cost.rssBytes,
    syncMs: cost.syncMs,
    elsewhere: all > 0 ? Math.max(0, after.busyMs - before.busyMs - known) / all : 0,
    problem: cost.isTimedOut ? `more than ${settings.timeoutSeconds} s` : await failureOf(cost, settings),
    samples,
    summary: await summaryIn(join(settings.logs, "stdout")),
  };
}

/** What everyone gets: nothing that would lead a client elsewhere, and a home of its own. */
export function cleanEnvironment(folder: string): NodeJS.ProcessEnv {
  const { PATH, LANG } = process.env;
  return { PATH, LANG, HOME: folder, TMPDIR: folder, HF_HOME: join(folder, "hf-home"), NO_COLOR: "1" };
}

async function execute(command: Command, settings: RunSettings): Promise<{ cost: Cost; samples: readonly Sample[] }> {
  await using out = await open(join(settings.logs, "stdout"), "w");
  await using err = await open(join(settings.logs, "stderr"), "w");
  const result = join(settings.logs, "cost.json");
  const samples: Sample[] = [];
  const started = systemClock.monotonicMs();
  const look = (): void => {
    if (settings.sample === null) return;
    const sample = { atMs: systemClock.monotonicMs() - started, ...settings.sample() };
    samples.push(sample);
    settings.onSample?.(sample);
  };
  look();
  const [file = "", ...args] = wrapped(command.argv, settings, result);
  const child = spawn(file, args, {
    cwd: settings.folder,
    env: { ...cleanEnvironment(settings.folder), ...command.environment },
    stdio: ["ignore", out.fd, err.fd],
  });
  const stopLooking = settings.sample === null ? () => {} : systemClock.every(SAMPLE_MS, look);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal === null ? (code ?? 1) : 128));
  });
  const wallMs = systemClock.monotonicMs() - started;
  stopLooking();
  look();
  if (settings.measure !== null && exitCode === 0) return { cost: JSON.parse(await readFile(result, "utf8")), samples };
  return { cost: { wallMs, cpuMs: null, rssBytes: null, syncMs: null, exitCode, isTimedOut: false }, samples };
}

function wrapped(argv: readonly string[], settings: RunSettings, result: string): readonly string[] {
  const { measure, namespace, timeoutSeconds, folder } = settings;
  if (measure === null) return argv;
  const enter = namespace === null ? [] : ["-n", namespace];
  return [measure, ...enter, "-t", String(timeoutSeconds), "-s", folder, "-r", result, "--", ...argv];
}

async function failureOf({ exitCode }: Cost, { logs }: RunSettings): Promise<string | null> {
  if (exitCode === 0) return null;
  const text = await readFile(join(logs, "stderr"), "utf8");
  const said = text.trim().split("\n").slice(-3).join(" / ").slice(-300);
  return `exit code ${exitCode}: ${said || "no message"}`;
}

/** The last line of `--json`, where that is what was written. */
async function summaryIn(path: string): Promise<Summary | null> {
  const last = (await readFile(path, "utf8")).trim().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) return null;
  const found = JSON.parse(last) as Partial<Summary>;
  return found.kind === "summary" ? (found as Summary) : null;
}
