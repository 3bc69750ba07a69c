/** What is in the partial file, who sent it, and how much of that the journal knows. */
import type { Clock } from "../base/clock.ts";
import { addRange, type ByteRange, gapsIn, type RangeSet, rangeBytes, removeRange } from "../base/range.ts";
import { type Accounts, createAccounts } from "./accounts.ts";
import type { JournalEntry } from "./journal.ts";
import type { PartialFile } from "./partial-file.ts";
import type { Sent } from "./piece-check.ts";

export interface Ledger {
  readonly accounts: Accounts;
  /** Bytes that an earlier run left. */
  readonly resumedBytes: number;
  readonly done: () => RangeSet;
  readonly missingBytes: () => number;
  /** Takes over what was written, and sees to it that it becomes durable within a second. Never waits. */
  readonly enter: (entries: readonly JournalEntry[]) => void;
  /** Takes ranges back, at once here and soon in the journal: they turned out wrong. */
  readonly spoil: (ranges: readonly ByteRange[]) => void;
  /**
   * Resolves when everything that was entered is durable; but a small file that came whole before its first commit is
   * left to its place, which makes it durable: two syncs less for each of a thousand.
   * @throws ModelsError `DISK_FULL`, `DISK_FAILED`
   */
  readonly settle: () => Promise<void>;
  /** Who sent which part of `range`; what an earlier run left is of {@link EARLIER_RUN}. */
  readonly sentIn: (range: ByteRange) => readonly Sent[];
}

export interface LedgerOptions {
  readonly size: number;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Hears of a disk that failed behind the scenes. */
  readonly onError: (error: unknown) => void;
}

/** How often what was written is made durable: it bounds what a power cut costs. */
const COMMIT_EVERY_MS = 1_000;
/** Nor sooner than this, so that a disk begins with the first bytes of a fast link, not with its first gigabyte. */
const COMMIT_EVERY_BYTES = 64 * 1024 * 1024;

/** More than this takes a disk longer than the syncs of a commit: it works while the digest does. */
const SMALL_BYTES = 16 * 1024 * 1024;

/** The sender of what an earlier run left: it may have rotted on this disk since, so no mirror is to blame for it. */
export const EARLIER_RUN: string = "";

const within = (range: ByteRange, set: RangeSet): RangeSet => gapsIn(range, gapsIn(range, set));

export function createLedger(partial: PartialFile, { size, clock, onError }: LedgerOptions): Ledger {
  const accounts = createAccounts(partial.resumed);
  let done = [...partial.resumed.values()].flat().reduce<RangeSet>(addRange, []);
  const resumedBytes = rangeBytes(done);
  let uncommitted: readonly JournalEntry[] = [];
  let uncommittedBytes = 0;
  let committedMs = clock.monotonicMs();
  let isCommitting = false;
  let hasCommitted = false;

  const commit = async (): Promise<void> => {
    const entries = uncommitted;
    uncommitted = [];
    uncommittedBytes = 0;
    isCommitting = true;
    hasCommitted = true;
    try {
      await partial.commit(entries);
    } finally {
      isCommitting = false;
      committedMs = clock.monotonicMs();
    }
  };
  const missingBytes = (): number => rangeBytes(gapsIn({ start: 0, end: size }, done));
  return {
    accounts,
    resumedBytes,
    done: () => done,
    missingBytes,
    enter: (entries) => {
      accounts.fetched(entries);
      uncommitted = [...uncommitted, ...entries];
      for (const { range } of entries) {
        done = addRange(done, range);
        uncommittedBytes += range.end - range.start;
      }
      if (entries.length > 0) partial.note(entries).catch(onError);
      const isDue = uncommittedBytes >= COMMIT_EVERY_BYTES || clock.monotonicMs() - committedMs >= COMMIT_EVERY_MS;
      if (isDue && !isCommitting && uncommitted.length > 0) commit().catch(onError);
    },
    spoil: (ranges) => {
      if (uncommitted.length > 0) commit().catch(onError);
      for (const range of ranges) {
        done = removeRange(done, range);
        accounts.spoiled(range);
      }
      partial.spoil(ranges).catch(onError);
    },
    settle: async () => {
      if (hasCommitted || size > SMALL_BYTES || missingBytes() > 0) await commit();
    },
    sentIn: (range) => {
      const fresh = [...accounts.fresh()].flatMap(([source, ranges]) =>
        within(range, ranges).map((part) => ({ source, range: part })),
      );
      const old = fresh.reduce<RangeSet>((set, { range: part }) => removeRange(set, part), within(range, done));
      return [...fresh, ...old.map((part) => ({ source: EARLIER_RUN, range: part }))];
    },
  };
}
