/** Reserves a file's space on the disk before the first byte: the only file that runs another program to do so. */
import { execFile } from "node:child_process";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { ModelsError } from "../base/errors.ts";
import { processEnvironment } from "../base/process.ts";

const run = promisify(execFile);

/**
 * Makes `file` (at `path`) `size` bytes long, with real blocks where the file system can: a full disk shows now, and
 * writes need no new extents. Where it cannot, the length alone is set.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`
 */
export async function preallocate(file: FileHandle, path: string, size: number): Promise<void> {
  if (size === 0) return;
  try {
    // Node has no fallocate; the program of util-linux is on every image that has a shell.
    await run("fallocate", ["-l", String(size), path], { env: { ...processEnvironment(), LC_ALL: "C" } });
    return;
  } catch (error) {
    // Its words are read, so they must not be in the language of the box.
    if (/no space left|quota exceeded/i.test(String((error as { stderr?: unknown }).stderr)))
      throw diskFull(path, size);
  }
  await file.truncate(size).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOSPC" || error.code === "EDQUOT") throw diskFull(path, size);
    if (error.code === "EFBIG") throw tooLarge(path, size);
    throw new ModelsError("DISK_FAILED", `Cannot reserve ${size} bytes for "${path}": ${error.message}`, {
      cause: error,
    });
  });
}

function diskFull(path: string, size: number): ModelsError {
  return new ModelsError("DISK_FULL", `Cannot reserve ${size} bytes for "${path}": the disk is full`, {
    fix: "free space, or choose another --root",
  });
}

function tooLarge(path: string, size: number): ModelsError {
  return new ModelsError(
    "DISK_FAILED",
    `Cannot reserve ${size} bytes for "${path}": its file system takes no such file`,
    {
      fix: "choose a --root on a file system for large files, such as ext4, xfs or NTFS",
    },
  );
}
