/** Every file below a folder, through linked folders, each folder once. */
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { STATE_FOLDER } from "../base/paths.ts";
import { statIfAllowed } from "./disk.ts";
import { type Stamp, stampOf } from "./stamp.ts";

export interface WalkedFile {
  /** Absolute path. */
  readonly path: string;
  /** Path from the folder that was walked, with forward slashes. */
  readonly name: string;
  /** Of the file itself, even where a link leads to it. */
  readonly stamp: Stamp;
  readonly isLink: boolean;
}

interface Folder {
  readonly path: string;
  readonly name: string;
}

/**
 * Real folders first, then linked ones, each in the order of names, so that a file has its real name where it has one.
 * What cannot be read, devices, dangling links and modelferry's own folders are left out.
 */
export async function* walkFiles(folder: string, signal?: AbortSignal): AsyncGenerator<WalkedFile> {
  const seen = new Set<string>();
  const real: Folder[] = [{ path: folder, name: "" }];
  const linked: Folder[] = [];
  for (let next = real.pop(); next !== undefined; next = real.pop() ?? linked.shift()) {
    signal?.throwIfAborted();
    if (!(await isNew(next.path, seen))) continue;
    const below: Folder[] = [];
    for (const entry of await entriesOf(next.path)) {
      const name = next.name === "" ? entry.name : `${next.name}/${entry.name}`;
      const one = { path: join(next.path, entry.name), name };
      if (entry.isDirectory()) below.push(one);
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      const target = statIfAllowed(one.path);
      if (target?.isDirectory()) linked.push(one);
      if (target?.isFile()) yield { ...one, stamp: stampOf(target), isLink: entry.isSymbolicLink() };
    }
    real.push(...below.reverse());
  }
}

async function isNew(folder: string, seen: Set<string>): Promise<boolean> {
  const stats = await stat(folder, { bigint: true }).catch(() => null);
  if (stats === null) return false;
  const key = `${stats.dev}:${stats.ino}`;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

interface Entry {
  readonly name: string;
  readonly isDirectory: () => boolean;
  readonly isFile: () => boolean;
  readonly isSymbolicLink: () => boolean;
}

async function entriesOf(folder: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of await opendir(folder)) if (entry.name !== STATE_FOLDER) entries.push(entry);
  } catch {
    return entries;
  }
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}
