/** Takes objects out of a bucket, with their piece tables, and uploads that nobody finished. */
import { ModelsError } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import { type BucketContext, prefixOf } from "./bucket-contents.ts";
import { HEADS } from "./bucket-diff.ts";
import { nameOf, PIECES_SUFFIX, uriOf } from "./destination.ts";

/** What was removed. */
export interface RemovalReport {
  readonly bucket: string;
  readonly removed: readonly string[];
  /** Keys of uploads that were ended. */
  readonly abandoned: readonly string[];
}

/**
 * Removes objects with their piece tables; or, without `isSure`, says what would be removed and refuses.
 * @throws ModelsError `USAGE`, `SOURCE_NOT_FOUND`
 */
export async function removeObjects(
  { bucket, destination, signal }: BucketContext,
  keys: readonly string[],
  { isSure, isUnfinished }: { readonly isSure: boolean; readonly isUnfinished: boolean },
): Promise<RemovalReport> {
  const uploads = isUnfinished ? ((await bucket.uploads.unfinished(prefixOf(destination), signal)) ?? []) : [];
  const heads = await mapLimit(keys, HEADS, async (key) => ({ key, head: await bucket.store.head(key, signal) }));
  const lacking = heads.find(({ head }) => head === null);
  if (lacking !== undefined) {
    throw new ModelsError("SOURCE_NOT_FOUND", `Cannot remove "${uriOf(destination, lacking.key)}": it is not there`);
  }
  if (!isSure) {
    const what = [...keys, ...uploads.map(({ key }) => `the unfinished upload of ${key}`)];
    throw new ModelsError(
      "USAGE",
      `Cannot remove ${what.length} from ${nameOf(destination)} just so: nobody can bring it back`,
      {
        fix: "look at the list, and say --yes",
        problems: what.map((one) => ({ at: destination.bucket, message: one })),
      },
    );
  }
  for (const key of keys) {
    await bucket.store.remove(key, signal);
    if (!key.endsWith(PIECES_SUFFIX)) await bucket.store.remove(key + PIECES_SUFFIX, signal);
  }
  for (const { key, uploadId } of uploads) await bucket.uploads.abandon(key, uploadId, signal);
  return { bucket: nameOf(destination), removed: keys, abandoned: uploads.map(({ key }) => key) };
}
