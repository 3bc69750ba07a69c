import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSilent, silenceLimitMs } from "../../src/transfer/stall.ts";
import { makeHost, makeJob, makeLane, makeMirror } from "./worlds.ts";

function lane(options: {
  readonly rate?: number;
  readonly hasBytes?: boolean;
  readonly firstByteMs?: number;
  readonly patience?: number;
}) {
  const { rate = 0, hasBytes = true, firstByteMs = 50, patience = 1 } = options;
  const job = makeJob([makeMirror(makeHost({ firstByteMs }), { patience })]);
  return makeLane(job, { start: 0, end: 1e9 }, { rate, position: hasBytes ? 1000 : 0, lastMoveMs: 1_000 });
}

describe("silenceLimitMs()", () => {
  it.each<readonly [string, Parameters<typeof lane>[0], number]>([
    ["a fast lane: 3 s", { rate: 100e6 }, 3_000],
    ["a slow lane: twenty steps", { rate: 131_072 }, 10_000],
    ["a trickle: never more than 30 s", { rate: 10 }, 30_000],
    ["before the first byte: 5 s", { hasBytes: false }, 5_000],
    ["before the first byte of a slow host: eight times its usual", { hasBytes: false, firstByteMs: 2_000 }, 16_000],
    ["before the first byte of a very slow host: 30 s", { hasBytes: false, firstByteMs: 20_000 }, 30_000],
    ["a mirror that proved slow before: more", { rate: 100e6, patience: 4 }, 12_000],
  ])("grants %s", (_, options, ms) => {
    expect(silenceLimitMs(lane(options))).toBeCloseTo(ms, 5);
  });

  it("finds every silence within 30 s a patience, and never before 3 s", () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.boolean(), fc.nat(60_000), (rate, hasBytes, firstByteMs) => {
        const limit = silenceLimitMs(lane({ rate, hasBytes, firstByteMs }));
        expect(limit >= 3_000 && limit <= 30_000).toBe(true);
      }),
    );
  });
});

describe("isSilent()", () => {
  it("counts from the last byte", () => {
    const one = lane({ rate: 100e6 });
    expect(isSilent(one, 4_000)).toBe(false);
    expect(isSilent(one, 4_001)).toBe(true);
  });
});
