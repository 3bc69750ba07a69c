/** A partial file and its journal on disk: what the journal says is durable before it says so. */
import { closeSync, existsSync, fstatSync, mkdirSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { dirname } from "node:path";
import { readBoundedText } from "../base/bounded-file.ts";
import { openFile, openOrNull, syncData, syncFolder, unlinkIfThere } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import type { ModelsError } from "../base/errors.ts";
import { bootIdentity } from "../base/process.ts";
import type { ByteRange, RangeSet } from "../base/range.ts";
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
import { createJournalFacts } from "./journal-facts.ts";
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
  mkdirSync(dirname(paths.content), { recursive: true });
  const hasJournal = existsSync(paths.journal);
  const text = hasJournal ? await readBoundedText(paths.journal, MAX_JOURNAL_BYTES).catch(() => "") : "";
  const boot = bootIdentity();
  const known = parseJournal(text, subject, boot);
  const content = known === null ? null : openIfWhole(paths.content, subject.size);
  if (known === null || content === null) {
    // The old journal goes first: it must never describe the new content.
    await unlinkIfThere(paths.journal);
    await unlinkIfThere(paths.content);
    if (hasJournal) await syncFolder(dirname(paths.journal));
    return await begin(paths, subject, boot);
  }
  try {
    // The fresh journal calls all of it durable: also what was only written when the earlier run was killed.
    await syncData(content);
    const lines = createJournalFacts(known.served).lines(boot);
    const journal = await rewriteJournal(paths.journal, subject, lines);
    return createPartialFile({ paths, subject, content, journal, boot, isNamed: true }, known.served);
  } catch (error) {
    closeSync(content);
    throw error;
  }
}

/** Nothing is durable yet, for nothing is claimed: the first commit sees to it. */
async function begin(paths: PartialPaths, subject: JournalSubject, boot: string | null): Promise<PartialFile> {
  const content = await openFile(paths.content, "wx+", 0o644);
  try {
    await preallocate(content, paths.content, subject.size);
    const journal = await beginJournal(paths.journal, formatJournalHead(subject));
    return createPartialFile({ paths, subject, content, journal, boot, isNamed: false }, new Map());
  } catch (error) {
    // What could be reserved of a disk that is too small helps nobody.
    closeSync(content);
    for (const path of [paths.journal, paths.content]) await unlinkIfThere(path);
    throw error;
  }
}

async function beginJournal(path: string, text: string): Promise<number> {
  const journal = await openFile(path, "ax", 0o644);
  try {
    writeFileSync(journal, text);
    return journal;
  } catch (error) {
    closeSync(journal);
    throw error;
  }
}

function openIfWhole(path: string, size: number): number | null {
  const file = openOrNull(path, "r+");
  if (file === null || fstatSync(file).size === size) return file;
  closeSync(file);
  return null;
}

/** A fresh journal with these lines, as an open descriptor to append to: whatever else was in the old one is gone. */
export async function rewriteJournal(path: string, subject: JournalSubject, lines: string): Promise<number> {
  const fresh = `${path}.new`;
  await unlinkIfThere(fresh);
  const journal = await beginJournal(fresh, formatJournalHead(subject) + lines);
  try {
    await syncData(journal);
    await rename(fresh, path);
    await syncFolder(dirname(path));
    return journal;
  } catch (error) {
    closeSync(journal);
    throw error;
  }
}

/** A journal that grew by this much is written anew. */
const MOST_GROWTH_BYTES = 1024 * 1024;

interface OpenFiles {
  readonly paths: PartialPaths;
  readonly subject: JournalSubject;
  /** Descriptor, as is `journal`. */
  readonly content: number;
  readonly journal: number;
  readonly boot: string | null;
  /** Whether the names of both are durable. */
  readonly isNamed: boolean;
}

function createPartialFile(files: OpenFiles, resumed: ReadonlyMap<string, RangeSet>): PartialFile {
  const { paths, subject, content, boot } = files;
  const path = paths.content;
  const facts = createJournalFacts(resumed);
  let { journal, isNamed } = files;
  let isWorthless = false;
  let grownBytes = 0;
  const onDisk = createQueue(path);
  const inJournal = createQueue(path);
  /** A line for each lane and moment adds up: on a slow link, to gigabytes. What they say together is short. */
  const shorten = async (): Promise<void> => {
    const old = journal;
    journal = await rewriteJournal(paths.journal, subject, facts.lines(boot));
    closeSync(old);
    isNamed = true;
    grownBytes = 0;
  };
  const write = async (text: string): Promise<void> => {
    writeFileSync(journal, text);
    grownBytes += text.length;
    if (grownBytes > MOST_GROWTH_BYTES) await shorten();
  };
  const append = (text: string): Promise<void> =>
    inJournal.run(async () => {
      await write(text);
      await syncData(journal);
      if (!isNamed) await syncFolder(dirname(paths.journal));
      isNamed = true;
    });
  return {
    descriptor: content,
    path,
    resumed,
    note: async (entries) => {
      if (boot === null || entries.length === 0) return;
      facts.noted(entries);
      await inJournal.run(() => write(formatJournalWritten(entries, boot)));
    },
    commit: (entries) =>
      onDisk.run(async () => {
        if (entries.length === 0) return;
        await syncData(content);
        facts.committed(entries);
        await append(formatJournalEntries(entries));
      }),
    // In turn with the commits: one that began earlier must not claim the ranges after they were taken back.
    spoil: (ranges) =>
      onDisk.run(async () => {
        facts.spoiled(ranges);
        await append(formatJournalSpoils(ranges));
      }),
    discard: () => {
      isWorthless = true;
    },
    [Symbol.asyncDispose]: async () => {
      await onDisk.idle();
      await inJournal.idle();
      closeSync(content);
      closeSync(journal);
      if (!isWorthless) return;
      for (const one of [paths.journal, paths.content]) await unlinkIfThere(one);
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

/** The error for a disk that failed under `path`. */
export const diskProblem = (path: string, error: unknown): ModelsError => diskError("write", path, error);
