import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRateLimiter } from "../../src/net/rate-limiter.ts";

function rig(rate: number | null) {
  let nowMs = 1_000;
  const limiter = createRateLimiter({ monotonicMs: () => nowMs });
  limiter.limit(rate);
  return {
    limiter,
    pass: (ms: number): void => {
      nowMs += ms;
    },
  };
}

describe("createRateLimiter()", () => {
  it("without a limit never waits", () => {
    const { limiter } = rig(null);
    limiter.spend(1e12);
    expect(limiter.waitMs()).toBe(0);
  });

  it("waits as long as what was overdrawn takes", () => {
    const { limiter, pass } = rig(1000);
    limiter.spend(500);
    expect(limiter.waitMs()).toBe(500);
    pass(200);
    expect(limiter.waitMs()).toBe(300);
    pass(300);
    expect(limiter.waitMs()).toBe(0);
  });

  it("saves up a tenth of a second at most, however long nothing came", () => {
    const { limiter, pass } = rig(1000);
    pass(3_600_000);
    limiter.spend(100);
    expect(limiter.waitMs()).toBe(0);
    limiter.spend(100);
    expect(limiter.waitMs()).toBe(100);
  });

  it("still wants its debts when the limit changes, gives no credit, and forgets both when it is lifted", () => {
    const { limiter, pass } = rig(1000);
    limiter.spend(10_000);
    limiter.limit(2000);
    expect(limiter.waitMs()).toBe(5_000);
    limiter.limit(null);
    expect(limiter.waitMs()).toBe(0);
    limiter.limit(1000);
    expect(limiter.waitMs()).toBe(0);
    pass(1_000);
    limiter.limit(500);
    limiter.spend(5);
    expect(limiter.waitMs()).toBe(10);
  });

  it("wants small steps of a small budget", () => {
    const { limiter } = rig(null);
    expect(limiter.stepBytes()).toBe(Number.POSITIVE_INFINITY);
    limiter.limit(1_000_000);
    expect(limiter.stepBytes()).toBe(20_000);
    limiter.limit(10);
    expect(limiter.stepBytes()).toBe(4096);
  });

  it("lets no more through than the rate and the burst, whoever comes when", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 1_000_000 }),
        fc.array(fc.record({ bytes: fc.nat(100_000), idleMs: fc.nat(500) }), { minLength: 1, maxLength: 40 }),
        (rate, reads) => {
          const { limiter, pass } = rig(rate);
          let spent = 0;
          let passedMs = 0;
          for (const { bytes, idleMs } of reads) {
            const waitMs = limiter.waitMs() + idleMs;
            pass(waitMs);
            passedMs += waitMs;
            expect(limiter.waitMs()).toBe(0);
            expect(spent).toBeLessThanOrEqual(rate * (passedMs / 1000) + 1e-3 * rate);
            limiter.spend(bytes);
            spent += bytes;
          }
        },
      ),
    );
  });
});
