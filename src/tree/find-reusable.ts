/** Where on this box the wanted bytes lie already: in the tree, in the Hub's cache, in folders that a person named. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact, Sha256 } from "../base/artifact.ts";
import { diskError } from "../base/disk-error.ts";
import { isModelsError } from "../base/errors.ts";
import type { TreePath } from "../base/paths.ts";
import { errnoOf } from "./disk.ts";
import { type KnownDigests, type KnownFile, stampAt } from "./known-digests.ts";
import { isReceiptFor, type Receipt, readReceipt, readReceiptFile } from "./receipt.ts";
import { isSameStamp, type Stamp } from "./stamp.ts";
import type { ReadOptions, TreeParts } from "./terms.ts";
import { walkFiles } from "./walk.ts";

/** A file on this box that holds an artifact: proven, as long as its stamp is the same. */
export interface Reusable extends KnownFile {
  /** What led to it: a receipt of the tree, the Hub's cache, or a walk through a named folder or the tree. */
  readonly from: "tree" | "hub-cache" | "adopted-folder";
}

export interface FindReusableOptions extends ReadOptions {
  /** Folders that a person named, walked whole. */
  readonly adopt: readonly string[];
  /** The folder that holds `models--org--name/blobs`, or null to leave it alone. */
  readonly hubCache: string | null;
}

/** What is looked for: an artifact and the place that it is for. */
export type Sought = Artifact & { readonly path: TreePath };

/**
 * Finds for each artifact one file that holds it. Receipts of the tree are believed; every other file is read whole
 * before it counts (its digest is remembered), because a cache can hold the wrong bytes under the right name.
 */
export async function findReusable(
  parts: TreeParts,
  wanted: readonly Sought[],
  options: FindReusableOptions,
): Promise<ReadonlyMap<Sha256, Reusable>> {
  const found = new Map<Sha256, Reusable>();
  if (wanted.length === 0) return found;
  const proven = await findInTree(parts, wanted, found);
  const search: Search = { found, wanted, known: parts.known, options };
  if (options.hubCache !== null) await findInHubCache(search, options.hubCache);
  const places = [...proven, ...(await stampsOf(parts, wanted))];
  // A person may have put it into the tree under another name: nothing but its size and its bytes tell.
  for (const folder of [parts.layout.root, ...options.adopt]) await findInFolder(search, folder, places);
  return found;
}

interface Search {
  readonly found: Map<Sha256, Reusable>;
  readonly wanted: readonly Sought[];
  readonly known: KnownDigests;
  readonly options: FindReusableOptions;
}

/** Gives the stamps of all files that a receipt proves: what they hold is known without reading them. */
async function findInTree(
  parts: TreeParts,
  wanted: readonly Sought[],
  found: Map<Sha256, Reusable>,
): Promise<readonly Stamp[]> {
  const proven: Stamp[] = [];
  const places = new Map<Sha256, Set<string>>();
  for (const { sha256, path } of wanted) places.set(sha256, (places.get(sha256) ?? new Set()).add(path));
  for (const file of await receiptFiles(parts)) {
    const receipt = await readReceiptFile(file);
    if (receipt === null || parts.layout.receiptOf(receipt.path) !== file) continue;
    const one = await provenBy(parts, receipt);
    if (one === null) continue;
    proven.push(one.stamp);
    const into = places.get(one.sha256);
    if (into === undefined || (into.size === 1 && into.has(receipt.path)) || found.has(one.sha256)) continue;
    found.set(one.sha256, one);
  }
  return proven;
}

/** The tree's own file at `path`, when its receipt proves what lies there; null otherwise. */
export async function provenAt(parts: TreeParts, path: TreePath): Promise<Reusable | null> {
  const receipt = await readReceipt(parts.layout, path);
  return receipt === null ? null : await provenBy(parts, receipt);
}

async function provenBy({ layout }: TreeParts, receipt: Receipt): Promise<Reusable | null> {
  const path = layout.fileOf(receipt.path);
  const stamp = await stampAt(path);
  return stamp === null || !isReceiptFor(receipt, stamp) ? null : { from: "tree", path, stamp, sha256: receipt.sha256 };
}

async function receiptFiles(parts: TreeParts): Promise<readonly string[]> {
  const folder = parts.layout.receiptsFolder;
  const names = await namesIn(folder, { recursive: true });
  return names.filter((name) => name.endsWith(".json")).map((name) => join(folder, name));
}

async function findInHubCache(search: Search, cache: string): Promise<void> {
  const sizes = new Map<string, number>(search.wanted.map(({ sha256, size }) => [sha256, size]));
  for (const repository of await namesIn(cache)) {
    if (!repository.startsWith("models--")) continue;
    const blobs = join(cache, repository, "blobs");
    for (const name of (await namesIn(blobs)).filter((one) => sizes.has(one))) {
      search.options.signal?.throwIfAborted();
      const stamp = await stampAt(join(blobs, name));
      if (stamp?.size === sizes.get(name) && !search.found.has(name as Sha256)) {
        await consider(search, join(blobs, name), "hub-cache");
      }
    }
  }
}

async function namesIn(folder: string, options = { recursive: false }): Promise<readonly string[]> {
  try {
    return (await readdir(folder, options)).sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(error))) return [];
    throw diskError("list", folder, error);
  }
}

async function findInFolder(search: Search, folder: string, places: readonly Stamp[]): Promise<void> {
  for await (const { path, stamp } of walkFiles(folder, search.options.signal)) {
    const mayHold = search.wanted.some((one) => one.size === stamp.size && !search.found.has(one.sha256));
    if (mayHold && !places.some((place) => isSameStamp(place, stamp))) await consider(search, path, "adopted-folder");
  }
}

async function consider(search: Search, path: string, from: Reusable["from"]): Promise<void> {
  const { found, wanted, known, options } = search;
  const file = await learnOrSkip(known, path, options);
  if (file === null || found.has(file.sha256)) return;
  if (wanted.some((one) => one.sha256 === file.sha256)) found.set(file.sha256, { ...file, from });
}

/** A candidate that cannot be read is none. */
async function learnOrSkip(known: KnownDigests, path: string, options: ReadOptions): Promise<KnownFile | null> {
  try {
    return await known.learn(path, options);
  } catch (error) {
    if (options.signal?.aborted || !(isModelsError(error, "DISK_FAILED") || errnoOf(error) !== "")) throw error;
    return null;
  }
}

/** A file that is in its place already is not a source for that place. */
async function stampsOf(parts: TreeParts, wanted: readonly Sought[]): Promise<readonly Stamp[]> {
  const stamps = await Promise.all(wanted.map(({ path }) => stampAt(parts.layout.fileOf(path))));
  return stamps.filter((stamp) => stamp !== null);
}
