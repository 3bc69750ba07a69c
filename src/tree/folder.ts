/** The way to a folder of the tree: makes what lacks, refuses what leads outside, and holds it against swapping. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { openOrNull, syncFolder, syncNames } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import { ModelsError } from "../base/errors.ts";
import { STATE_FOLDER } from "../base/paths.ts";
import { errnoOf } from "./disk.ts";

/** An open folder that is known to lie in the tree. */
export interface HeldFolder extends Disposable {
  /** Where it really is. */
  readonly real: string;
  /** A path for `name` in this very folder, even if the folder's name is given to another meanwhile (on Linux). */
  readonly path: (name: string) => string;
  /** What differs where no file can be moved from one folder to the other; on Linux also two mounts of one device. */
  readonly mount: () => string;
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
    const plain = holdPlain(root, folder);
    if (plain !== null) return plain;
    const base = realRoot(root);
    return hold(base, await walkTo(base, folder));
  } catch (error) {
    throw diskError("use the folder", join(root, folder), error);
  }
}

/** The short way, for a folder that is there and has no link on its way: what is open says itself where it is. */
function holdPlain(root: string, folder: string): HeldFolder | null {
  const path = join(orNull(() => realpathSync.native(root)) ?? root, folder);
  const file = openOrNull(path, FOLDER_FLAGS);
  if (file === null) return null;
  const prefix = `/proc/self/fd/${file}`;
  if (orNull(() => readlinkSync(prefix)) === path) return held(file, { real: path, prefix });
  closeSync(file);
  return null;
}

function orNull<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}

/** Makes `folders` (relative to `root`) durable. */
export async function makeFolders(root: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    using held = await holdFolder(root, folder);
    await held.sync();
  }
}

function realRoot(root: string): string {
  mkdirSync(root, { recursive: true });
  return realpathSync.native(root);
}

async function walkTo(base: string, folder: string): Promise<string> {
  const isOwn = folder.split(sep)[0] === STATE_FOLDER;
  let current = base;
  for (const part of folder.split(sep).filter((one) => one !== "")) {
    const next = join(current, part);
    if (makeFolder(next)) await syncFolder(current);
    current = enter(base, next, isOwn);
  }
  return current;
}

function makeFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

function enter(base: string, path: string, isOwn: boolean): string {
  const seen = lstatSync(path);
  if (seen.isDirectory()) return path;
  if (!seen.isSymbolicLink()) throw blocked(path, "it is a file");
  const real = orNull(() => realpathSync.native(path));
  if (real === null) throw blocked(path, "it is a link to nothing");
  if (isOwn || !isInside(base, real)) throw leaves(path, real);
  if (!lstatSync(real).isDirectory()) throw blocked(path, "it is a link to a file");
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

function hold(base: string, path: string): HeldFolder {
  const file = openSync(path, FOLDER_FLAGS);
  try {
    const { real, prefix } = whereIs(file, path);
    if (real !== base && !isInside(base, real) && !real.startsWith(join(base, STATE_FOLDER))) throw leaves(path, real);
    return held(file, { real, prefix });
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function held(file: number, { real, prefix }: { readonly real: string; readonly prefix: string }): HeldFolder {
  return {
    real,
    path: (name) => join(prefix, name),
    mount: () => mountOf(file),
    sync: () => syncNames(file),
    [Symbol.dispose]: () => closeSync(file),
  };
}

function mountOf(file: number): string {
  const text = orNull(() => readFileSync(`/proc/self/fdinfo/${file}`, "utf8")) ?? "";
  return `${fstatSync(file).dev} ${/^mnt_id:\s*(\d+)/m.exec(text)?.[1] ?? ""}`;
}

/**
 * Between the look at a folder and its use, its name can be given to a link. Linux lets us address the open folder
 * itself, which cannot be swapped; elsewhere the name must still lead to what is open.
 */
function whereIs(file: number, path: string): { readonly real: string; readonly prefix: string } {
  const prefix = `/proc/self/fd/${file}`;
  const own = orNull(() => readlinkSync(prefix));
  if (own !== null) return { real: own, prefix };
  const [real, seen, open] = [realpathSync.native(path), lstatSync(path), fstatSync(file)];
  if (seen.ino !== open.ino || seen.dev !== open.dev) throw leaves(path, real);
  return { real, prefix: real };
}
