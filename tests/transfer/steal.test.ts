import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLaneBudget } from "../../src/transfer/lane-budget.ts";
import { beginHedge } from "../../src/transfer/lane-state.ts";
import { planRelief, planRetirement, planTheft } from "../../src/transfer/steal.ts";
import type { LaneState } from "../../src/transfer/world.ts";
import { makeHost, makeJob, makeLane, makeMirror } from "./worlds.ts";

const MB = 1_000_000;

/** A slow victim with 100 MB to go at 1 MB/s, and a host that does 10 MB/s a lane. */
function rig(victim: Partial<LaneState> & { readonly rate?: number } = {}, thiefMirror = {}) {
  const [slow, fast] = [makeHost({ laneRate: 1 * MB }), makeHost({ laneRate: 10 * MB, firstByteMs: 100 })];
  const job = makeJob([makeMirror(slow), makeMirror(fast, { index: 1, ...thiefMirror })], { pending: [] });
  const lane = makeLane(
    job,
    { start: 0, end: 100 * MB },
    { rate: 1 * MB, position: 1000, lastMoveMs: 10_000, ...victim },
  );
  return { job, fast, lane };
}

describe("planTheft() beside a hedge", () => {
  it("leaves a lane alone whose rest somebody else brings, and cuts it when that does not come on", () => {
    const { job, fast, lane } = rig({ position: 99.5 * MB });
    beginHedge(9, lane, { mirror: lane.mirror, nowMs: 10_000 });
    expect(planTheft([job], fast, 10_500)).toBeNull();
    expect(planTheft([job], fast, 11_500)?.victim).toBe(lane);
  });
});

describe("planRelief()", () => {
  /** Two lanes of one host, of which the first has 60 MB to go, and 200 MB came in behind it. */
  function front(more: Partial<LaneState> & { readonly rate?: number } = {}, arrivedBytes = 200 * MB) {
    const job = makeJob([makeMirror(makeHost({ laneRate: 100 * MB }))], { size: 500 * MB });
    const first = makeLane(job, { start: 0, end: 64 * MB }, { position: 4 * MB, rate: 20 * MB, ...more });
    makeLane(job, { start: 64 * MB, end: 500 * MB }, { position: 64 * MB + arrivedBytes, rate: 100 * MB });
    job.pending = [];
    return { job, first };
  }

  it("cuts a straggler that everything behind it waits for", () => {
    const { job, first } = front();
    const [relief] = planRelief(job, 0);
    expect(relief?.victim).toBe(first);
    expect(relief?.end).toBeGreaterThan(first.position);
    expect(relief?.end).toBeLessThan(20 * MB);
  });

  it.each<readonly [string, () => ReturnType<typeof front>]>([
    ["that keeps up", () => front({ rate: 60 * MB })],
    ["while little waits behind it", () => front({}, 20 * MB)],
    ["that was just cut", () => front({ cutMs: -100 })],
    ["that is done in a moment", () => front({ position: 63 * MB })],
  ])("leaves a lane alone %s", (_, world) => expect(planRelief(world().job, 0)).toEqual([]));

  it("cuts one in front that takes seconds for the rest, though it is no slower than its siblings", () => {
    const job = makeJob([makeMirror(makeHost({ laneRate: 5 * MB, firstByteMs: 10 }))], { size: 500 * MB, pending: [] });
    const first = makeLane(job, { start: 0, end: 32 * MB }, { position: 4 * MB, rate: 5 * MB });
    makeLane(job, { start: 32 * MB, end: 500 * MB }, { position: 200 * MB, rate: 5 * MB });
    expect(planRelief(job, 0).map(({ victim }) => victim)).toEqual([first]);
  });

  it("cuts a straggler further back before everything waits for it, but not one that is soon done", () => {
    const scene = (left: number) => {
      const job = makeJob([makeMirror(makeHost({ laneRate: 100 * MB, firstByteMs: 10 }))], {
        size: 500 * MB,
        pending: [],
      });
      makeLane(job, { start: 0, end: 64 * MB }, { position: 4 * MB, rate: 100 * MB });
      const straggler = makeLane(job, { start: 64 * MB, end: 68 * MB + left }, { position: 68 * MB, rate: 1 * MB });
      makeLane(job, { start: 68 * MB + left, end: 500 * MB }, { position: 300 * MB, rate: 100 * MB });
      return { relieved: planRelief(job, 0).map(({ victim }) => victim), straggler };
    };
    const { relieved, straggler } = scene(20 * MB);
    expect(relieved).toEqual([straggler]);
    expect(scene(0.9 * MB).relieved).toEqual([]);
  });

  it("cuts a lane in front whose host fell silent, where another host can take the rest", () => {
    const [mute, well] = [makeHost({ laneRate: 0 }), makeHost({ laneRate: 20 * MB })];
    mute.isMute = true;
    const job = makeJob([makeMirror(mute), makeMirror(well, { index: 1 })], { size: 500 * MB, pending: [] });
    const silent = makeLane(job, { start: 0, end: 32 * MB }, { position: 4 * MB, rate: 20 * MB, lastMoveMs: -5_000 });
    makeLane(job, { start: 32 * MB, end: 500 * MB }, { position: 200 * MB, rate: 20 * MB });
    expect(planRelief(job, 0)).toEqual([{ victim: silent, end: 4 * MB }]);
  });

  it("leaves the lanes alone while what they wait for is nobody's yet", () => {
    const { job } = front({ start: 10 * MB, position: 14 * MB });
    job.pending = [{ start: 0, end: 10 * MB }];
    expect(planRelief(job, 0)).toEqual([]);
  });
});

describe("planRetirement()", () => {
  /** A host that may have two lanes and has four, with 32 MB to go each. */
  function crowd(rates: readonly number[]) {
    const budget = createLaneBudget({ first: 4, most: 16, fixed: 2 }, 0);
    const host = makeHost({ laneRate: 10 * MB, firstByteMs: 10, budget });
    const job = makeJob([makeMirror(host)], { size: 500 * MB, pending: [] });
    const lanes = rates.map((rate, index) =>
      makeLane(job, { start: index * 40 * MB, end: (index * 40 + 33) * MB }, { position: (index * 40 + 1) * MB, rate }),
    );
    return { host, lanes };
  }

  it("ends the slowest lanes beyond the number where they are", () => {
    const { host, lanes } = crowd([20 * MB, 1 * MB, 22 * MB, 2 * MB]);
    const retired = planRetirement(host, 0);
    expect(retired.map(({ victim }) => victim)).toEqual([lanes[1], lanes[3]]);
    expect(retired.map(({ end }) => end)).toEqual([41 * MB, 121 * MB]);
  });

  it("lets those that are soon done end by themselves", () => {
    expect(planRetirement(crowd([40 * MB, 40 * MB, 40 * MB, 40 * MB]).host, 0)).toEqual([]);
  });

  it("ends nothing of a host that has no more than its number", () => {
    expect(planRetirement(crowd([1 * MB, 1 * MB]).host, 0)).toEqual([]);
  });
});

describe("planTheft()", () => {
  it("cuts so that both parts end together", () => {
    const { job, fast, lane } = rig();
    const theft = planTheft([job], fast, 10_000);
    expect(theft?.victim).toBe(lane);
    const kept = (theft?.end ?? 0) - lane.position;
    const taken = lane.end - (theft?.end ?? 0);
    expect(kept / MB).toBeCloseTo(taken / (10 * MB) + 0.1, 1);
  });

  it("takes all of a lane that has brought nothing for long", () => {
    const { job, fast } = rig({ position: 0, lastMoveMs: 0 });
    expect(planTheft([job], fast, 5_000)?.end).toBe(0);
  });

  it("leaves no crumbs to a lane that tries a host that fell silent, whatever the host did before", () => {
    const { job, fast, lane } = rig({ position: 0, lastMoveMs: 9_900, end: MB });
    expect(planTheft([job], fast, 10_000)?.end).toBeGreaterThan(0);
    lane.host.isMute = true;
    expect(planTheft([job], fast, 10_000)?.end).toBe(0);
  });

  it("takes the last bytes of a lane that crawls, however few: the file would wait for hours", () => {
    const { job, fast, lane } = rig({ position: 100 * MB - 38_000, rate: 1 });
    expect(planTheft([job], fast, 10_000)?.end).toBe(lane.position);
  });

  it("takes the last bytes of a lane that fell silent, for a host that idled so long that its rate is forgotten", () => {
    const { job, lane } = rig({ position: 100 * MB - 746, rate: 5_000, lastMoveMs: 7_000 });
    const idle = makeHost({ laneRate: 10 });
    job.mirrors.push(makeMirror(idle, { index: 2 }));
    expect(planTheft([job], idle, 10_000)?.end).toBe(lane.position);
  });

  it("takes half of what a host's only lane crawls over, though the host is known for nothing faster by then", () => {
    const { job, lane } = rig({ position: 100 * MB - 38_000, rate: 1 });
    const crawling = makeHost({ laneRate: 1 });
    job.mirrors.push(makeMirror(crawling, { index: 2 }));
    expect(planTheft([job], crawling, 10_000)?.end).toBeCloseTo(lane.position + 19_000, -2);
  });

  it.each<readonly [string, () => ReturnType<typeof rig>]>([
    ["that was just cut", () => rig({ cutMs: 9_900 })],
    ["that is cancelled", () => rig({ isCancelled: true })],
    ["with hardly anything left", () => rig({ position: 100 * MB - 1000 })],
    ["that ends sooner by itself", () => rig({ rate: 5_000 * MB })],
    ["of a job whose mirror on the host rests", () => rig({}, { restUntilMs: 20_000 })],
    ["of a job whose mirror on the host is dead", () => rig({}, { status: "dead" })],
    ["for a mirror without ranges", () => rig({}, { hasRanges: false })],
  ])("leaves a lane alone %s", (_, make) => {
    const { job, fast } = make();
    expect(planTheft([job], fast, 10_000)).toBeNull();
  });

  it("takes from a server without ranges, which would send everything by itself", () => {
    const { job, fast, lane } = rig();
    lane.mirror.hasRanges = false;
    expect(planTheft([job], fast, 10_000)?.victim).toBe(lane);
  });

  it("trusts a host that has carried nothing yet with as much as the victim does", () => {
    const { job, lane } = rig();
    const fresh = makeHost();
    job.mirrors.push(makeMirror(fresh, { index: 2 }));
    const theft = planTheft([job], fresh, 10_000);
    expect(((theft?.end ?? 0) - lane.position) / (lane.end - lane.position)).toBeCloseTo(0.5, 1);
  });

  it("leaves an ended job alone", () => {
    const { job, fast } = rig();
    job.isEnded = true;
    expect(planTheft([job], fast, 10_000)).toBeNull();
  });

  it("chooses the victim with most to gain", () => {
    const { job, fast } = rig();
    const worst = makeLane(
      job,
      { start: 200 * MB, end: 400 * MB },
      { rate: MB / 2, position: 201 * MB, lastMoveMs: 10_000 },
    );
    expect(planTheft([job], fast, 10_000)?.victim).toBe(worst);
  });

  it("a cut lies behind what has come, and leaves something worth taking", () => {
    const anyRate = fc.integer({ min: 0, max: 1_000 * MB });
    fc.assert(
      fc.property(
        anyRate,
        anyRate,
        fc.integer({ min: 0, max: 5_000 }),
        fc.nat(100 * MB),
        fc.nat(20_000),
        (own, thief, firstByteMs, position, silentMs) => {
          const fast = makeHost({ laneRate: thief, firstByteMs });
          const job = makeJob([makeMirror(makeHost({ laneRate: own })), makeMirror(fast, { index: 1 })], {
            pending: [],
          });
          const lane = makeLane(
            job,
            { start: 0, end: 100 * MB },
            { rate: own, position, lastMoveMs: 20_000 - silentMs },
          );
          const theft = planTheft([job], fast, 20_001);
          if (theft === null) return;
          expect(theft.end).toBeGreaterThanOrEqual(lane.position);
          // A lane that would need long for what it has left is worth any cut.
          const slowest = Math.min(own, position / 20.001);
          const isCrawling = (lane.end - position) / slowest > 2 || silentMs >= 999;
          expect(lane.end - theft.end).toBeGreaterThanOrEqual(isCrawling ? 1 : 256 * 1024);
        },
      ),
    );
  });
});
