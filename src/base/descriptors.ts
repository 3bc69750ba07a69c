/**
 * Files by their descriptors. What only looks is done at once: handed to another thread, its microseconds cost ten times
 * as much. What makes or removes a name, or waits for the disk, is handed over (both measured with a thousand files).
 */
import { closeSync, fdatasync, fsync, lstatSync, open, openSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { promisify } from "node:util";
import { systemCode } from "./system-errors.ts";

/** Opens `path`, which may have to be made first, with `flags` such as `wx`. */
export const openFile: (path: string, flags: string, mode?: number) => Promise<number> = promisify(open);

/** A descriptor of what lies at `path`; null when it cannot be opened. */
export function openOrNull(path: string, flags: string | number): number | null {
  try {
    return openSync(path, flags);
  } catch {
    return null;
  }
}

/** Makes an open file durable. */
export const syncFile: (file: number) => Promise<void> = promisify(fsync);

/** Makes the bytes of an open file durable, and its length, but not its times. */
export const syncData: (file: number) => Promise<void> = promisify(fdatasync);

// Some network and user-space file systems do not know how to sync a folder; there is nothing more to be done then.
const NOT_SYNCABLE = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EBADF", "EISDIR", "ENOSYS"]);

/** Makes the names in an open folder durable. */
export async function syncNames(folder: number): Promise<void> {
  try {
    await syncFile(folder);
  } catch (error) {
    if (!NOT_SYNCABLE.has(systemCode(error))) throw error;
  }
}

/** Makes the names in the folder at `path` durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = openSync(path, "r");
  try {
    await syncNames(folder);
  } finally {
    closeSync(folder);
  }
}

/** Removes the name `path`, if there is one. */
export async function unlinkIfThere(path: string): Promise<void> {
  try {
    // To look first costs a tenth of an unlink that fails, and most often nothing is there.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
    await unlink(path);
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes(systemCode(error))) throw error;
  }
}
