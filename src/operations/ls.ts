/** What lies in the tree, and which of it the catalogue knows. */
import { collisionKey, type TreePath } from "../base/paths.ts";
import type { Catalog } from "../catalog/model.ts";
import type { TreeEntry } from "../tree/list.ts";
import type { Tree } from "../tree/tree.ts";

/** One file as `models ls --json` prints it. */
export interface ListedFile extends TreeEntry {
  /** Name of the catalogue's model that belongs here, or null. */
  readonly model: string | null;
}

/** What `models ls --json` prints. */
export interface Listing {
  readonly root: string;
  readonly files: readonly ListedFile[];
  /** Bytes of all files; links count once. */
  readonly size: number;
}

/** Lists the tree. @throws ModelsError `DISK_FAILED` */
export async function listFiles(
  ports: { readonly tree: Tree; readonly catalog: () => Promise<Catalog> },
  options: { readonly signal?: AbortSignal } = {},
): Promise<Listing> {
  const [entries, catalog] = await Promise.all([ports.tree.list(options), ports.catalog()]);
  const names = new Map<string, string>();
  for (const { name, path, aliases } of catalog.models.values()) {
    for (const place of [...aliases, path]) names.set(collisionKey(place), name);
  }
  const files = entries.map((entry) => ({ ...entry, model: names.get(collisionKey(entry.path as TreePath)) ?? null }));
  const size = entries.reduce((sum, entry) => sum + (entry.aliasOf === null ? entry.size : 0), 0);
  return { root: ports.tree.root, files, size };
}
