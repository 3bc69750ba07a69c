/** How a lock file comes into being exactly once, is read, and is taken away without ever taking another's. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { link, rename } from "node:fs/promises";
import { basename } from "node:path";
import type { Clock } from "../base/clock.ts";
import { openFile, syncFile } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import { errnoOf, readSmallFile, removeFile } from "./disk.ts";
import { isLocalDisk } from "./disk-kind.ts";
import { type HeldFolder, holdFolder } from "./folder.ts";
import type { Layout } from "./layout.ts";

/** Where locks lie. */
export type LockLayout = Pick<Layout, "root" | "lockOf" | "temporaryOf" | "folderOf">;

export interface LockParts {
  readonly layout: LockLayout;
  readonly clock: Clock;
}

const MAX_BYTES = 4096;

/** What the lock file says; null when there is none. A file that cannot be a lock reads as an empty text. */
export async function readLock(path: string): Promise<string | null> {
  const text = await readSmallFile(path, MAX_BYTES);
  if (text !== null) return text;
  return (await isThere(path)) ? "" : null;
}

async function isThere(path: string): Promise<boolean> {
  try {
    closeSync(openSync(path, "r"));
    return true;
  } catch (error) {
    return errnoOf(error) !== "ENOENT";
  }
}

/** Writes a lock for all who can see the disk: a power cut may forget it, for it lets go of every lock. */
export async function writeLock(file: number, path: string, text: string): Promise<void> {
  writeFileSync(file, text);
  if (!isLocalDisk(path)) await syncFile(file);
}

/** What link(2) says where a lock cannot be one. */
export const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Where there are no links: a lock that may be seen before its text is in it. Null when there is one. */
export async function createInPlace(target: string, text: string): Promise<number | null> {
  try {
    const file = await openFile(target, "wx+");
    await writeLock(file, target, text);
    return file;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return null;
    throw diskError("lock", target, error);
  }
}

/**
 * Takes the lock file at `path` away if what it says is what was meant. The file is moved first and read then: what
 * turns out to be another's is put back under its name.
 */
export async function removeLock(parts: LockParts, path: string, isMeant: (text: string) => boolean): Promise<void> {
  const now = await readLock(path);
  if (now === null || !isMeant(now)) return;
  using locks = await holdFolder(parts.layout.root, parts.layout.folderOf(path));
  const temporary = parts.layout.temporaryOf(parts.clock.unique());
  using scratch = await holdFolder(parts.layout.root, parts.layout.folderOf(temporary));
  await moveAndRemove({ locks, scratch }, { path, temporary }, isMeant);
}

async function moveAndRemove(
  { locks, scratch }: { readonly locks: HeldFolder; readonly scratch: HeldFolder },
  { path, temporary }: { readonly path: string; readonly temporary: string },
  isMeant: (text: string) => boolean,
): Promise<void> {
  const [target, moved] = [locks.path(basename(path)), scratch.path(basename(temporary))];
  try {
    await rename(target, moved);
    if (!isMeant((await readLock(moved)) ?? "")) await link(moved, target).catch(() => undefined);
    await removeFile(moved);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw diskError("unlock", path, error);
  }
}
