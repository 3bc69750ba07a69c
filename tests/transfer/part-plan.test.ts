/** How uploads are cut into parts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partBytesFor, partsOf } from "../../src/transfer/part-plan.ts";

const MIB = 1024 * 1024;

describe("partBytesFor()", () => {
  it.each([
    [1, 16 * MIB],
    [23_782_506_688, 16 * MIB],
    [10_000 * 16 * MIB, 16 * MIB],
    [10_000 * 16 * MIB + 1, 17 * MIB],
    [5 * 1024 ** 4, 525 * MIB],
  ])("cuts %i bytes into parts of %i", (size, bytes) => {
    expect(partBytesFor(size)).toBe(bytes);
  });
});

describe("partsOf()", () => {
  it("covers every byte once with at most 10,000 parts, all but the last of one size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * 1024 ** 4 }), (size) => {
        const bytes = partBytesFor(size);
        const parts = partsOf(size);
        const last = parts.at(-1);
        expect(parts.length).toBeLessThanOrEqual(10_000);
        expect(last?.end).toBe(size);
        expect(parts[0]?.start).toBe(0);
        for (const index of [1, Math.floor(parts.length / 2), parts.length - 1]) {
          const [before, part] = [parts[index - 1], parts[index]];
          if (before === undefined || part === undefined) continue;
          expect(part.start).toBe(before.end);
          expect(before.end - before.start).toBe(bytes);
          expect(part.number).toBe(index + 1);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("gives no part of nothing", () => {
    expect(partsOf(0)).toEqual([]);
  });
});
