/** How bytes that lie on this box already get into the tree: shared where the disk can, copied and re-read where not. */
import { constants } from "node:fs";
import { copyFile, type FileHandle, link, open, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { diskError } from "../base/disk-error.ts";
import { ModelsError } from "../base/errors.ts";
import { digestOptions } from "./check.ts";
import { errnoOf, removeFile } from "./disk.ts";
import type { Reusable } from "./find-reusable.ts";
import { type HeldFolder, holdFolder } from "./folder.ts";
import { stampAt } from "./known-digests.ts";
import { place, refuseObstacle } from "./place.ts";
import { isSameStamp } from "./stamp.ts";
import type { ReadOptions, TreeParts, WantedArtifact } from "./terms.ts";

/**
 * `reflink`: shared until one of them is written to; `hardlink`: one file under two names; `copy`: two files.
 */
export type ReuseHow = "reflink" | "hardlink" | "copy";

export interface Reused {
  readonly how: ReuseHow;
  /** Size of the file. */
  readonly bytes: number;
}

export interface ReuseOptions extends ReadOptions {
  /** Whether a file with other bytes may lose its place. @default false */
  readonly replace?: boolean;
}

/**
 * Puts the bytes of `from` in the place of `wanted`. An unfinished download of the same artifact is given up.
 * @throws ModelsError `MIRROR_CHANGED` when `from` is not the file any more that was found, `DIGEST_MISMATCH` when the
 * copy does not hold its bytes, and whatever `place` throws
 */
export async function reuse(
  parts: TreeParts,
  from: Reusable,
  wanted: WantedArtifact,
  options: ReuseOptions = {},
): Promise<Reused> {
  await refuseChanged(from, wanted);
  await refuseObstacle(parts, wanted.path);
  const made = await share(parts, from, wanted, options);
  try {
    // A hard link must be to the very file that was read, even if another had its name for a moment.
    await refuseChanged(made.how === "hardlink" ? { ...from, path: made.path } : from, wanted);
    const replace = options.replace ?? false;
    await place(parts, made.path, wanted, { mirrors: [from.path], how: "reused", replace });
  } catch (error) {
    await removeFile(made.path);
    throw error;
  }
  // A link does not pass through the partial file, so one that was begun is still there.
  await removeFile(parts.layout.partialOf(wanted).content);
  return { how: made.how, bytes: wanted.size };
}

interface Shared {
  readonly how: ReuseHow;
  readonly path: string;
}

/** Within the tree one file under two names is what people expect; of another's file the disk shares the blocks. */
async function share(parts: TreeParts, from: Reusable, wanted: WantedArtifact, options: ReuseOptions): Promise<Shared> {
  const ways = from.from === "tree" ? [tryHardlink, tryReflink] : [tryReflink, tryHardlink];
  for (const way of ways) {
    const shared = await way(parts, from);
    if (shared !== null) return shared;
  }
  return await copy(parts, from, { wanted, options });
}

const CANNOT_SHARE = new Set([
  "EXDEV",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EINVAL",
  "ENOTTY",
  "EPERM",
  "EACCES",
  "EMLINK",
  "ETXTBSY",
]);

/** A link under the name of a partial file would let a later download write into the other's file: so never there. */
async function tryHardlink(parts: TreeParts, from: Reusable): Promise<Shared | null> {
  return await tryInScratch(parts, "hardlink", async (into) => await link(await realpath(from.path), into));
}

async function tryReflink(parts: TreeParts, from: Reusable): Promise<Shared | null> {
  const mode = constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL;
  return await tryInScratch(parts, "reflink", (into) => copyFile(from.path, into, mode));
}

async function tryInScratch(
  parts: TreeParts,
  how: ReuseHow,
  make: (into: string) => Promise<void>,
): Promise<Shared | null> {
  const path = parts.layout.temporaryOf(parts.clock.unique());
  using scratch = await holdFolder(parts.layout.root, parts.layout.folderOf(path));
  try {
    await make(scratch.path(basename(path)));
    return { how, path };
  } catch (error) {
    await removeFile(scratch.path(basename(path)));
    if (CANNOT_SHARE.has(errnoOf(error))) return null;
    throw diskError(how, path, error);
  }
}

interface CopySubject {
  readonly wanted: WantedArtifact;
  readonly options: ReuseOptions;
}

async function copy(parts: TreeParts, from: Reusable, { wanted, options }: CopySubject): Promise<Shared> {
  const { content, journal } = parts.layout.partialOf(wanted);
  // The journal goes first: it must never speak of bytes that are another file's.
  await removeFile(journal);
  await removeFile(content);
  using folder = await holdFolder(parts.layout.root, parts.layout.folderOf(content));
  try {
    await copyBytes(from.path, folder, { name: basename(content), size: wanted.size, options });
    const sha256 = await parts.digest.sha256File(
      content,
      digestOptions(content, wanted.size, withoutProgress(options)),
    );
    if (sha256 !== wanted.sha256) throw miscopied(from, wanted, sha256);
    return { how: "copy", path: content };
  } catch (error) {
    await removeFile(content);
    options.signal?.throwIfAborted();
    throw diskError("copy", from.path, error);
  }
}

function withoutProgress({ signal }: ReuseOptions): ReadOptions {
  return { signal };
}

const CHUNK_BYTES = 4 * 1024 * 1024;

async function copyBytes(
  source: string,
  folder: HeldFolder,
  into: { readonly name: string; readonly size: number; readonly options: ReuseOptions },
): Promise<void> {
  const { signal, onProgress } = into.options;
  await using reader = await open(source, "r");
  await using writer = await open(folder.path(into.name), "wx");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; at < into.size; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await reader.read(buffer, 0, Math.min(CHUNK_BYTES, into.size - at), at);
    if (bytesRead === 0) return;
    await writeAll(writer, buffer.subarray(0, bytesRead), at);
    at += bytesRead;
    onProgress?.({ path: source, doneBytes: at, size: into.size });
  }
}

async function writeAll(writer: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await writer.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function refuseChanged(from: Reusable, wanted: WantedArtifact): Promise<void> {
  const stamp = await stampAt(from.path);
  if (stamp !== null && isSameStamp(stamp, from.stamp) && from.sha256 === wanted.sha256) return;
  throw new ModelsError("MIRROR_CHANGED", `Cannot reuse "${from.path}": it changed since it was verified`, {
    fix: "run it again: the file is read anew, or its bytes come from a mirror",
  });
}

function miscopied(from: Reusable, wanted: WantedArtifact, seen: string): ModelsError {
  return new ModelsError(
    "DIGEST_MISMATCH",
    `Cannot copy "${from.path}": the copy has sha256 ${seen}, expected ${wanted.sha256}`,
    { fix: "look at the memory and the disk of this box, then run it again" },
  );
}
