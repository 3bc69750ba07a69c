import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatJournalEntries,
  formatJournalHead,
  formatJournalSpoils,
  formatJournalWritten,
  parseJournal,
} from "../../src/transfer/journal.ts";
import { createJournalFacts } from "../../src/transfer/journal-facts.ts";

const SUBJECT = { size: 100, sha256: null };
const BOOT = "this kernel";

describe("createJournalFacts()", () => {
  it("says what all lines together said, to this kernel and to the next", () => {
    const anyRange = fc
      .tuple(fc.nat(100), fc.nat(100))
      .filter(([one, other]) => one !== other)
      .map(([one, other]) => ({ start: Math.min(one, other), end: Math.max(one, other) }));
    const anyMirror = fc.constantFrom("a", "b", "c");
    const anyFact = fc.record({
      kind: fc.constantFrom("noted", "committed", "spoiled"),
      range: anyRange,
      mirror: anyMirror,
    });
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 30 }), (told) => {
        const facts = createJournalFacts(new Map());
        const head = formatJournalHead(SUBJECT);
        let log = head;
        for (const { kind, range, mirror } of told) {
          const entries = [{ mirror, range }];
          if (kind === "spoiled") facts.spoiled([range]);
          else facts[kind as "noted" | "committed"](entries);
          if (kind === "spoiled") log += formatJournalSpoils([range]);
          else log += kind === "noted" ? formatJournalWritten(entries, BOOT) : formatJournalEntries(entries);
        }
        const short = head + facts.lines(BOOT);
        for (const boot of [BOOT, null]) {
          expect(parseJournal(short, SUBJECT, boot)?.done).toEqual(parseJournal(log, SUBJECT, boot)?.done);
        }
        const bySender = (text: string) => [...(parseJournal(text, SUBJECT, BOOT)?.served ?? [])].sort();
        expect(bySender(short)).toEqual(bySender(log));
      }),
      { numRuns: 500 },
    );
  });
});
