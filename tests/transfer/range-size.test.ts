import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LanePace, rangeSize } from "../../src/transfer/range-size.ts";

const MIB = 1024 * 1024;
const GB = 1e9;

const pace = (laneRate: number, firstByteMs: number): LanePace => ({ laneRate, firstByteMs });

describe("rangeSize()", () => {
  it("asks for 4 MiB while nothing is known", () => {
    expect(rangeSize(pace(0, 50), GB, 4)).toBe(4 * MIB);
  });

  it("asks for so much that the wait for a first byte takes a thirtieth", () => {
    expect(rangeSize(pace(10 * MIB, 50), 100 * GB, 4)).toBe(15 * MIB);
  });

  it("asks for 32 MiB or half a second where first bytes come at once, so that the front of the file is soon whole", () => {
    expect(rangeSize(pace(300 * MIB, 0.5), 100 * GB, 4)).toBe(32 * MIB);
    expect(rangeSize(pace(20 * MIB, 0.5), 100 * GB, 4)).toBe(10 * MIB);
  });

  it("asks a slow lane for little, so that it holds up nobody", () => {
    expect(rangeSize(pace(20_000, 1_500), GB, 4)).toBe(128 * 1024);
    expect(rangeSize(pace(200_000, 10), MIB, 32)).toBe(256 * 1024);
  });

  it("asks for no less than 1 MiB of a small file while nothing is known", () => {
    expect(rangeSize(pace(0, 50), 300_000, 4)).toBe(MIB);
  });

  it("gets smaller towards the end", () => {
    const near = pace(50 * MIB, 40);
    const sizes = [4 * GB, GB, 256 * MIB, 64 * MIB, MIB].map((left) => rangeSize(near, left, 4));
    expect(sizes).toEqual([...sizes].sort((one, other) => other - one));
    expect(sizes.at(-1)).toBe(8 * MIB);
  });

  it("is whole MiB, or less than one for a slow lane, and never less for more left", () => {
    const anyPace = fc.record({ laneRate: fc.nat(2 * GB), firstByteMs: fc.nat(10_000) });
    fc.assert(
      fc.property(anyPace, fc.nat(100 * GB), fc.nat(10 * GB), fc.nat(64), (pace, left, more, lanes) => {
        const bytes = rangeSize(pace, left, lanes);
        const grain = bytes < MIB ? 64 * 1024 : MIB;
        expect(bytes % grain === 0 && bytes >= grain && bytes <= 64 * MIB).toBe(true);
        expect(rangeSize(pace, left + more, lanes)).toBeGreaterThanOrEqual(bytes);
      }),
    );
  });
});
