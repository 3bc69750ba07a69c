/** How much the disk under the tree still takes, and how much of it unfinished files already have. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, errnoOf, statOrNull } from "./disk.ts";
import type { PartialPaths } from "./layout.ts";

/**
 * Bytes that an ordinary user may still write below `folder`, which need not exist yet.
 * @throws ModelsError `DISK_FAILED`
 */
export async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(folder);
    if (errnoOf(error) !== "ENOENT" || parent === folder) throw diskError("measure the free space of", folder, error);
    return await freeBytes(parent);
  }
}

const BLOCK_BYTES = 512n;

/** Bytes on disk that a partial file has: what is allocated, not its length (it may be sparse). */
export async function partialBytes(partial: PartialPaths): Promise<number> {
  const seen = await statOrNull(partial.content);
  return seen === null ? 0 : Number(seen.blocks * BLOCK_BYTES);
}
