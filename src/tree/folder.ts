/** The way to a folder of the tree: makes what lacks, refuses what leads outside, and holds it against swapping. */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ModelsError } from "../base/errors.ts";
import { STATE_FOLDER } from "../base/paths.ts";
import { diskError, errnoOf } from "./disk.ts";

/** An open folder that is known to lie in the tree. */
export interface HeldFolder extends AsyncDisposable {
  /** Where it really is. */
  readonly real: string;
  /** A path for `name` in this very folder, even if the folder's name is given to another meanwhile (on Linux). */
  readonly path: (name: string) => string;
  /** Makes the names in it durable. */
  readonly sync: () => Promise<void>;
}

/**
 * Opens `folder` (relative to `root`, empty for the root itself), making it where it lacks.
 * Links are followed as long as they stay in the tree, and never into or inside modelferry's own folder.
 * @throws ModelsError `PATH_UNSAFE`, `TREE_CONFLICT`, `DISK_FULL`, `DISK_FAILED`
 */
export async function holdFolder(root: string, folder: string): Promise<HeldFolder> {
  try {
    const plain = await holdPlain(root, folder);
    if (plain !== null) return plain;
    const base = await realRoot(root);
    return await hold(base, await walkTo(base, folder));
  } catch (error) {
    throw diskError("use the folder", join(root, folder), error);
  }
}

/** The short way, for a folder that is there and has no link on its way: what is open says itself where it is. */
async function holdPlain(root: string, folder: string): Promise<HeldFolder | null> {
  const path = join(await realpath(root).catch(() => root), folder);
  const handle = await open(path, FOLDER_FLAGS).catch(() => null);
  if (handle === null) return null;
  const prefix = `/proc/self/fd/${handle.fd}`;
  if ((await readlink(prefix).catch(() => null)) === path) return held(handle, { real: path, prefix });
  await handle.close();
  return null;
}

/** Makes `folders` (relative to `root`) durable. */
export async function makeFolders(root: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await using held = await holdFolder(root, folder);
    await held.sync();
  }
}

async function realRoot(root: string): Promise<string> {
  await mkdir(root, { recursive: true });
  return await realpath(root);
}

async function walkTo(base: string, folder: string): Promise<string> {
  const isOwn = folder.split(sep)[0] === STATE_FOLDER;
  let current = base;
  for (const part of folder.split(sep).filter((one) => one !== "")) {
    const next = join(current, part);
    if (await makeFolder(next)) await syncFolder(current);
    current = await enter(base, next, isOwn);
  }
  return current;
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function enter(base: string, path: string, isOwn: boolean): Promise<string> {
  const seen = await lstat(path);
  if (seen.isDirectory()) return path;
  if (!seen.isSymbolicLink()) throw blocked(path, "it is a file");
  const real = await realpath(path).catch(() => null);
  if (real === null) throw blocked(path, "it is a link to nothing");
  if (isOwn || !isInside(base, real)) throw leaves(path, real);
  if (!(await lstat(real)).isDirectory()) throw blocked(path, "it is a link to a file");
  return real;
}

function isInside(base: string, real: string): boolean {
  const way = relative(base, real).split(sep);
  return way[0] !== ".." && way[0] !== STATE_FOLDER && join(base, ...way) === real;
}

function leaves(path: string, real: string): ModelsError {
  return new ModelsError("PATH_UNSAFE", `Cannot use the folder "${path}": it is a link to "${real}", out of the tree`, {
    fix: "make it a real folder, or name the folder that it points into as the root",
  });
}

function blocked(path: string, seen: string): ModelsError {
  return new ModelsError("TREE_CONFLICT", `Cannot use the folder "${path}": ${seen}, expected a folder`, {
    fix: `move "${path}" away and run it again`,
  });
}

const FOLDER_FLAGS = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

async function hold(base: string, path: string): Promise<HeldFolder> {
  const handle = await open(path, FOLDER_FLAGS);
  try {
    const { real, prefix } = await whereIs(handle, path);
    if (real !== base && !isInside(base, real) && !real.startsWith(join(base, STATE_FOLDER))) throw leaves(path, real);
    return held(handle, { real, prefix });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function held(handle: FileHandle, { real, prefix }: { readonly real: string; readonly prefix: string }): HeldFolder {
  return {
    real,
    path: (name) => join(prefix, name),
    sync: () => syncHandle(handle),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/**
 * Between the look at a folder and its use, its name can be given to a link. Linux lets us address the open folder
 * itself, which cannot be swapped; elsewhere the name must still lead to what is open.
 */
async function whereIs(handle: FileHandle, path: string): Promise<{ real: string; prefix: string }> {
  const prefix = `/proc/self/fd/${handle.fd}`;
  const own = await readlink(prefix).catch(() => null);
  if (own !== null) return { real: own, prefix };
  const [real, seen, held] = await Promise.all([realpath(path), lstat(path), handle.stat()]);
  if (seen.ino !== held.ino || seen.dev !== held.dev) throw leaves(path, real);
  return { real, prefix: real };
}

/** Makes the names in the folder at `path` durable. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await syncHandle(handle);
  } finally {
    await handle.close();
  }
}

// Some network and user-space file systems do not know how to sync a folder; there is nothing more to be done then.
const NOT_SYNCABLE = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EBADF", "EISDIR", "ENOSYS"]);

async function syncHandle(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if (!NOT_SYNCABLE.has(errnoOf(error))) throw error;
  }
}
