/** What files outside the receipts turned out to hold, remembered so that none is hashed twice. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { isCount } from "../base/bytes.ts";
import { digestOptions } from "./check.ts";
import { statIfAllowed } from "./disk.ts";
import { type Fields, isInteger, readSealed, writeSealed } from "./sealed.ts";
import { isSameStamp, type Stamp, stampOf } from "./stamp.ts";
import type { ReadOptions, TreeParts } from "./terms.ts";

/** A file with what it holds, as read while it had this stamp. */
export interface KnownFile {
  /** Absolute path. */
  readonly path: string;
  readonly stamp: Stamp;
  readonly sha256: Sha256;
}

export interface KnownDigests {
  /** The digest of the file at `path`, read now if need be; null when it is gone or changes while it is read. */
  readonly learn: (path: string, options: ReadOptions) => Promise<KnownFile | null>;
  /** What was learned of the file at `path` while it was what it is now; reads nothing of it. */
  readonly recall: (path: string) => Promise<KnownFile | null>;
}

const VERSION = 1;
const MAX_ENTRIES = 4096;
const MAX_BYTES = 4 * 1024 * 1024;

/** One memory a tree, so that what is learned at once is remembered together; an absent or torn one is empty. */
export function createKnownDigests(parts: Omit<TreeParts, "known">): KnownDigests {
  const learned = new Map<string, KnownFile>();
  const remembered = createMemory(parts.layout.knownDigests);
  let saving: Promise<void> = Promise.resolve();
  /** One after the other: what an earlier one knew must not replace what a later one knows. */
  const saveLearned = (): Promise<void> => {
    const add = async (): Promise<void> => await save(parts, new Map([...(await remembered()), ...learned]));
    saving = saving.then(async () => {
      const { changeAlone } = await import("./brief-lock.ts");
      await changeAlone(parts, parts.layout.knownDigests, add);
    });
    return saving;
  };
  const find = async (path: string, stamp: Stamp): Promise<KnownFile | null> => {
    const isIt = (one: KnownFile | undefined): one is KnownFile => one !== undefined && isSameStamp(one.stamp, stamp);
    const own = learned.get(path);
    if (isIt(own)) return own;
    const before = (await remembered()).get(path);
    return isIt(before) ? before : null;
  };
  const learn = async (path: string, options: ReadOptions): Promise<KnownFile | null> => {
    const stamp = await stampAt(path);
    if (stamp === null) return null;
    const before = await find(path, stamp);
    if (before !== null) return before;
    const sha256 = await parts.digest.sha256File(path, digestOptions(path, stamp.size, options));
    const after = await stampAt(path);
    if (after === null || !isSameStamp(after, stamp)) return null;
    learned.delete(path);
    learned.set(path, { path, stamp, sha256 });
    await saveLearned();
    return { path, stamp, sha256 };
  };
  const recall = async (path: string): Promise<KnownFile | null> => {
    const stamp = await stampAt(path);
    return stamp === null ? null : await find(path, stamp);
  };
  return { learn, recall };
}

/** What the file at `path` says, read again only when another has written it. */
function createMemory(path: string): () => Promise<ReadonlyMap<string, KnownFile>> {
  let seen: { readonly stamp: Stamp | null; readonly files: ReadonlyMap<string, KnownFile> } | null = null;
  return async () => {
    const stamp = await stampAt(path);
    const isSame = seen !== null && stamp !== null && seen.stamp !== null && isSameStamp(seen.stamp, stamp);
    if (seen === null || !isSame) seen = { stamp, files: await load(path) };
    return seen.files;
  };
}

/** The stamp of the regular file at `path`, through links; null when there is none that can be looked at. */
export async function stampAt(path: string): Promise<Stamp | null> {
  const seen = statIfAllowed(path);
  return seen?.isFile() ? stampOf(seen) : null;
}

async function load(file: string): Promise<Map<string, KnownFile>> {
  const { version, files: entries } = (await readSealed(file, MAX_BYTES)) ?? {};
  if (version !== VERSION || !Array.isArray(entries)) return new Map();
  const files = entries.map(parseFile).filter((one) => one !== null);
  return new Map(files.map((one) => [one.path, one]));
}

/** Failing to remember costs time, not truth: a read-only tree can still be searched. */
async function save(parts: Omit<TreeParts, "known">, known: ReadonlyMap<string, KnownFile>): Promise<void> {
  const files = [...known.values()].slice(-MAX_ENTRIES).map(({ path, stamp, sha256 }) => ({
    path,
    sha256,
    size: stamp.size,
    mtimeNs: String(stamp.mtimeNs),
    inode: String(stamp.inode),
    dev: String(stamp.dev),
  }));
  await writeSealed(parts, parts.layout.knownDigests, { version: VERSION, files }).catch(() => undefined);
}

function parseFile(entry: unknown): KnownFile | null {
  if (typeof entry !== "object" || entry === null) return null;
  const { path, sha256, size, mtimeNs, inode, dev } = entry as Fields;
  if (typeof path !== "string" || !isSha256(sha256) || !isCount(size)) return null;
  if (!isInteger(mtimeNs) || !isInteger(inode) || !isInteger(dev)) return null;
  return { path, sha256, stamp: { size, mtimeNs: BigInt(mtimeNs), inode: BigInt(inode), dev: BigInt(dev) } };
}
