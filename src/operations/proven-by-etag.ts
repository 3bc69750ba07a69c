/** Whether an object that says nothing of its digest is a file on this box: its ETag tells, if its parts can be guessed. */
import { digestParts } from "../transfer/digest-parts.ts";
import { partBytesFor, partsOf } from "../transfer/part-plan.ts";
import type { OpenBucket } from "./open-bucket.ts";
import { etagOf } from "./store-object.ts";

const MIB = 1024 * 1024;
/** What tools cut uploads into: aws and boto 8, rclone and s5cmd 5 and 50, the SDKs 5, others powers of two. */
const USUAL_MIB: readonly number[] = [8, 16, 5, 50, 32, 64, 10, 15, 25, 100, 128];

/** True when some usual way of uploading `file` gives this very ETag. Reads the file once for each way that fits. */
export async function isProvenByEtag(
  bucket: OpenBucket,
  { file, size, etag }: { readonly file: string; readonly size: number; readonly etag: string },
  signal: AbortSignal,
): Promise<boolean> {
  const [, count] = /^[0-9a-f]{32}(?:-(\d{1,5}))?$/.exec(etag) ?? [null, null];
  if (count === null) return false;
  for (const partBytes of count === undefined ? [size] : partSizesFor(size, Number(count))) {
    // One part of gigabytes does not fit into memory, and nobody uploads it so.
    if (partBytes > bucket.pool.budget / 2) continue;
    const { md5 } = await digestParts({ file, size, partBytes }, bucket, signal);
    if (etagOf(md5, count !== undefined) === etag) return true;
  }
  return false;
}

/** Part sizes, in bytes, that cut `size` into `count` parts. */
export function partSizesFor(size: number, count: number): readonly number[] {
  const least = Math.ceil(size / count / MIB) * MIB;
  const candidates = [partBytesFor(size), ...USUAL_MIB.map((mib) => mib * MIB), least];
  return [...new Set(candidates)].filter((bytes) => partsOf(size, bytes).length === count);
}
