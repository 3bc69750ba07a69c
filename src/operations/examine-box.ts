/** What can be found out without asking anybody: the machine, the disk, and what lies in the state folder. */
import { stat } from "node:fs/promises";
import { formatBytes, formatRate } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { reasonOf } from "../base/errors.ts";
import { describeRuntime } from "../base/process.ts";
import type { Abilities } from "../tree/abilities.ts";
import type { Tree } from "../tree/tree.ts";
import type { Diagnosis } from "./doctor.ts";

const LEAST_MEMORY = 512 * 1024 * 1024;
/** Each lane, thread and file needs some. */
const LEAST_OPEN_FILES = 1024;
/** Below this the disk is what a fast link waits for. */
const SLOW_DISK = 100_000_000;
const DAY_MS = 86_400_000;

export function examineSystem(): readonly Diagnosis[] {
  const { node, system, cores, memoryBytes, openFiles } = describeRuntime();
  const about = "system";
  return [
    { about, name: "Node", status: "ok", says: `${node}, ${system}, ${cores} cores` },
    memoryBytes < LEAST_MEMORY
      ? {
          about,
          name: "memory",
          status: "warn",
          says: formatBytes(memoryBytes),
          fix: "give it 512 MB: a transfer needs up to 250 MB",
        }
      : { about, name: "memory", status: "ok", says: formatBytes(memoryBytes) },
    openFiles !== null && openFiles < LEAST_OPEN_FILES
      ? {
          about,
          name: "open files",
          status: "warn",
          says: `at most ${openFiles}`,
          fix: `raise it: ulimit -n ${LEAST_OPEN_FILES}`,
        }
      : {
          about,
          name: "open files",
          status: "ok",
          says: openFiles === null ? "no limit known" : `at most ${openFiles}`,
        },
  ];
}

export async function examineDisk(tree: Tree, reserveBytes: number): Promise<readonly Diagnosis[]> {
  const free = await examineSpace(tree, reserveBytes);
  const isThere = await stat(tree.root).then(
    (seen) => seen.isDirectory(),
    () => false,
  );
  if (!isThere) {
    return [
      free,
      { about: "disk", name: "models folder", status: "ok", says: `${tree.root} is not there yet: sync makes it` },
    ];
  }
  try {
    return [free, ...judgeAbilities(await tree.abilities())];
  } catch (error) {
    const fix = "mount it writable, or give this user the right to write there";
    return [
      free,
      { about: "disk", name: "models folder", status: "bad", says: `nothing can be written: ${reasonOf(error)}`, fix },
    ];
  }
}

async function examineSpace(tree: Tree, reserveBytes: number): Promise<Diagnosis> {
  const line = { about: "disk", name: "free space" } as const;
  try {
    const bytes = await tree.freeBytes();
    const says = `${formatBytes(bytes)} at ${tree.root}`;
    if (bytes > reserveBytes) return { ...line, status: "ok", says };
    return {
      ...line,
      status: "bad",
      says,
      fix: `free some: ${formatBytes(reserveBytes)} are to stay free; see models prune`,
    };
  } catch (error) {
    return { ...line, status: "bad", says: reasonOf(error), fix: "look at the disk, or choose another root" };
  }
}

function judgeAbilities(can: Abilities): readonly Diagnosis[] {
  const about = "disk";
  const line = (name: string, has: boolean, otherwise: Pick<Diagnosis, "status" | "says" | "fix">): Diagnosis =>
    has ? { about, name, status: "ok", says: "yes" } : { about, name, ...otherwise };
  const speed = formatRate(can.writeBytesPerSecond);
  return [
    line("own disk", can.isLocal, {
      status: "warn",
      says: "no, or not known: a network or user-space file system",
      fix: "keep models on a local disk where there is one: locks and syncs cost a round trip here",
    }),
    { about, name: "hard links", status: "ok", says: can.hasHardLinks ? "yes" : "no: files from elsewhere are copied" },
    { about, name: "symbolic links", status: "ok", says: can.hasSymlinks ? "yes" : "no: aliases are hard links" },
    { about, name: "reflinks", status: "ok", says: can.hasReflinks ? "yes" : "no" },
    line("exclusive create", can.hasExclusiveCreate, {
      status: "bad",
      says: "no: two processes could write the same file",
      fix: "use another file system, or never two processes at a time",
    }),
    line("atomic rename", can.hasAtomicRename, {
      status: "bad",
      says: "no: a file could be seen half done",
      fix: "use another file system",
    }),
    can.writeBytesPerSecond >= SLOW_DISK
      ? { about, name: "write speed", status: "ok", says: speed }
      : {
          about,
          name: "write speed",
          status: "warn",
          says: speed,
          fix: "expect no download to be faster; use a faster disk",
        },
  ];
}

export async function examineState(tree: Tree, clock: Pick<Clock, "now">): Promise<readonly Diagnosis[]> {
  const about = "state";
  const { receipts, unfinished, locks, temporary } = await tree.state();
  const old = unfinished.filter(({ writtenAt }) => clock.now() - writtenAt > 7 * DAY_MS);
  const bytes = unfinished.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  const says = `${unfinished.length}, ${formatBytes(bytes)}`;
  return [
    { about, name: "receipts", status: "ok", says: String(receipts) },
    old.length === 0
      ? { about, name: "unfinished downloads", status: "ok", says }
      : {
          about,
          name: "unfinished downloads",
          status: "warn",
          says: `${says}, ${old.length} older than a week`,
          fix: "models prune --older-than 7d --yes",
        },
    { about, name: "temporary files", status: "ok", says: String(temporary) },
    ...locks.map(
      ({ name, holder, isAlive }): Diagnosis => ({
        about,
        name: `lock ${name.slice(0, 20)}`,
        status: "ok",
        says: `${holder}, ${isAlive === null ? "which may run" : isAlive ? "which runs" : "which is gone: the next sync takes it over"}`,
      }),
    ),
  ];
}
