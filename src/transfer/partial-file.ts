/** A partial file and its journal on disk: what the journal says is durable before it says so. */
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { readBoundedText } from "../base/bounded-file.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { bootIdentity } from "../base/process.ts";
import type { ByteRange, RangeSet } from "../base/range.ts";
import { fullness, systemCode } from "../base/system-errors.ts";
import {
  formatJournalEntries,
  formatJournalHead,
  formatJournalSpoils,
  formatJournalWritten,
  type JournalEntry,
  type JournalSubject,
  MAX_JOURNAL_BYTES,
  parseJournal,
} from "./journal.ts";
import { preallocate } from "./preallocate.ts";

export interface PartialPaths {
  readonly content: string;
  readonly journal: string;
}

export interface PartialFile extends AsyncDisposable {
  /** Descriptor for positioned writes of any thread. */
  readonly descriptor: number;
  readonly path: string;
  /** Durable bytes that an earlier run left, by the mirror that sent them. */
  readonly resumed: ReadonlyMap<string, RangeSet>;
  /** Notes what was written, without waiting for the disk: a killed process loses nothing, a power cut may. */
  readonly note: (entries: readonly JournalEntry[]) => Promise<void>;
  /** Makes the written `entries` durable, then journals them. Calls queue up; an empty call only waits its turn. */
  readonly commit: (entries: readonly JournalEntry[]) => Promise<void>;
  /** Takes ranges back that turned out wrong. */
  readonly spoil: (ranges: readonly ByteRange[]) => Promise<void>;
  /** Nothing of it is of use: both files are removed when it is closed. */
  readonly discard: () => void;
}

/**
 * Opens (or begins) the partial of `subject`. A journal of another artifact, or a content file of another length,
 * starts over.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`
 */
export async function openPartial(paths: PartialPaths, subject: JournalSubject): Promise<PartialFile> {
  try {
    return await openOrBegin(paths, subject);
  } catch (error) {
    throw diskProblem(paths.content, error);
  }
}

async function openOrBegin(paths: PartialPaths, subject: JournalSubject): Promise<PartialFile> {
  await mkdir(dirname(paths.content), { recursive: true });
  const text = await readBoundedText(paths.journal, MAX_JOURNAL_BYTES).catch(() => "");
  const boot = bootIdentity();
  let known = parseJournal(text, subject, boot);
  let content = known === null ? null : await openIfWhole(paths.content, subject.size);
  if (content === null) {
    known = null;
    // The old journal goes first: it must never describe the new content.
    await rm(paths.journal, { force: true });
    await rm(paths.content, { force: true });
    content = await begin(paths.content, subject.size);
  }
  const resumed = known?.served ?? new Map<string, RangeSet>();
  try {
    // The fresh journal calls all of it durable: also what was only written when the earlier run was killed.
    await content.datasync();
    const journal = await rewriteJournal(paths.journal, subject, resumed);
    return createPartialFile({ paths, content, journal, boot }, resumed);
  } catch (error) {
    await content.close();
    throw error;
  }
}

async function begin(path: string, size: number): Promise<FileHandle> {
  const content = await open(path, "wx+", 0o644);
  try {
    await preallocate(content, path, size);
    return content;
  } catch (error) {
    // What could be reserved of a disk that is too small helps nobody.
    await content.close();
    await rm(path, { force: true });
    throw error;
  }
}

async function openIfWhole(path: string, size: number): Promise<FileHandle | null> {
  const file = await open(path, "r+").catch(() => null);
  const isWhole = file !== null && (await file.stat()).size === size;
  if (!isWhole) await file?.close();
  return isWhole ? file : null;
}

/** A fresh journal with the same facts: torn lines are gone, and it cannot grow from run to run. */
export async function rewriteJournal(
  path: string,
  subject: JournalSubject,
  served: ReadonlyMap<string, RangeSet>,
): Promise<FileHandle> {
  const entries = [...served].flatMap(([mirror, ranges]) => ranges.map((range) => ({ mirror, range })));
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  const journal = await open(fresh, "ax", 0o644);
  try {
    await journal.appendFile(formatJournalHead(subject) + formatJournalEntries(entries));
    await journal.datasync();
    await rename(fresh, path);
    await syncFolder(dirname(path));
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

interface OpenFiles {
  readonly paths: PartialPaths;
  readonly content: FileHandle;
  readonly journal: FileHandle;
  readonly boot: string | null;
}

function createPartialFile(files: OpenFiles, resumed: ReadonlyMap<string, RangeSet>): PartialFile {
  const { paths, content, journal, boot } = files;
  const path = paths.content;
  let isWorthless = false;
  const onDisk = createQueue(path);
  const inJournal = createQueue(path);
  const append = (text: string): Promise<void> =>
    inJournal.run(async () => {
      await journal.appendFile(text);
      await journal.datasync();
    });
  return {
    descriptor: content.fd,
    path,
    resumed,
    note: async (entries) => {
      if (boot === null || entries.length === 0) return;
      await inJournal.run(() => journal.appendFile(formatJournalWritten(entries, boot)));
    },
    commit: (entries) =>
      onDisk.run(async () => {
        if (entries.length === 0) return;
        await content.datasync();
        await append(formatJournalEntries(entries));
      }),
    // In turn with the commits: one that began earlier must not claim the ranges after they were taken back.
    spoil: (ranges) => onDisk.run(() => append(formatJournalSpoils(ranges))),
    discard: () => {
      isWorthless = true;
    },
    [Symbol.asyncDispose]: async () => {
      await onDisk.idle();
      await inJournal.idle();
      await content.close();
      await journal.close();
      if (!isWorthless) return;
      await rm(paths.journal, { force: true });
      await rm(paths.content, { force: true });
    },
  };
}

/** Runs one thing after the other; a failure is its caller's alone. */
function createQueue(path: string) {
  let last: Promise<void> = Promise.resolve();
  return {
    run: (work: () => Promise<void>): Promise<void> => {
      const done = last.then(work).catch((error) => Promise.reject(diskProblem(path, error)));
      last = done.catch(() => {});
      return done;
    },
    idle: (): Promise<void> => last,
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  // Some network file systems refuse to sync a folder; there the rename is as durable as it gets.
  await folder.sync().catch(() => {});
  await folder.close();
}

/** The error for a disk that failed under `path`. */
export function diskProblem(path: string, error: unknown): unknown {
  if (error instanceof ModelsError) return error;
  const full = fullness(systemCode(error));
  if (full !== null) {
    const fix = "free space and run the same command again, it resumes";
    return new ModelsError("DISK_FULL", `Cannot write "${path}": ${full}`, { cause: error, fix });
  }
  return new ModelsError("DISK_FAILED", `Cannot write "${path}": ${reasonOf(error)}`, { cause: error });
}
