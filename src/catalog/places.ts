/** Where catalogue files come from: a folder, a file or a URL; which files of a folder count. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readBounded } from "../base/bounded-file.ts";
import { isModelsError, type Problem, reasonOf } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import { redactUrl } from "../base/secret.ts";
import { MAX_TEXT_BYTES } from "./read.ts";

/** Reads a text over the network; given by the composition root. */
export type FetchText = (url: string, signal?: AbortSignal) => Promise<string>;

export interface CatalogFile {
  /** As problems name it. */
  readonly file: string;
  /** Its path or URL, which may hold a secret. */
  readonly place: string;
  readonly content: Uint8Array | string;
}

export interface PlaceFiles {
  /** In the order of their names. */
  readonly files: readonly CatalogFile[];
  readonly problems: readonly Problem[];
}

const PARALLEL_READS = 16;
/** Catalogue files of one folder. */
const MAX_FILES = 10_000;
/** Bytes of all catalogue files of one folder. */
const MAX_FOLDER_BYTES: number = 256 * 1024 * 1024;
const NOT_OURS = /(?:^\.|\.(?:schema|pieces)\.json$|^models\.(?:lock|config)\.ya?ml$)/i;

/**
 * Every catalogue file of one place.
 * @throws ModelsError whatever `fetchText` throws for a URL, but for one that does not exist: that is a problem
 */
export async function readPlace(place: string, fetchText: FetchText): Promise<PlaceFiles> {
  if (/^file:/i.test(place)) return readLocal(place, () => fileURLToPath(place));
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) return readRemote(place, fetchText);
  return readLocal(place, () => place);
}

async function readRemote(url: string, fetchText: FetchText): Promise<PlaceFiles> {
  if (!/^(?:https?|s3|r2):/i.test(url)) {
    const problem = { at: redactUrl(url), message: "no catalogue can be read over this scheme", fix: "use https://" };
    return { files: [], problems: [problem] };
  }
  try {
    return { files: [{ file: redactUrl(url), place: url, content: await fetchText(url) }], problems: [] };
  } catch (error) {
    if (!isModelsError(error, "SOURCE_NOT_FOUND")) throw error;
    const problem = {
      at: redactUrl(url),
      message: "this does not exist",
      fix: "correct the address of the manifest or kit",
    };
    return { files: [], problems: [problem] };
  }
}

async function readLocal(place: string, pathOf: () => string): Promise<PlaceFiles> {
  try {
    const path = pathOf();
    const isFolder = statSync(path).isDirectory();
    const names = isFolder ? readdirSync(path).filter(isCatalogName).sort() : [];
    if (names.length > MAX_FILES) return { files: [], problems: [tooMany(place, names.length)] };
    const paths = isFolder ? names.map((name) => join(path, name)) : [path];
    const budget = { left: MAX_FOLDER_BYTES };
    const read = await mapLimit(paths, PARALLEL_READS, (one) => readOne(one, budget));
    return {
      files: read.filter((one): one is CatalogFile => "file" in one),
      problems: read.filter((one): one is Problem => "at" in one),
    };
  } catch (error) {
    return { files: [], problems: [unreadable(place, error)] };
  }
}

/** Whether a file of a folder counts. */
export function isCatalogName(name: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(name) && !NOT_OURS.test(name);
}

async function readOne(path: string, budget: { left: number }): Promise<CatalogFile | Problem> {
  try {
    const found = statSync(path);
    if (!found.isFile()) return { at: path, message: "this is no regular file", fix: "remove it from the folder" };
    if (found.size > MAX_TEXT_BYTES) {
      const message = `this has ${found.size} bytes, more than ${MAX_TEXT_BYTES}`;
      return { at: `${path}:1:1`, message, fix: "split it into several files" };
    }
    budget.left -= found.size;
    if (budget.left < 0) {
      const message = `the files of this folder have more than ${MAX_FOLDER_BYTES} bytes together`;
      return { at: `${path}:1:1`, message, fix: "keep fewer manifests in one folder" };
    }
    return { file: path, place: path, content: await readBounded(path, MAX_TEXT_BYTES) };
  } catch (error) {
    return unreadable(path, error);
  }
}

function tooMany(place: string, count: number): Problem {
  return { at: place, message: `this holds ${count} files, expected at most ${MAX_FILES}`, fix: "join some of them" };
}

function unreadable(place: string, error: unknown): Problem {
  const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
  return isGone
    ? { at: place, message: "this does not exist", fix: "correct the path of the manifests or kits" }
    : { at: place, message: `this cannot be read: ${reasonOf(error)}`, fix: "make it readable for this user" };
}
