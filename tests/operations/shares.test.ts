/** mergeShares(): bytes are conserved, rates are over busy time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeShares } from "../../src/operations/shares.ts";

describe("mergeShares()", () => {
  it("says the last error of the last file that had one", () => {
    const share = { label: "one", bytes: 10, bytesPerSecond: 10, errors: 1 };
    const [first, last] = ["reset", "it answered 503"].map((message) => ({ code: "MIRROR_FAILED" as const, message }));
    const merged = mergeShares(
      [
        { ...share, ...(first && { lastError: first }) },
        { ...share, ...(last && { lastError: last }) },
        { ...share, errors: 0 },
      ],
      1000,
    );
    expect(merged).toMatchObject([{ errors: 2, lastError: last }]);
  });

  it("adds bytes and errors of one label, most bytes first", () => {
    const merged = mergeShares(
      [
        { label: "slow", bytes: 10, bytesPerSecond: 10, errors: 1 },
        { label: "fast", bytes: 100, bytesPerSecond: 100, errors: 0 },
        { label: "slow", bytes: 30, bytesPerSecond: 30, errors: 2 },
      ],
      60_000,
    );
    expect(merged).toEqual([
      { label: "fast", bytes: 100, bytesPerSecond: 100, errors: 0 },
      { label: "slow", bytes: 40, bytesPerSecond: 20, errors: 3 },
    ]);
  });

  it("two files side by side are as fast as both together, not as their mean", () => {
    const half = { label: "one", bytes: 1000, bytesPerSecond: 1000, errors: 0 };
    expect(mergeShares([half, half], 1000)[0]?.bytesPerSecond).toBe(2000);
  });

  it("says of files that came whole the rate that they had at least", () => {
    const whole = { label: "one", bytes: 1000, bytesPerSecond: 0, errors: 0 };
    expect(mergeShares([whole, whole], 1000)).toEqual([{ label: "one", bytes: 2000, bytesPerSecond: 2000, errors: 0 }]);
  });

  it("never loses a byte and never gives a rate that is not a number", () => {
    const share = fc.record({
      label: fc.constantFrom("a", "b", "c"),
      bytes: fc.nat(),
      bytesPerSecond: fc.nat(),
      errors: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(share), fc.nat(), (shares, elapsedMs) => {
        const merged = mergeShares(shares, elapsedMs);
        const total = (of: readonly { bytes: number }[]): number => of.reduce((sum, one) => sum + one.bytes, 0);
        expect(total(merged)).toBe(total(shares));
        for (const one of merged) expect(Number.isFinite(one.bytesPerSecond)).toBe(true);
      }),
    );
  });
});
