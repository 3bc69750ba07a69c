import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { addRange, type ByteRange, type RangeSet, rangeBytes, removeRange } from "../../src/base/range.ts";
import {
  formatJournalEntries,
  formatJournalHead,
  formatJournalSpoils,
  formatJournalWritten,
  type JournalContent,
  type JournalEntry,
  parseJournal,
} from "../../src/transfer/journal.ts";

const SIZE = 60;
const SUBJECT = { size: SIZE, sha256: parseSha256("ab".repeat(32)) };
const HEAD = formatJournalHead(SUBJECT);
const BOOT = "boot-1";

const anyRange = fc
  .tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }))
  .map(([start, length]): ByteRange => ({ start, end: Math.min(SIZE, start + length) }));
const anyMirror = fc.constantFrom("https://a/x", "https://b/x", 'odd " \n \\ name', "日本", "__proto__");
const anyEntry = fc.record({ mirror: anyMirror, range: anyRange });

type Fact = { readonly kind: "done" | "written" | "spoiled"; readonly entry: JournalEntry };
const anyFact: fc.Arbitrary<Fact> = fc.record({
  kind: fc.constantFrom("done" as const, "written" as const, "spoiled" as const),
  entry: anyEntry,
});
const anyFacts = fc.array(anyFact, { maxLength: 15 });

function lineOf({ kind, entry }: Fact): string {
  if (kind === "done") return formatJournalEntries([entry]);
  return kind === "written" ? formatJournalWritten([entry], BOOT) : formatJournalSpoils([entry.range]);
}

const textOf = (facts: readonly Fact[]): string => HEAD + facts.map(lineOf).join("");
const parse = (text: string, boot: string | null = BOOT): JournalContent => {
  const content = parseJournal(text, SUBJECT, boot);
  if (content === null) throw new Error("it is no journal");
  return content;
};

/** Who sent each byte, by the plain reading of the facts. */
function modelOf(facts: readonly Fact[], boot: string | null): readonly (string | null)[] {
  const owner: (string | null)[] = Array.from({ length: SIZE }, () => null);
  for (const { kind, entry } of facts) {
    if (kind === "written" && boot !== BOOT) continue;
    owner.fill(kind === "spoiled" ? null : entry.mirror, entry.range.start, entry.range.end);
  }
  return owner;
}

function ownersIn({ served }: JournalContent): readonly (string | null)[] {
  const owner: (string | null)[] = Array.from({ length: SIZE }, () => null);
  for (const [mirror, ranges] of served) {
    for (const { start, end } of ranges) {
      expect(owner.slice(start, end).every((one) => one === null)).toBe(true);
      owner.fill(mirror, start, end);
    }
  }
  return owner;
}

const checked = (text: string): string => `${createHash("sha256").update(text).digest("hex").slice(0, 12)} ${text}\n`;

describe("parseJournal()", () => {
  it("reads back every fact: each byte belongs to whoever wrote it last", () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom(BOOT, "boot-2", null), (facts, boot) => {
        const content = parse(textOf(facts), boot);
        const owners = ownersIn(content);
        expect(owners).toEqual(modelOf(facts, boot));
        expect(rangeBytes(content.done)).toBe(owners.filter((owner) => owner !== null).length);
      }),
    );
  });

  it("torn at any byte, it is the journal of the lines before", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const text = Buffer.from(textOf(facts));
        for (let length = Buffer.byteLength(HEAD); length <= text.length; length += 1) {
          const torn = text.subarray(0, length);
          const lines = torn.toString("latin1").split("\n").length - 1;
          // A line is whole as soon as its last character but the line's end is there.
          const isWhole = length === text.length || text[length] === 10;
          const count = lines - 1 + (isWhole && length < text.length ? 1 : 0);
          expect(ownersIn(parse(torn.toString("utf8")))).toEqual(modelOf(facts.slice(0, count), BOOT));
        }
      }),
      { numRuns: 15 },
    );
  });

  it("passes over garbage between its lines", () => {
    const anyGarbage = fc.oneof(
      fc.string().map((text) => `${text.replaceAll("\n", " ")}\n`),
      fc.json().map((text) => `${text}\n`),
      fc.json().map(checked),
      fc.string().map((text) => checked(text.replaceAll("\n", " "))),
    );
    const head = /"(journal|done|written|spoiled)"/;
    fc.assert(
      fc.property(fc.array(fc.tuple(anyFact, anyGarbage), { maxLength: 8 }), (lines) => {
        fc.pre(lines.every(([, garbage]) => !head.test(garbage)));
        const text = HEAD + lines.map(([fact, garbage]) => garbage + lineOf(fact)).join("");
        expect(ownersIn(parse(text))).toEqual(
          modelOf(
            lines.map(([fact]) => fact),
            BOOT,
          ),
        );
      }),
    );
  });

  it.each([
    ["a range behind the end", ["done", 10, SIZE + 1, "a"]],
    ["a negative start", ["done", -1, 5, "a"]],
    ["an empty range", ["done", 5, 5, "a"]],
    ["a range backwards", ["done", 9, 5, "a"]],
    ["half bytes", ["done", 0.5, 5, "a"]],
    ["texts for numbers", ["done", "0", "5", "a"]],
    ["no mirror", ["done", 0, 5]],
    ["a mirror that is no text", ["done", 0, 5, { a: 1 }]],
    ["an unknown kind", ["gone", 0, 5, "a"]],
    ["no list", { done: [0, 5] }],
    ["written without a boot", ["written", 0, 5, "a"]],
  ])("passes over an impossible line: %s", (_, fact) => {
    expect(parse(HEAD + checked(JSON.stringify(fact))).done).toEqual([]);
  });

  it("passes over a line whose check is right but which is no JSON", () => {
    const entry = { mirror: "a", range: { start: 0, end: 5 } };
    expect(parse(HEAD + checked("no json") + formatJournalEntries([entry])).done).toEqual([entry.range]);
  });

  it("passes over a line in which one digit was changed", () => {
    const line = formatJournalEntries([{ mirror: "a", range: { start: 0, end: 5 } }]);
    expect(parse(HEAD + line.replace("0,5", "0,9")).done).toEqual([]);
  });

  it.each([
    ["another size", formatJournalHead({ ...SUBJECT, size: SIZE + 1 })],
    ["another sha256", formatJournalHead({ ...SUBJECT, sha256: parseSha256("cd".repeat(32)) })],
    ["no sha256", formatJournalHead({ ...SUBJECT, sha256: null })],
    ["another format", checked(JSON.stringify(["journal", 2, SIZE, SUBJECT.sha256]))],
    ["a torn head", HEAD.slice(0, -3)],
    ["an entry first", formatJournalEntries([{ mirror: "a", range: { start: 0, end: 5 } }]) + HEAD],
    ["nothing", ""],
    ["garbage", "\0\0\0\0"],
  ])("is null for %s", (_, head) => {
    expect(
      parseJournal(`${head}${formatJournalEntries([{ mirror: "a", range: { start: 0, end: 5 } }])}`, SUBJECT, BOOT),
    ).toBeNull();
  });

  it("what was only written counts while the same kernel runs, and not where it has no name", () => {
    const text = HEAD + formatJournalWritten([{ mirror: "a", range: { start: 3, end: 9 } }], BOOT);
    expect(parse(text, BOOT).done).toEqual([{ start: 3, end: 9 }]);
    expect(parse(text, "boot-2").done).toEqual([]);
    expect(parse(text, null).done).toEqual([]);
  });

  it("spoiled bytes are gone, and good again when they come again", () => {
    const done = (start: number, end: number): string => formatJournalEntries([{ mirror: "a", range: { start, end } }]);
    const spoiled = HEAD + done(0, 40) + formatJournalSpoils([{ start: 10, end: 20 }]);
    const left: RangeSet = removeRange(addRange([], { start: 0, end: 40 }), { start: 10, end: 20 });
    expect(parse(spoiled).done).toEqual(left);
    expect(parse(spoiled + done(10, 20)).done).toEqual([{ start: 0, end: 40 }]);
  });
});
