/** What a journal says, without how it came to say it: what a rewritten one begins with. Pure. */
import { addRange, type ByteRange, type RangeSet } from "../base/range.ts";
import { forgetRange, formatJournalEntries, formatJournalWritten, type JournalEntry } from "./journal.ts";

export interface JournalFacts {
  /** These bytes were written. */
  readonly noted: (entries: readonly JournalEntry[]) => void;
  /** These bytes are durable. */
  readonly committed: (entries: readonly JournalEntry[]) => void;
  /** These bytes turned out wrong. */
  readonly spoiled: (ranges: readonly ByteRange[]) => void;
  /** The fewest lines that say it all; `boot` names the kernel that runs, null where it has no name. */
  readonly lines: (boot: string | null) => string;
}

/** Begins with durable bytes, by the mirror that sent them. */
export function createJournalFacts(resumed: ReadonlyMap<string, RangeSet>): JournalFacts {
  const durable = new Map(resumed);
  const written = new Map<string, RangeSet>();
  const add = (set: Map<string, RangeSet>, { mirror, range }: JournalEntry): void => {
    forgetRange(set, range);
    set.set(mirror, addRange(set.get(mirror) ?? [], range));
  };
  return {
    noted: (entries) => {
      for (const entry of entries) add(written, entry);
    },
    committed: (entries) => {
      for (const entry of entries) {
        forgetRange(written, entry.range);
        add(durable, entry);
      }
    },
    spoiled: (ranges) => {
      for (const range of ranges) for (const set of [durable, written]) forgetRange(set, range);
    },
    lines: (boot) =>
      formatJournalEntries(entriesOf(durable)) + (boot === null ? "" : formatJournalWritten(entriesOf(written), boot)),
  };
}

function entriesOf(served: ReadonlyMap<string, RangeSet>): readonly JournalEntry[] {
  return [...served].flatMap(([mirror, ranges]) => ranges.map((range) => ({ mirror, range })));
}
