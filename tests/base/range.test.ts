import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addRange,
  type ByteRange,
  gapsIn,
  hasRange,
  prefixLength,
  type RangeSet,
  rangeBytes,
  removeRange,
} from "../../src/base/range.ts";

const SIZE = 40;
const anyRange = fc
  .tuple(fc.nat(SIZE), fc.nat(SIZE))
  .map(([one, other]): ByteRange => ({ start: Math.min(one, other), end: Math.max(one, other) }));
const anyStep = fc.record({ isAdded: fc.boolean(), range: anyRange });
const anySteps = fc.array(anyStep, { maxLength: 30 });

interface Step {
  readonly isAdded: boolean;
  readonly range: ByteRange;
}

const integersOf = ({ start, end }: ByteRange): readonly number[] =>
  Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);

function build(steps: readonly Step[]): { readonly set: RangeSet; readonly model: ReadonlySet<number> } {
  const model = new Set<number>();
  let set: RangeSet = [];
  for (const { isAdded, range } of steps) {
    set = isAdded ? addRange(set, range) : removeRange(set, range);
    for (const byte of integersOf(range)) isAdded ? model.add(byte) : model.delete(byte);
  }
  return { set, model };
}

const sorted = (model: ReadonlySet<number>): readonly number[] => [...model].sort((one, other) => one - other);

describe("RangeSet, against a set of integers", () => {
  it("addRange() and removeRange() hold the same bytes, sorted, never touching, never empty", () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const { set, model } = build(steps);
        expect(set.flatMap(integersOf)).toEqual(sorted(model));
        for (const [index, range] of set.entries()) {
          expect(range.end).toBeGreaterThan(range.start);
          expect(range.start).toBeGreaterThan(set[index - 1]?.end ?? -1);
        }
      }),
    );
  });

  it("rangeBytes(), hasRange() and prefixLength() agree with it", () => {
    fc.assert(
      fc.property(anySteps, anyRange, (steps, range) => {
        const { set, model } = build(steps);
        expect(rangeBytes(set)).toBe(model.size);
        expect(hasRange(set, range)).toBe(integersOf(range).every((byte) => model.has(byte)));
        const firstGap = Array.from({ length: SIZE + 1 }, (_, byte) => byte).find((byte) => !model.has(byte));
        expect(prefixLength(set)).toBe(firstGap);
      }),
    );
  });

  it("gapsIn() is what is missing, and fills it up", () => {
    fc.assert(
      fc.property(anySteps, anyRange, (steps, whole) => {
        const { set, model } = build(steps);
        const gaps = gapsIn(whole, set);
        expect(gaps.flatMap(integersOf)).toEqual(integersOf(whole).filter((byte) => !model.has(byte)));
        expect(hasRange(gaps.reduce<RangeSet>(addRange, set), whole)).toBe(true);
      }),
    );
  });

  it("the functions change nothing in place", () => {
    const set = Object.freeze([Object.freeze({ start: 2, end: 5 })]);
    addRange(set, { start: 4, end: 9 });
    removeRange(set, { start: 3, end: 4 });
    expect(set).toEqual([{ start: 2, end: 5 }]);
  });
});

describe("removeRange()", () => {
  it("of nothing, in the middle of a range, does not split it", () => {
    expect(removeRange([{ start: 0, end: 10 }], { start: 5, end: 5 })).toEqual([{ start: 0, end: 10 }]);
    expect(removeRange([{ start: 0, end: 10 }], { start: 7, end: 3 })).toEqual([{ start: 0, end: 10 }]);
  });
});
