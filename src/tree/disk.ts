/** The few things that are done to the disk in more than one place, with errors that blame the disk. */
import { type BigIntStats, closeSync, constants, lstatSync, readSync, statSync } from "node:fs";
import { openOrNull, unlinkIfThere } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import { systemCode } from "../base/system-errors.ts";

/** See {@link systemCode}. */
export const errnoOf = (error: unknown): string => systemCode(error);

const ABSENT = new Set(["ENOENT", "ENOTDIR"]);
const LOOK = { bigint: true, throwIfNoEntry: false } as const;

/** What lies at `path`, through symbolic links; null when nothing does. */
export function statOrNull(path: string): BigIntStats | null {
  return seenOrNull(() => statSync(path, LOOK));
}

/** What lies at `path` itself; null when nothing does. */
export function lstatOrNull(path: string): BigIntStats | null {
  return seenOrNull(() => lstatSync(path, LOOK));
}

/** What lies at `path`, through symbolic links; null when nothing does that may be looked at. */
export function statIfAllowed(path: string): BigIntStats | null {
  try {
    return statOrNull(path);
  } catch {
    return null;
  }
}

function seenOrNull(look: () => BigIntStats | undefined): BigIntStats | null {
  try {
    return look() ?? null;
  } catch (error) {
    if (ABSENT.has(errnoOf(error))) return null;
    throw error;
  }
}

/** Removes a file if it is there. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlinkIfThere(path);
  } catch (error) {
    throw diskError("remove", path, error);
  }
}

// Without O_NONBLOCK a FIFO under this name would be waited for.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** The text of a small file of ours; null when it is absent, longer than `maxBytes`, or not a plain file. */
export async function readSmallFile(path: string, maxBytes: number): Promise<string | null> {
  const file = openOrNull(path, READ_FLAGS);
  if (file === null) return null;
  try {
    const buffer = Buffer.allocUnsafe(maxBytes + 1);
    const count = readSync(file, buffer, 0, buffer.length, 0);
    return count > maxBytes ? null : buffer.toString("utf8", 0, count);
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}
