/** How a file leaves the tree with everything that belongs to it, so that a crash in between leaves no half of it. */
import { readlink, realpath, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { diskError } from "../base/disk-error.ts";
import { type TreePath, treePathProblem } from "../base/paths.ts";
import { errnoOf, lstatOrNull, removeFile, statOrNull } from "./disk.ts";
import { holdFolder } from "./folder.ts";
import { readReceipt } from "./receipt.ts";
import type { TreeParts } from "./terms.ts";

/**
 * Removes the file at `path`, with its aliases first and its receipt last: after a crash there is a file that lacks an
 * alias, or a receipt without a file. A sync mends either, and no name leads to nothing.
 * @returns false when nothing was there
 * @throws ModelsError `DISK_FAILED`, `PATH_UNSAFE`
 */
export async function remove(parts: TreeParts, path: string): Promise<boolean> {
  const { layout } = parts;
  const file = resolve(layout.root, path);
  const own = treePathProblem(path) === null ? (path as TreePath) : null;
  const receipt = own === null ? null : await readReceipt(layout, own);
  for (const alias of receipt?.aliases ?? []) await removeAlias(parts, alias, file);
  const isRemoved = await removeName(parts, file);
  if (own !== null) await removeFile(layout.receiptOf(own));
  return isRemoved;
}

/** What has the alias' name by now goes only if it still is that file. */
async function removeAlias(parts: TreeParts, alias: TreePath, file: string): Promise<void> {
  const path = parts.layout.fileOf(alias);
  const seen = lstatOrNull(path);
  if (seen === null) return;
  const isOurs = seen.isSymbolicLink() ? await leadsTo(path, file) : statOrNull(file)?.ino === seen.ino;
  if (!isOurs) return;
  await removeName(parts, path);
  await removeFile(parts.layout.receiptOf(alias));
}

async function leadsTo(link: string, file: string): Promise<boolean> {
  const target = resolve(await realpath(dirname(link)), await readlink(link));
  return target === join(await realpath(dirname(file)), basename(file));
}

async function removeName({ layout }: TreeParts, path: string): Promise<boolean> {
  try {
    using folder = await holdFolder(layout.root, layout.folderOf(path));
    await unlink(folder.path(basename(path)));
    await folder.sync();
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw diskError("remove", path, error);
  }
}
