/** The only file that spells paths below `.modelferry`, the folder of a tree that is modelferry's own. */
import { hash } from "node:crypto";
import { dirname, join, relative, resolve } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { joinUnder, STATE_FOLDER, type TreePath } from "../base/paths.ts";
import { processName } from "../base/process.ts";

/** Where an unfinished file and the record of its ranges lie. */
export interface PartialPaths {
  readonly content: string;
  readonly journal: string;
}

/** Absolute paths, but for the folders below the root. */
export interface Layout {
  readonly root: string;
  /** The final place of a file. */
  readonly fileOf: (path: TreePath) => string;
  readonly receiptOf: (path: TreePath) => string;
  readonly receiptsFolder: string;
  readonly partialOf: (wanted: { readonly sha256: Sha256 | null; readonly path: TreePath }) => PartialPaths;
  readonly lockOf: (key: string) => string;
  /** The key of the lease under which the partial file of this name (without its ending) is written. */
  readonly leaseOf: (partial: string) => string;
  /** A place for a file that is moved elsewhere once it is whole; `unique` is a name nobody else has. */
  readonly temporaryOf: (unique: string) => string;
  readonly temporaryFolder: string;
  /** The {@link processName} of who made the file of this name in the temporary folder. */
  readonly makerOf: (name: string) => string;
  /** The record of an unfinished upload to `place`. */
  readonly uploadOf: (place: string) => string;
  /** Digests of files outside the tree that were hashed before. */
  readonly knownDigests: string;
  /** What hosts gave in earlier runs. */
  readonly hostPaces: string;
  /** The highest version of each signed document that was accepted for this tree. */
  readonly seenVersions: string;
  /** The parent of `path` (absolute, below the root), relative to the root. */
  readonly folderOf: (path: string) => string;
}

/** Folders, relative to the root, that must exist before anything is fetched. */
export const STATE_FOLDERS: readonly string[] = ["receipts", "partial", "locks", "tmp"].map((name) =>
  join(STATE_FOLDER, name),
);

const MAX_COMPONENT_BYTES = 255;
const EXTENSION = ".json";

/** Spells every path of the tree at `root`. */
export function createLayout(root: string): Layout {
  const whole = resolve(root);
  const maker = processName();
  const state = (...parts: readonly string[]): string => join(whole, STATE_FOLDER, ...parts);
  return {
    root: whole,
    fileOf: (path) => joinUnder(whole, path),
    receiptOf: (path) => state("receipts", receiptName(path)),
    receiptsFolder: state("receipts"),
    partialOf: ({ sha256, path }) => {
      const key = sha256 ?? `path-${digestOf(path)}`;
      return { content: state("partial", `${key}.part`), journal: state("partial", `${key}.journal`) };
    },
    leaseOf: (partial) => partial.replace(/^path-/, "key-"),
    lockOf: (key) => state("locks", `${fileNameOf(key)}.lock`),
    temporaryOf: (unique) => state("tmp", `${maker}.${unique}`),
    temporaryFolder: state("tmp"),
    makerOf: (name) => name.split(".")[0] ?? "",
    uploadOf: (place) => state("uploads", `${digestOf(place)}.jsonl`),
    knownDigests: state("known-digests.json"),
    hostPaces: state("host-paces.json"),
    seenVersions: state("seen-versions.json"),
    folderOf: (path) => relative(whole, dirname(path)),
  };
}

/**
 * A receipt lies at its file's path with `.json` behind it. Where that name is too long, or a folder is called
 * like another file's receipt, it lies by digest in a folder that no tree path can have.
 */
function receiptName(path: TreePath): string {
  const parts = path.split("/");
  const isPlain =
    Buffer.byteLength(parts.at(-1) ?? "") <= MAX_COMPONENT_BYTES - EXTENSION.length &&
    !parts.slice(0, -1).some((part) => part.toLowerCase().endsWith(EXTENSION));
  return isPlain ? `${path}${EXTENSION}` : join(STATE_FOLDER, `${digestOf(path)}${EXTENSION}`);
}

/** Digests and names of models are file names; every path, having a dot, is replaced by its digest, as {@link Layout.leaseOf} expects. */
function fileNameOf(key: string): string {
  return /^[0-9a-z_][0-9a-z_-]{0,99}$/.test(key) ? key : `key-${digestOf(key)}`;
}

function digestOf(text: string): string {
  return hash("sha256", text).slice(0, 40);
}
