/** Reserves a file's space on the disk before the first byte: the only file that runs another program to do so. */
import { execFile } from "node:child_process";
import { ftruncateSync } from "node:fs";
import { promisify } from "node:util";
import { blameDisk } from "../base/disk-error.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { processEnvironment } from "../base/process.ts";
import { isFull, systemCode } from "../base/system-errors.ts";

const run = promisify(execFile);

/** Below this, starting another program costs more than the download, and a full disk shows within a few writes. */
const WORTH_BYTES = 16 * 1024 * 1024;

/**
 * Makes the open `file` (at `path`) `size` bytes long, with real blocks where the file system can: a full disk shows
 * now, and writes need no new extents. Where it cannot, and for small files, the length alone is set.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`
 */
export async function preallocate(file: number, path: string, size: number): Promise<void> {
  if (size >= WORTH_BYTES && (await reserve(path, size))) return;
  try {
    ftruncateSync(file, size);
  } catch (error) {
    const code = systemCode(error);
    if (isFull(code)) throw diskFull(path, size, code);
    if (code === "EFBIG") throw tooLarge(path, size);
    throw new ModelsError("DISK_FAILED", `Cannot reserve ${size} bytes for "${path}": ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether the blocks are there now. */
async function reserve(path: string, size: number): Promise<boolean> {
  try {
    // Node has no fallocate; the program of util-linux is on every image that has a shell.
    // Its words are read, so they must not be in the language of the box.
    await run("fallocate", ["-l", String(size), path], { env: { ...processEnvironment(), LC_ALL: "C" } });
    return true;
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr);
    if (/no space left/i.test(said)) throw diskFull(path, size, "ENOSPC");
    if (/quota exceeded/i.test(said)) throw diskFull(path, size, "EDQUOT");
    return false;
  }
}

function diskFull(path: string, size: number, why: string): ModelsError {
  const { code, seen, fix } = blameDisk(path, { code: why, message: why });
  return new ModelsError(code, `Cannot reserve ${size} bytes for "${path}": ${seen}`, { fix });
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
