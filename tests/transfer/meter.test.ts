import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMeter } from "../../src/transfer/meter.ts";

describe("createMeter()", () => {
  it("is 0 before anything, and takes no notice of no time", () => {
    const meter = createMeter();
    meter.add(1000, 0);
    meter.add(1000, -5);
    expect(meter.rate()).toBe(0);
  });

  it("gives the first rate at once, and a steady one for ever", () => {
    const meter = createMeter();
    for (let times = 0; times < 500; times += 1) {
      meter.add(400, 40);
      expect(meter.rate()).toBeCloseTo(10_000, 6);
    }
  });

  it("forgets: after a few memories of silence hardly anything is left", () => {
    const meter = createMeter(1_000);
    meter.add(1e6, 1_000);
    for (let times = 0; times < 125; times += 1) meter.add(0, 40);
    expect(meter.rate()).toBeLessThan(1e6 * 0.01);
  });

  it("follows a change within two memories", () => {
    const meter = createMeter(1_000);
    for (let times = 0; times < 100; times += 1) meter.add(1_000, 40);
    for (let times = 0; times < 50; times += 1) meter.add(4_000, 40);
    expect(meter.rate()).toBeGreaterThan(85_000);
  });

  it("lies between the slowest and the fastest that it saw", () => {
    const anyStep = fc.record({ bytes: fc.nat(1e7), ms: fc.integer({ min: 1, max: 5_000 }) });
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 50 }), (steps) => {
        const meter = createMeter();
        const rates = steps.map(({ bytes, ms }) => (bytes / ms) * 1000);
        for (const { bytes, ms } of steps) meter.add(bytes, ms);
        expect(meter.rate()).toBeGreaterThanOrEqual(Math.min(...rates) * 0.999_999);
        expect(meter.rate()).toBeLessThanOrEqual(Math.max(...rates) * 1.000_001);
      }),
    );
  });
});
