/** What the disk's refusals are called, and what the person does next: the same words for everyone who writes. */
import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ModelsError, reasonOf } from "./errors.ts";
import { systemCode } from "./system-errors.ts";

/** The parts of an error that blames the disk. */
export interface DiskBlame {
  readonly code: "DISK_FULL" | "DISK_FAILED";
  /** Without a path: the caller names its own, not the one that the system was given. */
  readonly seen: string;
  readonly fix: string;
}

/** `error` as ours: what could not be done to which path, and what to do. Ours pass through. */
export function diskError(verb: string, path: string, error: unknown): ModelsError {
  if (error instanceof ModelsError) return error;
  const { code, seen, fix } = blameDisk(path, { code: systemCode(error), message: reasonOf(error) });
  return new ModelsError(code, `Cannot ${verb} "${path}": ${seen}`, { fix, cause: error });
}

/** What the system said when something was done to `path`, or to the folder that it would be in. */
export function blameDisk(
  path: string,
  { code, message }: { readonly code: string; readonly message: string },
): DiskBlame {
  const full = (seen: string, fix: string): DiskBlame => ({
    code: "DISK_FULL",
    seen,
    fix: `${fix} and run it again, what is there already is kept`,
  });
  const failed = (seen: string, fix: string): DiskBlame => ({ code: "DISK_FAILED", seen, fix });
  switch (code) {
    case "ENOSPC":
      return hasNoInodes(path)
        ? full("its disk has room, but takes no more files: its inodes are used up", "remove some files (see df -i)")
        : full("the disk is full", "free some space");
    case "EDQUOT":
      return full("the quota is used up", "free some space of this user's (see quota -s)");
    case "EACCES":
      return failed(plain(message), `give this user the right to write to "${folderOf(path)}", or choose another root`);
    case "EPERM":
      return failed(
        plain(message),
        `give this user the right to write to "${folderOf(path)}" (lsattr shows whether it is immutable)`,
      );
    case "ENOENT":
    case "ENOTDIR":
      return failed(plain(message), `see to it that the folder "${dirname(path)}" is there, and run it again`);
    case "EROFS":
      return failed(plain(message), "mount the disk writable, or choose another root");
    default:
      return failed(plain(message), "look at the disk (its health, its mount) and run it again");
  }
}

/** `EIO: i/o error, write '/proc/self/fd/31/x'` as `i/o error (EIO)`. */
function plain(message: string): string {
  const [, code, says] = /^([A-Z][A-Z0-9]+): (.+?), [a-z]/.exec(message) ?? [];
  return says === undefined ? message : `${says} (${code})`;
}

/** What was made before it failed may be gone by now, so a few may be left. */
const FEW_INODES = 8;
const ROOM_BYTES = 1024 * 1024;

/** File systems that make inodes as they need them say that they have none at all. */
function hasNoInodes(path: string): boolean {
  const seen = orNull(() => statfsSync(folderOf(path)));
  return seen !== null && seen.files > 0 && seen.ffree < FEW_INODES && seen.bavail * seen.bsize > ROOM_BYTES;
}

/** The nearest folder above `path` that is there, or itself. */
function folderOf(path: string): string {
  const parent = dirname(path);
  if (parent === path || orNull(() => statSync(path).isDirectory()) === true) return path;
  return folderOf(parent);
}

function orNull<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}
