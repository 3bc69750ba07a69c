/** How a whole, proven file gets its final name: durably, in one step, and never outside the tree. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { rename } from "node:fs/promises";
import { basename } from "node:path";
import { syncFile } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import { ModelsError } from "../base/errors.ts";
import type { TreePath } from "../base/paths.ts";
import { errnoOf, lstatOrNull, removeFile, statOrNull } from "./disk.ts";
import { type HeldFolder, holdFolder } from "./folder.ts";
import { kindOf } from "./look.ts";
import { createReceipt, isReceiptFor, type ReceiptHow, readReceipt, writeReceipt } from "./receipt.ts";
import { isSameStamp, type Stamp, stampOf } from "./stamp.ts";
import type { TreeParts, WantedArtifact } from "./terms.ts";
import { otherMount, refuseUnwritable } from "./writable.ts";

/** Where the bytes came from, and what may be done for them. */
export interface Origin {
  /** Labels of mirrors, or local paths. */
  readonly mirrors: readonly string[];
  readonly how: ReceiptHow;
  /** Whether a file with other bytes may lose its place. @default false */
  readonly replace?: boolean;
}

/**
 * Moves `partial`, whose digest the caller has proven, to the place of `wanted`.
 * The receipt is written before the rename: it names this inode, so it proves nothing until the rename is done, and
 * a crash in between costs no second reading.
 * @throws ModelsError `TREE_CONFLICT`, `PATH_UNSAFE`, `SIZE_MISMATCH`, `DISK_FULL`, `DISK_FAILED`
 */
export async function place(parts: TreeParts, partial: string, wanted: WantedArtifact, origin: Origin): Promise<void> {
  const path = parts.layout.fileOf(wanted.path);
  try {
    using held = openPartial(partial);
    const { stamp, isNamedTwice } = await syncWhole(held, partial, wanted);
    using folder = await holdFolder(parts.layout.root, parts.layout.folderOf(path));
    const leaving = await refuseConflict(parts, folder, { wanted, origin });
    await prove(parts, stamp, { wanted, origin });
    await refuseNewcomer(parts, folder, { wanted, origin, leaving });
    await rename(partial, folder.path(basename(path)));
    await folder.sync();
    await confirm(parts, { wanted, origin, stamp });
    // The rename leaves the old name alone where both were already one file.
    if (isNamedTwice) await removeFile(partial);
    await removeFile(parts.layout.partialOf(wanted).journal);
  } catch (error) {
    throw errnoOf(error) === "EXDEV" ? otherMount(path, partial, error) : diskError("place", path, error);
  }
}

/**
 * Refuses a place at which no file could be put, for what stands there or for its folder, before anything is fetched
 * for it; makes the folders above it.
 * @throws ModelsError `TREE_CONFLICT`, `PATH_UNSAFE`, `DISK_FULL`, `DISK_FAILED`
 */
export async function refuseObstacle(parts: Pick<TreeParts, "layout">, path: TreePath): Promise<void> {
  const { layout } = parts;
  const whole = layout.fileOf(path);
  using folder = await holdFolder(layout.root, layout.folderOf(whole));
  const there = lstatOrNull(folder.path(basename(whole)));
  if (there !== null && !there.isFile() && !there.isSymbolicLink()) throw conflict(layout, path, kindOf(there));
  await refuseUnwritable(parts, folder);
}

interface Subject {
  readonly wanted: WantedArtifact;
  readonly origin: Origin;
}

interface OpenFile extends Disposable {
  readonly file: number;
}

function openPartial(partial: string): OpenFile {
  const file = openSync(partial, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  return { file, [Symbol.dispose]: () => closeSync(file) };
}

async function syncWhole(
  { file }: OpenFile,
  partial: string,
  wanted: WantedArtifact,
): Promise<{ readonly stamp: Stamp; readonly isNamedTwice: boolean }> {
  const seen = fstatSync(file, { bigint: true });
  if (!seen.isFile()) {
    throw new ModelsError("TREE_CONFLICT", `Cannot place "${partial}": it is ${kindOf(seen)}, expected a file`);
  }
  if (Number(seen.size) !== wanted.size) {
    throw new ModelsError(
      "SIZE_MISMATCH",
      `Cannot place "${partial}" as "${wanted.path}": it has ${seen.size} bytes, expected ${wanted.size}`,
    );
  }
  await syncFile(file);
  const synced = fstatSync(file, { bigint: true });
  return { stamp: stampOf(synced), isNamedTwice: synced.nlink > 1n };
}

/** What lies under the final name and may be replaced; null when nothing lies there. */
async function refuseConflict(
  parts: TreeParts,
  folder: HeldFolder,
  { wanted, origin }: Subject,
): Promise<Stamp | null> {
  const there = lstatOrNull(folder.path(basename(wanted.path)));
  if (there === null) return null;
  if (!there.isFile() && !there.isSymbolicLink()) throw conflict(parts.layout, wanted.path, kindOf(there));
  const stamp = stampOf(there);
  if (origin.replace === true || (there.isFile() && (await isProven(parts, wanted, stamp)))) return stamp;
  throw conflict(parts.layout, wanted.path, there.isFile() ? "another file" : "a link");
}

async function refuseNewcomer(
  parts: TreeParts,
  folder: HeldFolder,
  { wanted, leaving }: Subject & { readonly leaving: Stamp | null },
): Promise<void> {
  const there = lstatOrNull(folder.path(basename(wanted.path)));
  if (there === null || (leaving !== null && isSameStamp(stampOf(there), leaving))) return;
  throw conflict(parts.layout, wanted.path, `${kindOf(there)} that came meanwhile`);
}

async function isProven(parts: TreeParts, wanted: WantedArtifact, stamp: Stamp): Promise<boolean> {
  const receipt = await readReceipt(parts.layout, wanted.path);
  return receipt !== null && receipt.sha256 === wanted.sha256 && isReceiptFor(receipt, stamp);
}

async function prove(parts: TreeParts, stamp: Stamp, { wanted, origin }: Subject): Promise<void> {
  const { path, sha256 } = wanted;
  const { mirrors, how } = origin;
  const receipt = { ...stamp, path, sha256, mirrors, how, shouldBe: null };
  // Most often there is none: who looks first waits for whoever writes there.
  if (await createReceipt(parts, { ...receipt, aliases: [] })) return;
  const previous = await readReceipt(parts.layout, path);
  await writeReceipt(parts, { ...receipt, aliases: previous?.aliases ?? [] });
}

/**
 * Looks through the final name, which someone may have led elsewhere meanwhile. A few user-space file systems number a
 * file anew when its name changes: then the receipt is written again.
 */
async function confirm(parts: TreeParts, subject: Subject & { readonly stamp: Stamp }): Promise<void> {
  const { wanted, stamp } = subject;
  const placed = statOrNull(parts.layout.fileOf(wanted.path));
  const seen = placed === null ? null : stampOf(placed);
  if (seen === null || seen.size !== stamp.size || seen.mtimeNs !== stamp.mtimeNs) {
    throw conflict(parts.layout, wanted.path, "a folder that was moved meanwhile");
  }
  if (!isSameStamp(seen, stamp)) await prove(parts, seen, subject);
}

function conflict(layout: TreeParts["layout"], path: TreePath, seen: string): ModelsError {
  return new ModelsError("TREE_CONFLICT", `Cannot place "${path}": ${seen} is there, expected no file or ours`, {
    fix: `move "${layout.fileOf(path)}" away and run it again`,
  });
}
