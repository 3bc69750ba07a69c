/** Whether a long run grows: its memory, what it has open, and what it leaves on the disk. */
import { readdir } from "node:fs/promises";

export interface Sample {
  readonly atMs: number;
  readonly memory: number;
  readonly descriptors: number;
  /** Sockets, timers, threads and whatever else keeps a process alive. */
  readonly handles: number;
  readonly stateFiles: number;
  readonly stateBytes: number;
}

export interface Growth {
  readonly what: string;
  readonly early: number;
  readonly late: number;
  readonly most: number;
  readonly isGrowing: boolean;
}

/** Looks at this process now. */
export async function sampleOf(
  atMs: number,
  state: { readonly files: number; readonly bytes: number },
): Promise<Sample> {
  return {
    atMs,
    memory: Math.round(process.memoryUsage().rss / 1_000_000),
    descriptors: (await readdir("/proc/self/fd").catch(() => [])).length,
    handles: process.getActiveResourcesInfo().length,
    stateFiles: state.files,
    stateBytes: state.bytes,
  };
}

/** How much more than before is no growth: allocators and caches breathe. */
const BREATH: Readonly<Record<Exclude<keyof Sample, "atMs">, number>> = {
  memory: 60,
  descriptors: 12,
  handles: 12,
  stateFiles: 3,
  stateBytes: 20_000,
};

/** Compares the second quarter with the last: in the first everything is still being loaded. */
export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const quarter = Math.floor(samples.length / 4);
  const names = Object.keys(BREATH) as (keyof typeof BREATH)[];
  return names.map((what) => {
    const all = samples.map((sample) => sample[what]);
    const early = median(all.slice(quarter, 2 * quarter));
    const late = median(all.slice(-quarter));
    return { what, early, late, most: Math.max(...all), isGrowing: !(late <= early * 1.1 + BREATH[what]) };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
