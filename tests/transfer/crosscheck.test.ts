import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addRange, type RangeSet, rangeBytes } from "../../src/base/range.ts";
import { planCrosscheck } from "../../src/transfer/crosscheck.ts";

const served = (shares: Readonly<Record<string, RangeSet>>): ReadonlyMap<string, RangeSet> =>
  new Map(Object.entries(shares));
const range = (start: number, end: number): RangeSet => [{ start, end }];

describe("planCrosscheck()", () => {
  const shares = served({ a: range(0, 60), b: range(60, 90), c: range(90, 100) });

  it("keeps the mirror with most bytes, and suspects everything of the others", () => {
    expect(planCrosscheck({ served: shares, usable: ["c", "b", "a"], tried: new Set(), isWhole: true })).toEqual({
      keep: "a",
      suspects: [
        { source: "b", range: { start: 60, end: 90 } },
        { source: "c", range: { start: 90, end: 100 } },
      ],
    });
  });

  it("keeps the next one when the first was tried, and none when all were", () => {
    expect(
      planCrosscheck({ served: shares, usable: ["a", "b", "c"], tried: new Set(["a"]), isWhole: true })?.keep,
    ).toBe("b");
    expect(
      planCrosscheck({ served: shares, usable: ["a", "b"], tried: new Set(["a", "b"]), isWhole: true }),
    ).toBeNull();
  });

  it("passes over a mirror that sent everything: it has just been proven wrong", () => {
    const facts = { served: served({ a: range(0, 100), b: [] }), usable: ["a", "b"], tried: new Set<string>() };
    expect(planCrosscheck({ ...facts, isWhole: true })?.keep).toBe("b");
    expect(planCrosscheck({ ...facts, usable: ["a"], isWhole: true })).toBeNull();
    // Unless it had no chance to send all of it.
    expect(planCrosscheck({ ...facts, usable: ["a"], isWhole: false })?.keep).toBe("a");
  });

  it("suspects bytes of sources that cannot be asked any more", () => {
    const plan = planCrosscheck({ served: shares, usable: ["b"], tried: new Set(), isWhole: true });
    expect(plan?.suspects.map(({ source }) => source)).toEqual(["a", "c"]);
  });

  it("ends with right bytes after one round a mirror if one mirror is honest", () => {
    const anyWorld = fc.integer({ min: 1, max: 6 }).chain((count) =>
      fc.record({
        honest: fc.nat(count - 1),
        cuts: fc.array(fc.record({ mirror: fc.nat(count - 1), bytes: fc.integer({ min: 1, max: 9 }) }), {
          minLength: 1,
          maxLength: 12,
        }),
        count: fc.constant(count),
      }),
    );
    fc.assert(
      fc.property(anyWorld, ({ honest, cuts, count }) => {
        const sources = Array.from({ length: count }, (_, index) => `m${index}`);
        let owner = new Map<string, RangeSet>();
        let at = 0;
        for (const { mirror, bytes } of cuts) {
          const source = `m${mirror}`;
          owner.set(source, addRange(owner.get(source) ?? [], { start: at, end: at + bytes }));
          at += bytes;
        }
        const tried = new Set<string>();
        const isRight = (): boolean =>
          [...owner].every(([source, ranges]) => source === `m${honest}` || rangeBytes(ranges) === 0);
        let rounds = 0;
        while (!isRight()) {
          const plan = planCrosscheck({ served: owner, usable: sources, tried, isWhole: true });
          if (plan === null) throw new Error("gave up although one is honest");
          tried.add(plan.keep);
          owner = new Map([[plan.keep, range(0, at)]]);
          rounds += 1;
        }
        expect(rounds).toBeLessThanOrEqual(count);
      }),
    );
  });
});
