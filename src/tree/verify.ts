/** Reads files of the tree again and believes what they hold, not what their receipts say. */
import type { TreePath } from "../base/paths.ts";
import { digestOptions, type Finding } from "./check.ts";
import { stampAt } from "./known-digests.ts";
import { list } from "./list.ts";
import { lookAt } from "./look.ts";
import { type Receipt, readReceipt, writeReceipt } from "./receipt.ts";
import { isSameStamp, type Stamp } from "./stamp.ts";
import type { ReadOptions, TreeParts } from "./terms.ts";

/**
 * Reads `paths` again, or with null every file that has a receipt, one after the other. A receipt is renewed when the
 * bytes are still right; when they are not, it says from then on what they are and ought to be, so that no check
 * takes the file for a good one.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`, and whatever the digest throws
 */
export async function verify(
  parts: TreeParts,
  paths: readonly TreePath[] | null,
  options: ReadOptions = {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const path of paths ?? (await pathsWithReceipts(parts, options))) {
    options.signal?.throwIfAborted();
    findings.push(await verifyOne(parts, path, options));
  }
  return findings;
}

async function pathsWithReceipts(parts: TreeParts, { signal }: ReadOptions): Promise<readonly TreePath[]> {
  const entries = await list(parts, signal === undefined ? {} : { signal });
  const paths: TreePath[] = [];
  for (const { path, aliasOf } of entries) {
    const isFile = aliasOf === null && (await readReceipt(parts.layout, path as TreePath)) !== null;
    if (isFile) paths.push(path as TreePath);
  }
  return paths;
}

async function verifyOne(parts: TreeParts, path: TreePath, options: ReadOptions): Promise<Finding> {
  const file = parts.layout.fileOf(path);
  const receipt = await readReceipt(parts.layout, path);
  const expected = receipt?.shouldBe ?? receipt?.sha256 ?? null;
  const seen = await lookAt(file);
  const about = { name: path, path, sha256: expected, size: receipt?.size ?? null };
  if (seen.kind === "other") return { ...about, status: "corrupt", fix: `move away ${seen.what} at ${file}` };
  if (seen.kind !== "file") return { ...about, status: "missing", fix: "run models sync with the kit it belongs to" };
  const sha256 = await parts.digest.sha256File(file, digestOptions(file, seen.stamp.size, options));
  const read = { ...about, size: seen.stamp.size };
  if (!(await isStill(file, seen.stamp))) {
    return { ...read, status: "unverified", fix: "it is being written, wait for that and verify again" };
  }
  if (receipt === null) return { ...read, sha256, status: "unverified", fix: "run models adopt with its model's name" };
  await renew(parts, { ...receipt, ...seen.stamp, sha256, shouldBe: sha256 === expected ? null : expected });
  return sha256 === expected
    ? { ...read, status: "present" }
    : { ...read, status: "corrupt", fix: "run models sync with the kit it belongs to" };
}

async function isStill(file: string, stamp: Stamp): Promise<boolean> {
  const after = await stampAt(file);
  return after !== null && isSameStamp(after, stamp);
}

async function renew(parts: TreeParts, { verifiedAt: _, ...receipt }: Receipt): Promise<void> {
  await writeReceipt(parts, receipt);
}
