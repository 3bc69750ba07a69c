/** Takes a file whose bytes have rotted out of its place, so that what is still right of it need not be fetched. */
import { constants } from "node:fs";
import { copyFile, open, rename } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { diskError } from "../base/disk-error.ts";
import { lstatOrNull, removeFile } from "./disk.ts";
import { holdFolder } from "./folder.ts";
import type { TreeParts, WantedArtifact } from "./terms.ts";

/** What can be taken: null unless a file of the right size is there, and no unfinished one of the same artifact. */
export interface Salvage {
  /** Brings it to where an unfinished file of `wanted` lies. */
  readonly take: () => Promise<void>;
}

/**
 * Looks whether the file of `wanted` can be taken. A file with other names (hard links) is copied, since writing into
 * it would change all of them. A crash in between leaves the file in one of the two places, or in both.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`, `PATH_UNSAFE`
 */
export async function salvageable(parts: TreeParts, wanted: WantedArtifact): Promise<Salvage | null> {
  const path = parts.layout.fileOf(wanted.path);
  const { content } = parts.layout.partialOf(wanted);
  try {
    const [seen, unfinished] = [lstatOrNull(path), lstatOrNull(content)];
    if (seen === null || !seen.isFile() || Number(seen.size) !== wanted.size || unfinished !== null) return null;
    const isShared = seen.nlink > 1n;
    return { take: () => take(parts, { path, content, isShared }) };
  } catch (error) {
    throw diskError("look at", path, error);
  }
}

interface Taking {
  readonly path: string;
  readonly content: string;
  readonly isShared: boolean;
}

async function take({ layout }: TreeParts, { path, content, isShared }: Taking): Promise<void> {
  try {
    using folder = await holdFolder(layout.root, layout.folderOf(path));
    const from = folder.path(basename(path));
    if (isShared) await copy(from, content);
    else await rename(from, content);
    await using partials = await open(dirname(content), constants.O_RDONLY);
    // Some network file systems refuse to sync a folder; there the move is as durable as it gets.
    await partials.sync().catch(() => undefined);
    await folder.sync();
  } catch (error) {
    throw diskError("take", path, error);
  }
}

async function copy(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    await removeFile(to);
    throw error;
  }
}
