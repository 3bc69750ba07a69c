import { describe, expect, it } from "vitest";
import { decide } from "../../src/transfer/decide.ts";
import { planHedge, takeSpare } from "../../src/transfer/hedge.ts";
import { beginHedge, endLane } from "../../src/transfer/lane-state.ts";
import type { LaneState } from "../../src/transfer/world.ts";
import { makeHost, makeJob, makeLane, makeMirror } from "./worlds.ts";

const MB = 1_000_000;
const NOW = 10_000;

/** A lane with 50 kB to go of 100 MB, that did 10 MB/s and lately `latest`, and an idle host that does 10 MB/s a lane. */
function rig({
  latest = 10_000,
  left = 50_000,
  ...more
}: Partial<LaneState> & { latest?: number; left?: number } = {}) {
  const [slow, idle] = [makeHost({ laneRate: 10 * MB }), makeHost({ laneRate: 10 * MB, firstByteMs: 40 })];
  const job = makeJob([makeMirror(slow), makeMirror(idle, { index: 1 })], { size: 100 * MB, pending: [] });
  const position = 100 * MB - left;
  const marks = [200, 100].map((agoMs) => ({ position: position - (latest * agoMs) / 1000, atMs: NOW - agoMs }));
  const lane = makeLane(
    job,
    { start: 80 * MB, end: 100 * MB },
    { rate: 10 * MB, position, lastMoveMs: NOW, marks: marks as never, ...more },
  );
  return { job, slow, idle, lane };
}

describe("planHedge()", () => {
  it("asks an idle host for the rest of a lane that crawls", () => {
    const { job, idle, lane } = rig();
    expect(planHedge([job], idle, NOW)).toMatchObject({ victim: lane, mirror: { index: 1 } });
  });

  it("asks for the rest of a lane that is stuck, also on another connection to its own host", () => {
    const { job, slow, lane } = rig({ latest: 10 * MB, lastMoveMs: NOW - 150 });
    Object.assign(slow, { firstByteMs: 40, lastMoveMs: NOW - 20 });
    expect(planHedge([job], slow, NOW)?.victim).toBe(lane);
  });

  it("asks no host all of whose lanes are stuck while another is well, and asks it where there is no other", () => {
    const { job, slow, idle, lane } = rig({ latest: 10 * MB, lastMoveMs: NOW - 150 });
    Object.assign(slow, { firstByteMs: 40, lastMoveMs: NOW - 150 });
    expect(planHedge([job], slow, NOW)).toBeNull();
    expect(planHedge([job], idle, NOW)?.victim).toBe(lane);
    job.mirrors.pop();
    expect(planHedge([job], slow, NOW)?.victim).toBe(lane);
  });

  it("asks for the rest of a lane that has brought nothing for half a second, or twice the time to a first byte", () => {
    const { job, slow, idle } = rig({ isCancelled: true });
    const young = makeLane(job, { start: 0, end: 500 }, { lastMoveMs: NOW - 550 });
    slow.firstByteMs = 40;
    expect(planHedge([job], idle, NOW)?.victim).toBe(young);
    expect(planHedge([job], idle, NOW - 100)).toBeNull();
    slow.firstByteMs = 300;
    expect(planHedge([job], idle, NOW)).toBeNull();
  });

  it.each<readonly [string, Parameters<typeof rig>[0]]>([
    ["of a lane that goes on as it did", { latest: 10 * MB }],
    ["that is soon there, though slowly", { latest: 200_000, left: 20_000 }],
    ["of more than is kept in memory", { left: 2 * MB }],
    ["of a lane that was just cut", { cutMs: NOW - 100 }],
    ["of a lane that ends anyway", { isCancelled: true }],
  ])("asks for no rest %s", (_, lane) => {
    const { job, idle } = rig(lane);
    expect(planHedge([job], idle, NOW)).toBeNull();
  });

  it("asks for nothing twice while bytes are nobody's yet", () => {
    const { job, idle } = rig();
    job.pending = [{ start: 0, end: 1000 }];
    expect(planHedge([job], idle, NOW)).toBeNull();
  });

  it("asks for a rest once, and for 3 % of a file at most", () => {
    const { job, idle, lane } = rig();
    beginHedge(7, lane, { mirror: job.mirrors[1] ?? lane.mirror, nowMs: NOW });
    expect(planHedge([job], idle, NOW)).toBeNull();
    const other = rig();
    other.job.hedgedBytes = 3 * MB - 49_999;
    expect(planHedge([other.job], other.idle, NOW)).toBeNull();
  });
});

describe("decide()", () => {
  const hedges = ({ starvedUntilMs = 0, maxRate = null }: { starvedUntilMs?: number; maxRate?: number | null }) => {
    const { job, slow, idle, lane } = rig({ lastMoveMs: NOW - 500 });
    const hosts = new Map([slow, idle].map((host, index) => [String(index), host]));
    const world = { jobs: new Map([["job", job]]), hosts, lanes: new Map([[lane.id, lane]]), starvedUntilMs };
    const limits = { lanesPerHost: 16, mostLanes: 64, maxRate, nextLane: () => 9 };
    return decide(world, limits, NOW).filter((action) => action.kind === "open" && action.standsFor === lane.id).length;
  };

  it("opens a lane for a rest that is stuck", () => expect(hedges({})).toBe(1));
  it("asks for nothing twice under a limit of the rate", () => expect(hedges({ maxRate: 1e9 })).toBe(0));
  it("asks for nothing twice while this box cannot keep up", () => {
    expect(hedges({ starvedUntilMs: NOW + 1 })).toBe(0);
  });
});

describe("takeSpare()", () => {
  function hedged() {
    const { job, lane } = rig();
    const hedge = beginHedge(7, lane, { mirror: job.mirrors[1] ?? lane.mirror, nowMs: NOW });
    endLane(hedge, hedge.end, NOW);
    lane.spare = hedge;
    return { job, lane };
  }

  it("fills in what the lane itself did not bring any more", () => {
    const { job, lane } = hedged();
    const position = lane.position + 20_000;
    endLane(lane, position, NOW);
    expect(takeSpare(lane, position)).toEqual({ lane: 7, mirror: 1, range: { start: position, end: 100 * MB } });
    expect(job.pending).toEqual([]);
    expect(job.hedges.size).toBe(0);
  });

  it("fills in nothing of a mirror that was given up since", () => {
    const { job, lane } = hedged();
    const [, mirror] = job.mirrors;
    if (mirror !== undefined) mirror.status = "dead";
    endLane(lane, lane.position, NOW);
    expect(takeSpare(lane, lane.position)?.range).toEqual({ start: lane.position, end: lane.position });
    expect(job.pending).toEqual([{ start: lane.position, end: 100 * MB }]);
  });

  it("is null where nobody asked for the rest", () => {
    const { lane } = rig();
    expect(takeSpare(lane, lane.position)).toBeNull();
  });
});
