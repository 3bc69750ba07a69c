import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLaneBudget, type LaneBudget, type LaneBudgetSettings } from "../../src/transfer/lane-budget.ts";

const STEP_MS = 40;
const ADAPTIVE: LaneBudgetSettings = { first: 4, most: 32, fixed: null };

/** A host that brings `rateOf(lanes)` bytes per second, and a client that always uses as many lanes as it may. */
function drive(
  budget: LaneBudget,
  rateOf: (lanes: number) => number,
  fromMs: number,
  untilMs: number,
): readonly number[] {
  const limits: number[] = [];
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += STEP_MS) {
    const lanes = budget.limit();
    budget.observe((rateOf(lanes) * STEP_MS) / 1000, lanes, nowMs);
    limits.push(budget.limit());
  }
  return limits;
}

const capped = (perLane: number, whole: number) => (lanes: number) => Math.min(whole, lanes * perLane);

describe("createLaneBudget()", () => {
  it("begins with a few lanes, never more than the most", () => {
    expect(createLaneBudget(ADAPTIVE, 0).limit()).toBe(4);
    expect(createLaneBudget({ ...ADAPTIVE, most: 2 }, 0).limit()).toBe(2);
  });

  it("says while it tries another number, so that nobody adds to what is judged", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    expect(budget.isStrict()).toBe(true);
    drive(budget, capped(10e6, 10e6), 0, 3_000);
    expect(budget.isStrict()).toBe(false);
    expect(createLaneBudget({ ...ADAPTIVE, fixed: 4 }, 0).isStrict()).toBe(false);
  });

  it("doubles while that pays, and is at the most within four seconds", () => {
    const limits = drive(createLaneBudget(ADAPTIVE, 0), capped(10e6, 1e9), 0, 4_000);
    expect([...new Set(limits)]).toEqual([4, 8, 16, 32]);
  });

  it("tries twice the lanes soon after the first bytes, however late those come", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    expect(drive(budget, () => 0, 0, 1_000).at(-1)).toBe(4);
    const limits = drive(budget, capped(10e6, 1e9), 1_000, 2_500);
    expect(limits.indexOf(8) * STEP_MS).toBeLessThanOrEqual(320);
    // The new ones get the time that connections need.
    expect((limits.indexOf(16) - limits.indexOf(8)) * STEP_MS).toBeGreaterThanOrEqual(600);
  });

  /** As `drive`, on a box that has no time for more than so many bytes per second. */
  function driveOnBox(budget: LaneBudget, perLane: number, boxRate: number, untilMs: number): number {
    for (let nowMs = 0; nowMs < untilMs; nowMs += STEP_MS) {
      const lanes = budget.limit();
      const rate = Math.min(lanes * perLane, boxRate);
      budget.observe((rate * STEP_MS) / 1000, lanes, nowMs, rate === boxRate);
    }
    return budget.limit();
  }

  it("gives two lanes to a box that can read no faster than those bring", () => {
    expect(driveOnBox(createLaneBudget(ADAPTIVE, 0), 1e9, 1e9, 600)).toBe(2);
    expect(driveOnBox(createLaneBudget(ADAPTIVE, 0), 1e9, 1e9, 30_000)).toBeLessThanOrEqual(2);
  });

  it("gives more to a box that had time left with two", () => {
    expect(driveOnBox(createLaneBudget(ADAPTIVE, 0), 300e6, 1e9, 4_000)).toBe(4);
  });

  it("stops where a box has no time for more", () => {
    expect(driveOnBox(createLaneBudget(ADAPTIVE, 0), 100e6, 1e9, 7_000)).toBe(16);
  });

  it("goes back to where it was when twice the lanes bring nothing", () => {
    const limits = drive(createLaneBudget(ADAPTIVE, 0), capped(1e9, 100e6), 0, 4_000);
    expect([...new Set(limits)]).toEqual([4, 8]);
    expect(limits.at(-1)).toBe(4);
  });

  it("goes back, too, when not all of them could be opened and those that were brought nothing", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(20e6, 1e9), 0, 1_400);
    expect(budget.limit()).toBe(16);
    // Other hosts have the rest: of 32 lanes there are only ever 24.
    for (let nowMs = 1_400; nowMs < 6_000; nowMs += STEP_MS) {
      budget.observe((320e6 * STEP_MS) / 1000, Math.min(24, budget.limit()), nowMs);
    }
    expect(budget.limit()).toBe(16);
    expect(budget.isStrict()).toBe(false);
  });

  it("keeps what brought a little, and tries no further", () => {
    const limits = drive(createLaneBudget(ADAPTIVE, 0), (lanes) => (lanes <= 4 ? 100e6 : 108e6), 0, 4_000);
    expect(limits.at(-1)).toBe(8);
  });

  it("probes up when steady, and keeps what pays now", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(1e9, 100e6), 0, 5_000);
    const limits = drive(budget, capped(25e6, 1e9), 5_000, 30_000);
    expect(Math.max(...limits)).toBeGreaterThan(8);
  });

  it("tries more lanes at once when losses have slowed down those that it has", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    // While twice the lanes are tried, the old ones lose what the new ones bring.
    drive(budget, () => 30e6, 0, 3_000);
    expect(budget.limit()).toBe(4);
    const limits = drive(budget, (lanes) => lanes * 3e6, 3_000, 8_000);
    expect(limits.at(-1)).toBe(32);
  });

  it("tries more lanes at once on a link that is free again", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(20e6, 40e6), 0, 3_000);
    expect(budget.limit()).toBe(4);
    const limits = drive(budget, capped(20e6, 160e6), 3_000, 6_000);
    expect(limits.indexOf(8) * STEP_MS).toBeLessThanOrEqual(1_040);
    expect(limits.at(-1)).toBe(8);
  });

  it("tries more lanes again four waits after it stepped back, whatever they bring before", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(20e6, 1e9), 0, 4_000);
    budget.stepBack(4_000, 1_000);
    expect(budget.limit()).toBe(16);
    // What comes after a pause begins slowly.
    drive(budget, capped(2e6, 1e9), 4_000, 5_000);
    expect(Math.max(...drive(budget, capped(20e6, 1e9), 5_000, 8_000))).toBe(16);
    expect(drive(budget, capped(20e6, 1e9), 8_000, 10_000).at(-1)).toBe(32);
  });

  it("goes back to what it had when a trial is too much for the host, and tries again later each time", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    const refusals: number[] = [];
    for (let nowMs = 0; nowMs < 40_000; nowMs += STEP_MS) {
      const lanes = budget.limit();
      if (lanes > 8) {
        refusals.push(nowMs);
        budget.stepBack(nowMs, 250);
        expect(budget.limit()).toBe(8);
      } else budget.observe((lanes * 20e6 * STEP_MS) / 1000, lanes, nowMs);
    }
    const gaps = refusals.slice(1).map((at, index) => at - (refusals[index] ?? 0));
    expect(refusals.length).toBeGreaterThan(3);
    expect(gaps.every((gap, index) => index === 0 || gap > 1.5 * (gaps[index - 1] ?? 0))).toBe(true);
  });

  it("adds no lane beyond its number, not even for a moment, once a host was too busy", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(1e9, 100e6), 0, 4_000);
    expect(budget.isStrict()).toBe(false);
    budget.stepBack(4_000, 0);
    expect(budget.isStrict()).toBe(true);
  });

  it("takes a moment between two ranges for no want of work", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    for (let nowMs = 0; nowMs < 4_000; nowMs += STEP_MS) {
      const lanes = budget.limit();
      const isBetween = nowMs % 400 === 0;
      budget.observe((lanes * 10e6 * STEP_MS) / 1000, isBetween ? lanes - 1 : lanes, nowMs);
    }
    expect(budget.limit()).toBe(32);
  });

  it("probes down too, and gives up lanes that bring nothing", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(10e6, 1e9), 0, 5_000);
    expect(budget.limit()).toBe(32);
    const limits = drive(budget, capped(1e9, 320e6), 5_000, 120_000);
    expect(Math.min(...limits)).toBeLessThan(32);
    expect(limits.at(-1)).toBeLessThan(32);
  });

  it("counts no bytes from before its window, which would look like a gain", () => {
    // Of 500 ms, one step of 40 would be 8 % too much: more than what keeps a lane.
    const budget = createLaneBudget(ADAPTIVE, 0);
    const limits = drive(budget, () => 100, 0, 600_000);
    expect(Math.max(...limits.slice((10_000 / STEP_MS) | 0))).toBeLessThanOrEqual(5);
    expect(limits.at(-1)).toBeLessThanOrEqual(2);
  });

  it("asks ever more rarely when probing brings nothing", () => {
    const changes = (limits: readonly number[]): number =>
      limits.filter((limit, index) => index > 0 && limit !== limits[index - 1]).length;
    const budget = createLaneBudget(ADAPTIVE, 0);
    // Four lanes are just right: three lose, five bring nothing.
    const rateOf = (lanes: number): number => Math.min(lanes, 4) * 25e6;
    drive(budget, rateOf, 0, 5_000);
    const early = changes(drive(budget, rateOf, 5_000, 65_000));
    const late = changes(drive(budget, rateOf, 65_000, 125_000));
    expect(late).toBeLessThan(early);
    expect(budget.limit()).toBe(4);
  });

  it("judges fewer lanes only when the surplus ones have ended", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(10e6, 1e9), 0, 4_000);
    let nowMs = 4_000;
    // Something is tried after some steady seconds: fewer lanes, as there cannot be more.
    const rate = 320e6;
    while (budget.limit() === 32 && nowMs < 60_000) {
      budget.observe((rate * STEP_MS) / 1000, 32, nowMs);
      nowMs += STEP_MS;
    }
    expect(budget.limit()).toBe(24);
    // All 32 are still busy for a while, at full rate: no proof that 24 suffice.
    for (let waited = 0; waited < 3_000; waited += STEP_MS, nowMs += STEP_MS) {
      budget.observe((rate * STEP_MS) / 1000, 32, nowMs);
    }
    expect(budget.limit()).toBe(24);
    drive(budget, () => 240e6, nowMs, nowMs + 1_500);
    expect(budget.limit()).toBe(32);
  });

  it("a host with less to do than it has lanes for proves nothing", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    for (let nowMs = 0; nowMs < 10_000; nowMs += STEP_MS) budget.observe(1e6, 2, nowMs);
    expect(budget.limit()).toBe(4);
  });

  it("steps back to half when the host is too busy, and to one at last", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    drive(budget, capped(10e6, 1e9), 0, 4_000);
    const limits = [1, 2, 3, 4, 5, 6, 7].map((times) => {
      budget.stepBack(4_000 + times, 0);
      return budget.limit();
    });
    expect(limits).toEqual([16, 8, 4, 2, 1, 1, 1]);
  });

  it("a fixed number stays, whatever happens", () => {
    const budget = createLaneBudget({ ...ADAPTIVE, fixed: 7 }, 0);
    expect(new Set(drive(budget, capped(10e6, 1e9), 0, 20_000))).toEqual(new Set([7]));
    budget.stepBack(20_000, 0);
    expect(budget.limit()).toBe(7);
  });

  it("begins with what an earlier run found best, within one and the most, unless the number is fixed", () => {
    const firstOf = (more: Partial<LaneBudgetSettings>): number =>
      createLaneBudget({ ...ADAPTIVE, ...more }, 0).limit();
    expect([12, 64, 0].map((guess) => firstOf({ guess }))).toEqual([12, 32, 1]);
    expect(firstOf({ guess: 12, fixed: 3 })).toBe(3);
  });

  it("goes up from a guess that was too low, and takes four when the host is too busy for one that was too high", () => {
    const low = drive(createLaneBudget({ ...ADAPTIVE, guess: 1 }, 0), capped(10e6, 1e9), 0, 6_000);
    expect(low.at(-1)).toBe(32);
    const high = createLaneBudget({ ...ADAPTIVE, guess: 32 }, 0);
    high.stepBack(100, 0);
    expect(high.limit()).toBe(4);
  });

  it("finds what the next run is to begin with: the lanes that did best, not those that are tried", () => {
    const budget = createLaneBudget(ADAPTIVE, 0);
    expect(budget.found()).toBeNull();
    drive(budget, capped(1e9, 100e6), 0, 600);
    expect([budget.limit(), budget.found()?.lanes]).toEqual([8, 4]);
    drive(budget, capped(1e9, 100e6), 600, 4_000);
    expect(budget.found()).toEqual({ lanes: 4, rate: expect.closeTo(100e6, -7) });
    expect(createLaneBudget({ ...ADAPTIVE, fixed: 4 }, 0).found()).toBeNull();
  });

  it("stays between one and the most in every world", () => {
    const anyStep = fc.record({
      bytes: fc.oneof(fc.constant(0), fc.nat(1e8)),
      lanes: fc.nat(40),
      ms: fc.nat(2_000),
      isBusy: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 32 }), fc.array(anyStep, { maxLength: 100 }), (most, steps) => {
        const budget = createLaneBudget({ first: 4, most, fixed: null }, 0);
        let nowMs = 0;
        for (const { bytes, lanes, ms, isBusy } of steps) {
          nowMs += ms;
          if (isBusy && bytes === 0) budget.stepBack(nowMs, 0);
          else budget.observe(bytes, lanes, nowMs);
          expect(Number.isInteger(budget.limit()) && budget.limit() >= 1 && budget.limit() <= most).toBe(true);
        }
      }),
    );
  });
});
