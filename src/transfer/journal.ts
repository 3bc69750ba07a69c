/** How a journal is written: one line a fact, each with its own check, so that a torn write loses a line and no more. Pure. */
import { hash } from "node:crypto";
import type { Sha256 } from "../base/artifact.ts";
import { addRange, type ByteRange, type RangeSet, removeRange } from "../base/range.ts";

/** What a partial file is a part of; a journal of another artifact is worth nothing. */
export interface JournalSubject {
  readonly size: number;
  readonly sha256: Sha256 | null;
}

/** Bytes that are in the partial file, by the mirror that sent them. */
export interface JournalContent {
  readonly done: RangeSet;
  readonly served: ReadonlyMap<string, RangeSet>;
}

/** One range that was written. */
export interface JournalEntry {
  readonly mirror: string;
  readonly range: ByteRange;
}

/** Longer journals are not believed: one of a terabyte in pieces of 1 MiB has half of this. */
export const MAX_JOURNAL_BYTES: number = 128 * 1024 * 1024;

const FORMAT = 1;
const CHECK_LENGTH = 12;

/** The first line of a journal. */
export function formatJournalHead(subject: JournalSubject): string {
  return line(["journal", FORMAT, subject.size, subject.sha256 ?? ""]);
}

/** The lines for ranges that became durable together. */
export function formatJournalEntries(entries: readonly JournalEntry[]): string {
  return entries.map(({ mirror, range }) => line(["done", range.start, range.end, mirror])).join("");
}

/**
 * The lines for ranges that were written, but may not be durable yet. They count as long as the kernel runs that took
 * them, which `boot` names: its page cache outlives a killed process, though not a power cut.
 */
export function formatJournalWritten(entries: readonly JournalEntry[], boot: string): string {
  return entries.map(({ mirror, range }) => line(["written", range.start, range.end, mirror, boot])).join("");
}

/** The line that takes ranges back: they turned out wrong. */
export function formatJournalSpoils(ranges: readonly ByteRange[]): string {
  return ranges.map((range) => line(["spoiled", range.start, range.end])).join("");
}

/**
 * Reads a journal. Lines that are torn, garbled or impossible are passed over: they only cost bytes that are
 * fetched again. `boot` names the kernel that runs now; null where it has no name. Returns null when the text is no
 * journal of `subject`.
 */
export function parseJournal(text: string, subject: JournalSubject, boot: string | null = null): JournalContent | null {
  const facts = text.split("\n").flatMap(readLine);
  const [head, ...rest] = facts;
  if (head?.[0] !== "journal" || head[1] !== FORMAT || head[2] !== subject.size || head[3] !== (subject.sha256 ?? ""))
    return null;
  const served = new Map<string, RangeSet>();
  for (const [kind, start, end, mirror, writtenAt] of rest) {
    const range = rangeOf(start, end, subject.size);
    if (range === null) continue;
    if (kind === "spoiled") forgetRange(served, range);
    const isThere = kind === "done" || (kind === "written" && boot !== null && writtenAt === boot);
    if (!isThere || typeof mirror !== "string") continue;
    forgetRange(served, range);
    served.set(mirror, addRange(served.get(mirror) ?? [], range));
  }
  const done = [...served.values()].flat().reduce<RangeSet>(addRange, []);
  return { done, served };
}

/** Takes a range away from whatever mirror it is of. */
export function forgetRange(served: Map<string, RangeSet>, range: ByteRange): void {
  for (const [mirror, ranges] of [...served]) {
    const left = removeRange(ranges, range);
    if (left.length > 0) served.set(mirror, left);
    else served.delete(mirror);
  }
}

function rangeOf(start: unknown, end: unknown, size: number): ByteRange | null {
  if (typeof start !== "number" || typeof end !== "number") return null;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return null;
  return 0 <= start && start < end && end <= size ? { start, end } : null;
}

function line(fact: readonly (string | number)[]): string {
  const text = JSON.stringify(fact);
  return `${check(text)} ${text}\n`;
}

function readLine(text: string): readonly (readonly unknown[])[] {
  const fact = text.slice(CHECK_LENGTH + 1);
  if (text[CHECK_LENGTH] !== " " || check(fact) !== text.slice(0, CHECK_LENGTH)) return [];
  try {
    const value: unknown = JSON.parse(fact);
    return Array.isArray(value) ? [value] : [];
  } catch {
    // A right check shows that nothing was torn, not that this program wrote it.
    return [];
  }
}

const check = (text: string): string => hash("sha256", text).slice(0, CHECK_LENGTH);
