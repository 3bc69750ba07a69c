/** How a lock is spelled in `models.lock.yaml`. */
import type { Sha256 } from "../base/artifact.ts";
import { readBounded } from "../base/bounded-file.ts";
import { ModelsError, type Problem, reasonOf } from "../base/errors.ts";
import { collisionKey, type TreePath } from "../base/paths.ts";
import type { Admit } from "./admission.ts";
import type { Checked } from "./checked.ts";
import type { Document } from "./document.ts";
import type { Lock, LockedModel } from "./lock.ts";
import { problemsError } from "./problems.ts";
import { quote } from "./quote.ts";
import { MAX_TEXT_BYTES, readDocument } from "./read.ts";
import { isDigest, isName, isPath, isSize, isSource, isVersion, listOf, mapping } from "./shape.ts";
import { canonicalSource } from "./source-uri.ts";
import { writeAtomic } from "./write-atomic.ts";

export { type Lock, type LockedModel, lockDrift, mergeLock, pinModels } from "./lock.ts";
export { sweepBeside } from "./write-atomic.ts";

/** What a lockfile holds. */
export interface LockFile {
  readonly version: 1;
  readonly models: readonly {
    readonly name: string;
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
    readonly sources: readonly string[];
  }[];
}

const isLock = mapping({
  version: isVersion,
  models: listOf(mapping({ name: isName, path: isPath, size: isSize, sha256: isDigest, sources: listOf(isSource) })),
});

const HEADER = `# Written by \`models lock\`: what each model is, byte for byte, and where it was found.
version: 1
`;

/**
 * The lock at `path`, or null when there is no file.
 * @param admit asked before the file is read; every file is let in unless given
 * @throws ModelsError `LOCKFILE_INVALID` with every problem, or whatever `admit` throws
 */
export async function readLock(path: string, admit?: Admit): Promise<Lock | null> {
  const content = await contentOf(path);
  if (content === null) return null;
  const grant = (await admit?.({ kind: "lockfile", place: path, content })) ?? null;
  const lock = await parseLock(content, path);
  grant?.assertCovers({ paths: [...lock.models.values()].map((model) => model.path) });
  return lock;
}

/**
 * The lock that `content` spells.
 * @param file how the place of a problem names it
 * @throws ModelsError `LOCKFILE_INVALID` with every problem
 */
export async function parseLock(content: Uint8Array | string, file: string): Promise<Lock> {
  const read = await readDocument(file, content);
  const checked = read.kind === "ok" ? await readEntries(read.document) : read;
  if (checked.kind === "ok") return checked.value;
  throw problemsError("LOCKFILE_INVALID", `"${file}"`, checked.problems);
}

/**
 * Writes the lock whole or not at all, in the order of the names.
 * @throws ModelsError `DISK_FAILED`, `DISK_FULL`
 */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  await writeAtomic(path, formatLock(lock));
}

/** The one spelling of a lock: equal locks give equal texts. */
export function formatLock(lock: Lock): string {
  const entries = [...lock.models.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (entries.length === 0) return `${HEADER}models: []\n`;
  return `${HEADER}models:\n${entries.map(formatEntry).join("")}`;
}

function formatEntry({ name, path, size, sha256, sources }: LockedModel): string {
  const list = sources.length === 0 ? " []" : sources.map((source) => `\n      - ${quote(source)}`).join("");
  return `  - name: ${quote(name)}
    path: ${quote(path)}
    size: ${size}
    sha256: ${quote(sha256)}
    sources:${list}
`;
}

async function contentOf(path: string): Promise<Uint8Array | null> {
  try {
    return await readBounded(path, MAX_TEXT_BYTES);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ModelsError("LOCKFILE_INVALID", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

/** A lock as its file has it, or everything that is wrong with it. */
export async function checkLock(document: Document): Promise<Checked<LockFile>> {
  if (isLock(document.root)) return { kind: "ok", value: document.root as LockFile };
  const [{ checkDocument }, { lockSchema }] = await Promise.all([import("./check.ts"), import("./lock-schema.ts")]);
  return checkDocument(lockSchema, document);
}

async function readEntries(document: Document): Promise<Checked<Lock>> {
  const checked = await checkLock(document);
  if (checked.kind === "bad") return checked;
  const models = new Map<string, LockedModel>();
  const places = new Set<string>();
  const problems: Problem[] = [];
  for (const [index, entry] of checked.value.models.entries()) {
    const locked = { ...entry, path: entry.path as TreePath, sha256: entry.sha256 as Sha256 };
    const twice = models.has(entry.name) ? "name" : places.has(collisionKey(locked.path)) ? "path" : null;
    if (twice !== null) {
      const at = document.placeOf(["models", index, twice]);
      problems.push({ at, message: `the ${twice} "${entry[twice]}" is there twice`, fix: "run `models lock`" });
    }
    places.add(collisionKey(locked.path));
    models.set(entry.name, { ...locked, sources: entry.sources.map(canonicalSource) });
  }
  return problems.length > 0 ? { kind: "bad", problems } : { kind: "ok", value: { models } };
}
