/** Links at the other places where ComfyUI looks for a file; never in the place of a file that is not ours. */
import { link, realpath, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { diskError } from "../base/disk-error.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import type { TreePath } from "../base/paths.ts";
import { errnoOf, lstatOrNull, removeFile } from "./disk.ts";
import { type HeldFolder, holdFolder } from "./folder.ts";
import { stampAt } from "./known-digests.ts";
import { kindOf } from "./look.ts";
import { isReceiptFor, type Receipt, readReceipt, writeReceipt } from "./receipt.ts";
import { isSameStamp, type Stamp, stampOf } from "./stamp.ts";
import type { TreeParts, Wanted } from "./terms.ts";

/** What became of one alias. */
export interface AliasResult {
  readonly alias: TreePath;
  /** `in-the-way`: something that is not ours has the name, and keeps it. */
  readonly status: "linked" | "present" | "in-the-way";
  /** What is in the way. */
  readonly seen?: string;
}

/** How a link is made; systems without symbolic links get hard ones. */
export type LinkPort = (target: string, path: string) => Promise<void>;

/**
 * Makes every alias of a file that is in its place lead to it. Does nothing that is done already.
 * @throws ModelsError `MODELS_MISSING` when there is no file to link to, `PATH_UNSAFE`, `TREE_CONFLICT`, `DISK_FULL`,
 * `DISK_FAILED`
 */
export async function linkAliases(
  parts: TreeParts,
  wanted: Wanted,
  makeSymlink: LinkPort = symlink,
): Promise<readonly AliasResult[]> {
  const aliases = wanted.aliases.filter((alias) => alias !== wanted.path);
  if (aliases.length === 0) return [];
  const target = await targetOf(parts, wanted);
  const receipt = await readReceipt(parts.layout, wanted.path);
  const remember = createMemory(parts, receipt);
  const results: AliasResult[] = [];
  for (const alias of aliases) {
    results.push(await linkAlias(parts, alias, { wanted, target, receipt, makeSymlink, remember }));
  }
  return results;
}

interface Target {
  /** Through every link among its folders. */
  readonly real: string;
  readonly stamp: Stamp;
}

interface AliasSubject {
  readonly wanted: Wanted;
  readonly target: Target;
  readonly receipt: Receipt | null;
  readonly makeSymlink: LinkPort;
  /** Notes in the receipt that a link is ours; before there is one, so that no crash leaves a link that nobody knows. */
  readonly remember: (alias: TreePath) => Promise<void>;
}

async function targetOf(parts: TreeParts, wanted: Wanted): Promise<Target> {
  const path = parts.layout.fileOf(wanted.path);
  const stamp = await stampAt(path);
  if (stamp === null) {
    throw new ModelsError("MODELS_MISSING", `Cannot link the aliases of "${wanted.name}": there is no file ${path}`, {
      fix: `run models sync ${wanted.name}`,
    });
  }
  return { real: join(await realpath(dirname(path)), basename(path)), stamp };
}

async function linkAlias(parts: TreeParts, alias: TreePath, subject: AliasSubject): Promise<AliasResult> {
  const path = parts.layout.fileOf(alias);
  try {
    using folder = await holdFolder(parts.layout.root, parts.layout.folderOf(path));
    const there = lstatOrNull(folder.path(basename(path)));
    if (there !== null) {
      if (await leadsTo(folder, basename(path), subject.target)) return { alias, status: "present" };
      const isOurs = there.isFile() && (await isOldLink(parts, alias, { subject, stamp: stampOf(there) }));
      if (!isOurs) return { alias, status: "in-the-way", seen: kindOf(there) };
      await removeFile(folder.path(basename(path)));
    }
    await subject.remember(alias);
    // Neither kind of link takes a name that was taken meanwhile.
    const isHard = await linkEitherWay(folder.path(basename(path)), folder, subject);
    await folder.sync();
    if (isHard) await proveHardLink(parts, alias, subject);
    return { alias, status: "linked" };
  } catch (error) {
    throw diskError("link", path, error);
  }
}

/** True for a link to the target, whether symbolic or hard. */
async function leadsTo(folder: HeldFolder, name: string, target: Target): Promise<boolean> {
  const stamp = await stampAt(folder.path(name));
  return stamp !== null && isSameStamp(stamp, target.stamp) && stamp.dev === target.stamp.dev;
}

/** True for a hard link that we made to an earlier file in the same place, and that nobody has touched. */
async function isOldLink(
  parts: TreeParts,
  alias: TreePath,
  { subject, stamp }: { readonly subject: AliasSubject; readonly stamp: Stamp },
): Promise<boolean> {
  const own = await readReceipt(parts.layout, alias);
  return own?.how === "linked" && isReceiptFor(own, stamp) && subject.receipt?.aliases.includes(alias) === true;
}

const NO_SYMLINKS = new Set(["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"]);

async function linkEitherWay(made: string, folder: HeldFolder, subject: AliasSubject): Promise<boolean> {
  try {
    await subject.makeSymlink(relative(folder.real, subject.target.real), made);
    return false;
  } catch (error) {
    if (!NO_SYMLINKS.has(errnoOf(error))) throw error;
  }
  try {
    await link(subject.target.real, made);
    return true;
  } catch (error) {
    throw new ModelsError("DISK_FAILED", `Cannot link "${subject.target.real}": ${reasonOf(error)}`, {
      fix: "keep the tree on a file system that has links, or take the aliases out of the manifest",
      cause: error,
    });
  }
}

async function proveHardLink(parts: TreeParts, alias: TreePath, { receipt, target }: AliasSubject): Promise<void> {
  if (receipt === null || !isReceiptFor(receipt, target.stamp)) return;
  await writeReceipt(parts, { ...receipt, path: alias, how: "linked", aliases: [] });
}

function createMemory(parts: TreeParts, receipt: Receipt | null): AliasSubject["remember"] {
  let known = receipt?.aliases ?? [];
  return async (alias) => {
    if (receipt === null || known.includes(alias)) return;
    known = [...known, alias];
    await writeReceipt(parts, { ...receipt, aliases: known });
  };
}
