/** The remembered proof that a path held certain bytes: how it is written, read, believed. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { isCount } from "../base/bytes.ts";
import { type TreePath, treePathProblem } from "../base/paths.ts";
import type { Layout } from "./layout.ts";
import { createSealed, type Fields, isInteger, readSealed, unseal, writeSealed } from "./sealed.ts";
import { isSameStamp, type Stamp } from "./stamp.ts";
import type { TreeParts } from "./terms.ts";

/** How a file came to be known. */
export type ReceiptHow = "fetched" | "reused" | "adopted" | "linked";

export interface Receipt extends Stamp {
  readonly path: TreePath;
  /** What the bytes are, as they were read. */
  readonly sha256: Sha256;
  /** What they ought to be, when a later reading found other bytes; else null. */
  readonly shouldBe: Sha256 | null;
  /** Milliseconds since 1970. */
  readonly verifiedAt: number;
  /** Labels of the mirrors, or local paths, that the bytes came from. */
  readonly mirrors: readonly string[];
  readonly how: ReceiptHow;
  /** Links to this file that are ours. */
  readonly aliases: readonly TreePath[];
}

/** A receipt that is verified now unless it says when. */
export type NewReceipt = Omit<Receipt, "verifiedAt"> & { readonly verifiedAt?: number };

const VERSION = 1;
const MAX_BYTES = 64 * 1024;
const HOWS: readonly unknown[] = ["fetched", "reused", "adopted", "linked"] satisfies readonly ReceiptHow[];

const SECOND_NS = 1_000_000_000n;

/**
 * True when the receipt is of this very file, or of the one that it was copied from to another disk with its time kept:
 * a layer of an image, a moved tree. Image layers keep whole seconds. On one device another inode is another file.
 */
export function isReceiptFor(receipt: Receipt, stamp: Stamp): boolean {
  if (isSameStamp(receipt, stamp)) return true;
  const wholeSecond = receipt.mtimeNs - (receipt.mtimeNs % SECOND_NS);
  const isSameTime = stamp.mtimeNs === receipt.mtimeNs || stamp.mtimeNs === wholeSecond;
  return receipt.dev !== stamp.dev && receipt.size === stamp.size && isSameTime;
}

/** The receipt of `path`, or null: a torn, lying or foreign receipt is none. */
export async function readReceipt(layout: Layout, path: TreePath): Promise<Receipt | null> {
  return receiptFrom(await readSealed(layout.receiptOf(path), MAX_BYTES), path);
}

/** Reads a receipt of any path from its file. */
export async function readReceiptFile(file: string): Promise<Receipt | null> {
  return receiptFrom(await readSealed(file, MAX_BYTES), null);
}

/** Reads the text of a receipt; null for anything that is not a whole one of `path`. Never throws. */
export function parseReceipt(text: string, path: TreePath): Receipt | null {
  return receiptFrom(unseal(text), path);
}

/**
 * Writes the receipt of `receipt.path` in one step, durably.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`, `PATH_UNSAFE`, `TREE_CONFLICT`
 */
export async function writeReceipt(parts: Pick<TreeParts, "layout" | "clock">, receipt: NewReceipt): Promise<void> {
  await writeSealed(parts, parts.layout.receiptOf(receipt.path), fieldsOf(parts, receipt));
}

/**
 * Writes the first receipt of `receipt.path`; false where there is one, whatever it says.
 * @throws ModelsError as {@link writeReceipt}
 */
export async function createReceipt(parts: Pick<TreeParts, "layout" | "clock">, receipt: NewReceipt): Promise<boolean> {
  return await createSealed(parts, parts.layout.receiptOf(receipt.path), fieldsOf(parts, receipt));
}

function fieldsOf({ clock }: Pick<TreeParts, "clock">, receipt: NewReceipt): Fields {
  const { size, mtimeNs, inode, dev, path, sha256, shouldBe, mirrors, how, aliases } = receipt;
  return {
    version: VERSION,
    path,
    sha256,
    size,
    mtimeNs: String(mtimeNs),
    inode: String(inode),
    dev: String(dev),
    verifiedAt: receipt.verifiedAt ?? Math.max(0, Math.round(clock.now())),
    mirrors,
    how,
    aliases,
    ...(shouldBe === null ? {} : { shouldBe }),
  };
}

function receiptFrom(fields: Fields | null, expected: TreePath | null): Receipt | null {
  const { version, path, sha256, shouldBe = null, size, verifiedAt, how, mirrors, aliases, ...rest } = fields ?? {};
  const { mtimeNs, inode, dev = "0" } = rest;
  if (version !== VERSION || !isTreePath(path) || (expected !== null && path !== expected)) return null;
  if (!isSha256(sha256) || !(shouldBe === null || isSha256(shouldBe))) return null;
  if (!isCount(size) || !isCount(verifiedAt) || !isInteger(mtimeNs) || !isInteger(inode) || !isInteger(dev))
    return null;
  if (!isHow(how) || !isListOf(mirrors, isText) || !isListOf(aliases, isTreePath)) return null;
  const stamp = { size, mtimeNs: BigInt(mtimeNs), inode: BigInt(inode), dev: BigInt(dev) };
  return { path, sha256, shouldBe, ...stamp, verifiedAt, mirrors, how, aliases };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTreePath = (value: unknown): value is TreePath => isText(value) && treePathProblem(value) === null;
const isHow = (value: unknown): value is ReceiptHow => HOWS.includes(value);

function isListOf<T>(value: unknown, is: (one: unknown) => one is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}
