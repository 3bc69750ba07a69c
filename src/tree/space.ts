/** How much the disk under the tree still takes, and how much of it unfinished files already have. */
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError } from "../base/disk-error.ts";
import { ModelsError } from "../base/errors.ts";
import { errnoOf, statOrNull } from "./disk.ts";
import type { PartialPaths } from "./layout.ts";

/** Not on this path yet: a folder above it may be, or a file that stands in its way. */
const ABOVE = new Set(["ENOENT", "ENOTDIR"]);

/**
 * Bytes that an ordinary user may still write below `folder`, which need not exist yet.
 * @throws ModelsError `DISK_FAILED`, `TREE_CONFLICT` when it is a file, or one of the folders above it is
 */
export async function freeBytes(folder: string): Promise<number> {
  try {
    if (!(await stat(folder)).isDirectory()) throw noFolder(folder);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(folder);
    if (!ABOVE.has(errnoOf(error)) || parent === folder) throw diskError("measure the free space of", folder, error);
    return await freeBytes(parent);
  }
}

function noFolder(path: string): ModelsError {
  return new ModelsError("TREE_CONFLICT", `Cannot use "${path}" for models: it is a file, expected a folder`, {
    fix: "name another folder with --root, MODELS_ROOT or the config's root",
  });
}

const BLOCK_BYTES = 512n;

/** Bytes on disk that a partial file has: what is allocated, not its length (it may be sparse). */
export async function partialBytes(partial: PartialPaths): Promise<number> {
  const seen = statOrNull(partial.content);
  return seen === null ? 0 : Number(seen.blocks * BLOCK_BYTES);
}
