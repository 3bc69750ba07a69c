/** Which files of this box some process has open or mapped now, as far as Linux tells this user (proc(5)). */
import { readdir, readFile, stat } from "node:fs/promises";
import type { Stamp } from "./stamp.ts";

export interface OpenFiles {
  /** True when a process has it open, or mapped under this path. */
  readonly has: (path: string, stamp: Pick<Stamp, "inode" | "dev">) => boolean;
}

/** Looks once at every process but `selfPid`. Processes of other users may not be looked at; nothing is open elsewhere. */
export async function findOpenFiles(selfPid: number): Promise<OpenFiles> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const open = new Set<string>();
  const mapped = new Set<string>();
  for (const pid of pids) {
    if (Number(pid) === selfPid) continue;
    for (const key of await descriptorsOf(pid)) open.add(key);
    for (const path of await mappingsOf(pid)) mapped.add(path);
  }
  return { has: (path, stamp) => open.has(keyOf(stamp.dev, stamp.inode)) || mapped.has(path) };
}

const keyOf = (dev: bigint, inode: bigint): string => `${dev}:${inode}`;

async function descriptorsOf(pid: string): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const seen = await Promise.all(names.map((name) => stat(`${folder}/${name}`, { bigint: true }).catch(() => null)));
  return seen.flatMap((one) => (one?.isFile() ? [keyOf(one.dev, one.ino)] : []));
}

/** The sixth column; weights are mapped by those who load them, long after their descriptor was closed. */
async function mappingsOf(pid: string): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/maps`, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => /^(?:\S+\s+){5}(\/.*)$/.exec(line)?.[1] ?? []);
}
