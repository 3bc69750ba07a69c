/** Runs the built command line once, and tells what it took: time, processor time, the most memory that it had. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/base/clock.ts";
import { timeOf } from "../bench/load.ts";

const MAIN = fileURLToPath(new URL("../../dist/bin/models.cjs", import.meta.url));
const LOOK_EVERY_MS = 20;

export interface Taken {
  readonly code: number | null;
  readonly elapsedMs: number;
  /** Of all its threads. */
  readonly processorMs: number;
  /** Most memory at a time, in MB of 10^6 bytes. */
  readonly megabytes: number;
  readonly lastLine: string;
}

/** Linux alone tells a process's memory and time while it runs. */
export async function measure(args: readonly string[], folder: string): Promise<Taken> {
  const startedMs = systemClock.monotonicMs();
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
  const { pid = 0 } = child;
  let [kilobytes, processorMs, said] = [0, 0, ""];
  const look = (): void => {
    kilobytes = Math.max(kilobytes, peakOf(pid));
    processorMs = Math.max(processorMs, timeOf([pid]));
  };
  child.stderr.on("data", (chunk) => {
    said = (said + String(chunk)).slice(-2000);
  });
  const stop = systemClock.every(LOOK_EVERY_MS, look);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  stop();
  const elapsedMs = systemClock.monotonicMs() - startedMs;
  return {
    code,
    elapsedMs,
    processorMs,
    megabytes: (kilobytes * 1024) / 1e6,
    lastLine: said.trim().split("\n").at(-1) ?? "",
  };
}

function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
