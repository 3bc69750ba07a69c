/** Whether a whole file can be moved into a folder of the tree: asked before anything is fetched for it. Writes nothing. */
import { accessSync, constants } from "node:fs";
import { diskError } from "../base/disk-error.ts";
import { ModelsError } from "../base/errors.ts";
import { type HeldFolder, holdFolder } from "./folder.ts";
import type { TreeParts } from "./terms.ts";

/**
 * Refuses a folder that this user may not write to, that is read-only or immutable, or that is mounted by itself.
 * @throws ModelsError `DISK_FAILED`
 */
export async function refuseUnwritable({ layout }: Pick<TreeParts, "layout">, folder: HeldFolder): Promise<void> {
  try {
    accessSync(folder.path("."), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw diskError("write to the folder", folder.real, error);
  }
  using scratch = await holdFolder(layout.root, layout.folderOf(layout.temporaryOf("any")));
  if (folder.mount() !== scratch.mount()) throw otherMount(folder.real, scratch.real);
}

/** No file can be moved from one mount to another, even where both show one disk. */
export function otherMount(path: string, from: string, cause?: unknown): ModelsError {
  return new ModelsError("DISK_FAILED", `Cannot place "${path}": it lies on another device or mount than "${from}"`, {
    fix: "give the mounted folder itself as the root, so that it has its own .modelferry, or mount the whole tree as one",
    cause,
  });
}
