/** The unfinished files of a tree: partial files with their journals, whoever began them. */
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isSha256, type Sha256 } from "../base/artifact.ts";
import type { TreePath } from "../base/paths.ts";
import { removeFile, statOrNull } from "./disk.ts";
import type { Layout, PartialPaths } from "./layout.ts";

export interface Unfinished extends PartialPaths {
  /** Null for a file whose digest nobody knew when it was begun. */
  readonly sha256: Sha256 | null;
  /** The key of the lease under which it is written. */
  readonly lease: string;
  /** What it takes of the disk now. */
  readonly allocatedBytes: number;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

const BLOCK_BYTES = 512;
const ANY_PATH = "any" as TreePath;

/** In the order of names. */
export async function unfinished(layout: Layout): Promise<readonly Unfinished[]> {
  const folder = dirname(layout.partialOf({ sha256: null, path: ANY_PATH }).content);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".part")).sort();
  const found = await Promise.all(
    names.map(async (name): Promise<Unfinished | null> => {
      const stem = name.slice(0, -".part".length);
      const paths = { content: `${folder}/${name}`, journal: `${folder}/${stem}.journal` };
      const seen = statOrNull(paths.content);
      if (seen === null) return null;
      const sha256 = isSha256(stem) ? stem : null;
      const allocatedBytes = Number(seen.blocks) * BLOCK_BYTES;
      return { ...paths, sha256, lease: layout.leaseOf(stem), allocatedBytes, writtenAt: Number(seen.mtimeMs) };
    }),
  );
  return found.filter((one) => one !== null);
}

/** Removes one: its journal first, which must never describe what comes after it. @throws ModelsError `DISK_FAILED` */
export async function discardUnfinished({ content, journal }: PartialPaths): Promise<void> {
  await removeFile(journal);
  await removeFile(content);
}
