/**
 * Memory as a machine has it that was up for days: full of cached pages, so that what is measured is no first touch.
 * A virtual machine's host may take free memory back; each page then costs a fault when it is used again, and the same
 * copy of a gigabyte takes 0.5 s or 2.6 s (seen), whoever makes it: who comes first pays.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";

export interface Pages {
  /** What the report says of it, or null where there is nothing to say. */
  readonly note: string | null;
  /** Called before each run. */
  readonly settle: () => Promise<void>;
  /** Called with what a run wrote: it may go. */
  readonly discard: (folder: string) => Promise<void>;
}

const ORDER = "/sys/module/page_reporting/parameters/page_reporting_order";
/** The kernel's own reserve, roughly: what is free beyond it is filled. */
const FREE_BYTES = 300e6;
/** Less than this is not worth filling. */
const LEAST_BYTES = 200e6;

/** For runs that write below `folder`; a quick run has no time to fill memory, and says so. */
export async function openPages(folder: string, isQuick: boolean): Promise<Pages> {
  const isTaken = takesBack();
  const why = isTaken ? await obstacle(folder, isQuick) : null;
  if (isTaken && why === null) return await createPages(folder);
  const note =
    why === null ? null : `The host of this machine takes free memory back, which slows down its next user; ${why}.`;
  return { note, settle: async () => {}, discard: (place) => rm(place, FORCE) };
}

/** Why memory cannot be filled, or null when it can. */
async function obstacle(folder: string, isQuick: boolean): Promise<string | null> {
  if (isQuick) return "only the full run prevents that";
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < 2 * totalmem() ? "the disk is too small to prevent that" : null;
}

const FORCE = { recursive: true, force: true } as const;

async function createPages(folder: string): Promise<Pages> {
  const [fillers, kept] = [join(folder, "fillers"), join(folder, "kept")];
  for (const place of [fillers, kept]) await mkdir(place, { recursive: true });
  const outputs: { readonly place: string; readonly bytes: number }[] = [];
  let count = 0;
  // Holes are read as pages of zeros: they fill the cache, and no disk.
  const fill = async (bytes: number): Promise<void> => {
    const place = join(fillers, String(++count));
    await writeFile(place, "");
    await truncate(place, bytes);
    await once(spawn("cat", [place], { stdio: "ignore" }), "close");
  };
  return {
    note: "The host of this machine takes free memory back: free memory was filled with cached pages before each run, so that nobody pays for its return.",
    settle: async () => {
      const bytes = freeBytes() - FREE_BYTES;
      if (bytes < LEAST_BYTES) return;
      const readers = availableParallelism();
      await Promise.all(Array.from({ length: readers }, () => fill(Math.floor(bytes / readers))));
    },
    discard: async (place) => {
      // Deleted now, its pages would be free. Deleted when others have taken their place, nothing is.
      const into = join(kept, String(++count));
      await rename(place, into);
      outputs.push({ place: into, bytes: bytesBelow(into) });
      while (outputs.reduce((sum, { bytes }) => sum + bytes, 0) > totalmem())
        await rm(outputs.shift()?.place ?? into, FORCE);
    },
  };
}

/** Whether the kernel tells a hypervisor which memory is free. */
function takesBack(): boolean {
  try {
    // Without one that asks for it, the order is beyond all that exist.
    return Number(readFileSync(ORDER, "utf8")) <= 20;
  } catch {
    return false;
  }
}

function freeBytes(): number {
  return Number(/^MemFree:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0) * 1024;
}

function bytesBelow(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks * 512, 0);
}
