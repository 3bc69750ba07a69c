/** Whether a wanted file is here, proven by one receipt and one stat (or, deep, by reading it). */
import type { Sha256 } from "../base/artifact.ts";
import { lookAt } from "./look.ts";
import { isReceiptFor, type Receipt, readReceipt } from "./receipt.ts";
import { isSameStamp, type Stamp } from "./stamp.ts";
import type { ReadOptions, TreeParts, Wanted } from "./terms.ts";

export type FindingStatus = "present" | "unverified" | "missing" | "wrong-size" | "corrupt" | "unknown";

/** One line of a check. */
export interface Finding {
  readonly name: string;
  readonly path: string;
  /** Absolute path of the file, where it is not in its own place but ComfyUI finds it all the same. */
  readonly at?: string;
  readonly sha256: Sha256 | null;
  readonly size: number | null;
  /**
   * `unverified`: a file of the right size that nothing is proven about; `corrupt`: other bytes, or no file at all
   * but a folder or a device. `unknown` is for those who look models up; the tree never says it.
   */
  readonly status: FindingStatus;
  /** What the person does next; absent exactly when the status is `present`. */
  readonly fix?: string;
}

export interface CheckOptions extends ReadOptions {
  /** Reads the whole file rather than believe its receipt. @default false */
  readonly isDeep?: boolean;
}

/**
 * Finds out about one wanted file. Costs two looks at the disk unless deep; writes nothing.
 * @throws ModelsError `DISK_FAILED` when the check cannot be made
 */
export async function check(parts: TreeParts, wanted: Wanted, options: CheckOptions = {}): Promise<Finding> {
  const path = parts.layout.fileOf(wanted.path);
  const seen = await lookAt(path);
  if (seen.kind === "nothing") return found(wanted, "missing", fixBySync(wanted));
  if (seen.kind === "dangling") {
    return found(wanted, "missing", `remove the link at ${path}, which leads to nothing, then ${fixBySync(wanted)}`);
  }
  if (seen.kind === "other") {
    return found(wanted, "corrupt", `move away ${seen.what} at ${path}, then ${fixBySync(wanted)}`);
  }
  if (wanted.size !== null && seen.stamp.size !== wanted.size) return found(wanted, "wrong-size", fixBySync(wanted));
  const receipt = await readReceipt(parts.layout, wanted.path);
  const here = { ...wanted, size: seen.stamp.size };
  return options.isDeep === true
    ? await checkDeeply(parts, { wanted: here, stamp: seen.stamp, receipt }, options)
    : checkReceipt(here, seen.stamp, receipt);
}

function checkReceipt(wanted: Wanted, stamp: Stamp, receipt: Receipt | null): Finding {
  if (receipt === null || !isReceiptFor(receipt, stamp)) return found(wanted, "unverified", fixByAdopt(wanted));
  const known = { ...wanted, sha256: wanted.sha256 ?? receipt.shouldBe ?? receipt.sha256 };
  return receipt.sha256 === known.sha256 ? found(known, "present") : found(known, "corrupt", fixBySync(wanted));
}

interface DeepSubject {
  readonly wanted: Wanted;
  readonly stamp: Stamp;
  readonly receipt: Receipt | null;
}

async function checkDeeply(parts: TreeParts, subject: DeepSubject, options: CheckOptions): Promise<Finding> {
  const { wanted, stamp, receipt } = subject;
  const path = parts.layout.fileOf(wanted.path);
  const actual = await parts.digest.sha256File(path, digestOptions(path, stamp.size, options));
  const after = await lookAt(path);
  if (after.kind !== "file" || !isSameStamp(after.stamp, stamp)) {
    return found(wanted, "unverified", `it is being written, wait for that and check again`);
  }
  const expected = wanted.sha256 ?? receipt?.shouldBe ?? receipt?.sha256 ?? null;
  if (expected === null) return found({ ...wanted, sha256: actual }, "unverified", fixByAdopt(wanted));
  const known = { ...wanted, sha256: expected };
  return actual === expected ? found(known, "present") : found(known, "corrupt", fixBySync(wanted));
}

/** The options of a digest that reports as `options` wishes. */
export function digestOptions(
  path: string,
  size: number,
  options: ReadOptions,
): { signal?: AbortSignal; onProgress?: (doneBytes: number) => void } {
  const { signal, onProgress } = options;
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress: (doneBytes) => onProgress({ path, doneBytes, size }) }),
  };
}

function found(wanted: Wanted, status: FindingStatus, fix?: string): Finding {
  const { name, path, sha256, size } = wanted;
  return { name, path, sha256, size, status, ...(fix === undefined ? {} : { fix }) };
}

function fixBySync(wanted: Wanted): string {
  return `run models sync ${quoted(wanted.name)}`;
}

function fixByAdopt(wanted: Wanted): string {
  return `run models adopt ${quoted(wanted.name)}`;
}

function quoted(name: string): string {
  return /^[\w./:@+-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
