/** What is known of a file's use: when it was read last, what removing it would free, and who has it open. */
import { lstat, realpath } from "node:fs/promises";
import type { Sha256 } from "../base/artifact.ts";
import { type TreePath, treePathProblem } from "../base/paths.ts";
import { processIdentity } from "../base/process.ts";
import { lstatOrNull, statOrNull } from "./disk.ts";
import { list } from "./list.ts";
import { findOpenFiles, type OpenFiles } from "./open-files.ts";
import { readReceipt } from "./receipt.ts";
import { stampOf } from "./stamp.ts";
import type { TreeParts } from "./terms.ts";

export interface Usage {
  /** In the tree; a foreign file may have any name. */
  readonly path: string;
  readonly sha256: Sha256 | null;
  readonly size: number;
  /** What the disk gains when it goes with its aliases; 0 where the bytes have other names. */
  readonly freesBytes: number;
  /** The latest of: read (as far as the file system keeps it), written, verified. Milliseconds since 1970. */
  readonly usedAt: number;
  readonly isOurs: boolean;
  readonly isOpen: boolean;
  readonly aliases: readonly TreePath[];
}

/** Every weight file but aliases, in the order of paths. @throws ModelsError `DISK_FAILED` */
export async function usages(
  parts: TreeParts,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly Usage[]> {
  const entries = (await list(parts, signal === undefined ? {} : { signal })).filter(({ aliasOf }) => aliasOf === null);
  const open = await findOpenFiles(processIdentity().pid);
  const found: Usage[] = [];
  for (const entry of entries) {
    const usage = await usageOf(parts, entry, open);
    if (usage !== null) found.push(usage);
  }
  const aliases = new Set<string>(found.flatMap((usage) => usage.aliases));
  return found.filter(({ path }) => !aliases.has(path));
}

async function usageOf(
  { layout }: TreeParts,
  entry: Pick<Usage, "path" | "sha256" | "isOurs"> & { readonly verifiedAt: number | null },
  open: OpenFiles,
): Promise<Usage | null> {
  const { path, sha256, isOurs, verifiedAt } = entry;
  const file = `${layout.root}/${path}`;
  const [seen, own] = [statOrNull(file), lstatOrNull(file)];
  if (seen === null || own === null) return null;
  const receipt = treePathProblem(path) === null ? await readReceipt(layout, path as TreePath) : null;
  const aliases = receipt?.how === "linked" ? [] : (receipt?.aliases ?? []);
  const names = 1 + (await hardLinksAmong(layout.root, aliases, seen.ino));
  const isLast = !own.isSymbolicLink() && Number(seen.nlink) <= names;
  return {
    path,
    sha256,
    size: Number(seen.size),
    freesBytes: isLast ? Number(seen.size) : 0,
    usedAt: Math.max(Number(seen.atimeMs), Number(seen.mtimeMs), verifiedAt ?? 0),
    isOurs,
    isOpen: open.has(await realpath(file).catch(() => file), stampOf(seen)),
    aliases,
  };
}

async function hardLinksAmong(root: string, aliases: readonly TreePath[], inode: bigint): Promise<number> {
  const seen = await Promise.all(aliases.map((alias) => lstat(`${root}/${alias}`, { bigint: true }).catch(() => null)));
  return seen.filter((one) => one?.isFile() && one.ino === inode).length;
}
