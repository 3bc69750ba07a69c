/** How much of the machine others use meanwhile, from the kernel's own counters. */
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** Processor time so far, in ms over all cores. */
export interface Used {
  readonly busyMs: number;
  readonly allMs: number;
}

/** Zero where there is no /proc. */
export function processorTime(): Used {
  const line = /^cpu +(.*)$/m.exec(read("/proc/stat"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, steal = 0] = line
    .split(" ")
    .map((ticks) => (Number(ticks) * 1000) / TICKS_PER_SECOND);
  const busyMs = user + nice + system + irq + softIrq + steal;
  return { busyMs, allMs: busyMs + idle + wait };
}

/** Processor time of these processes so far, in ms; what has ended counts as zero. */
export function timeOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = read(`/proc/${pid}/stat`)
      .replace(/^.*\) /, "")
      .split(" ");
    return sum + ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1000) / TICKS_PER_SECOND;
  }, 0);
}

/** The processes that `pid` has started. */
export function childrenOf(pid: number): readonly number[] {
  return read(`/proc/${pid}/task/${pid}/children`)
    .split(" ")
    .filter((text) => text.trim() !== "")
    .map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
