import { describe, expect, it } from "vitest";
import type { LaneFailure } from "../../src/net/lane-protocol.ts";
import { type AnswerFacts, answerFailure, answerUnresolved, MOST_WAIT_MS } from "../../src/transfer/answers.ts";
import type { LaneState } from "../../src/transfer/world.ts";
import { makeHost, makeJob, makeLane, makeMirror } from "./worlds.ts";

const NOW = 100_000;
const facts = (more: Partial<AnswerFacts> = {}): AnswerFacts => ({
  nowMs: NOW,
  hasOthers: true,
  isPinned: false,
  random: () => 0.5,
  ...more,
});
const busy = (waitMs: number | null, status = 429): LaneFailure => ({
  kind: "busy",
  status,
  waitMs,
  message: `it answered ${status}`,
});
const refused = (status: number): LaneFailure => ({ kind: "refused", status, message: `it answered ${status}` });
const network: LaneFailure = { kind: "network", message: "reset" };

function laneOf(mirror: Parameters<typeof makeMirror>[1] = {}, lane: Partial<LaneState> = {}): LaneState {
  return makeLane(makeJob([makeMirror(makeHost(), mirror)]), { start: 0, end: 1000 }, lane);
}

describe("answerFailure() to a network failure", () => {
  it("lets the mirror rest, longer each time, and gives it up at the fifth in a row when there are others", () => {
    const lane = laneOf();
    const rests: number[] = [];
    for (let times = 1; times < 5; times += 1) {
      const nowMs = NOW * times;
      expect(answerFailure(lane, network, facts({ nowMs }))).toBeNull();
      rests.push(lane.mirror.restUntilMs - nowMs);
    }
    expect(rests).toEqual([150, 300, 600, 1200]);
    expect(answerFailure(lane, network, facts({ nowMs: NOW * 6 }))).toEqual({
      code: "MIRROR_FAILED",
      message: "reset",
    });
    expect(lane.mirror.status).toBe("dead");
    expect(answerFailure(lane, network, facts({ nowMs: NOW * 9 }))).toBeNull();
  });

  it("counts lanes that fail together as one failure", () => {
    const lane = laneOf();
    for (let lanes = 0; lanes < 8; lanes += 1) answerFailure(lane, network, facts());
    expect(lane.mirror.failures).toBe(1);
  });

  it("never gives the only mirror up", () => {
    const lane = laneOf();
    for (let times = 1; times < 50; times += 1) {
      expect(answerFailure(lane, network, facts({ nowMs: NOW * times, hasOthers: false }))).toBeNull();
    }
    expect(lane.mirror.restUntilMs - NOW * 49).toBeLessThanOrEqual(8_000);
  });

  it("calls a stall by its name, and is more patient with that mirror from then on", () => {
    const lane = laneOf({ failures: 4 }, { isStalled: true, lastMoveMs: NOW - 5_200 });
    expect(answerFailure(lane, network, facts())).toEqual({
      code: "MIRROR_STALLED",
      message: "it sent nothing for 5.2 s",
    });
    expect(lane.mirror.patience).toBe(2);
    const patient = laneOf({ patience: 8 }, { isStalled: true });
    answerFailure(patient, network, facts());
    expect(patient.mirror.patience).toBe(8);
  });
});

describe("answerFailure() to a busy server", () => {
  it("leaves the whole host alone for as long as it asks, and takes lanes from it", () => {
    const lane = laneOf();
    const before = lane.host.budget.limit();
    expect(answerFailure(lane, busy(7_000), facts())).toBeNull();
    expect(lane.host.restUntilMs).toBe(NOW + 7_000);
    expect(lane.host.budget.limit()).toBe(before / 2);
  });

  it("takes lanes once for all that hear it together, and never shortens a wait", () => {
    const lane = laneOf();
    answerFailure(lane, busy(7_000), facts());
    answerFailure(lane, busy(1_000), facts());
    expect(lane.host.restUntilMs).toBe(NOW + 7_000);
    expect(lane.host.budget.limit()).toBe(2);
    expect(lane.mirror.failures).toBe(1);
  });

  it("waits a while also when it is told no time, or none at all", () => {
    const [silent, hasty] = [laneOf(), laneOf()];
    answerFailure(silent, busy(null), facts());
    expect(silent.host.restUntilMs).toBeGreaterThan(NOW + 200);
    answerFailure(hasty, busy(0), facts());
    expect(hasty.host.restUntilMs).toBe(NOW + 250);
  });

  it.each([true, false])("gives up a mirror that asks for an absurd wait (others: %s)", (hasOthers) => {
    const lane = laneOf();
    const blame = answerFailure(lane, busy(1e12), facts({ hasOthers }));
    expect(blame).toMatchObject({ code: "MIRROR_RATE_LIMITED", message: expect.stringContaining("1000000000 s") });
    expect(lane.host.restUntilMs).toBeLessThanOrEqual(NOW + MOST_WAIT_MS);
  });

  it("gives up a mirror that asks for a little more again and again without a byte between", () => {
    const lane = laneOf();
    let nowMs = NOW;
    let rounds = 0;
    while (answerFailure(lane, busy(60_000), facts({ nowMs, hasOthers: false })) === null && rounds < 100) {
      nowMs += 61_000;
      rounds += 1;
    }
    expect(rounds).toBe(15);
  });

  it("gives up a server that never says how long and never gives a byte", () => {
    const lane = laneOf();
    let nowMs = NOW;
    let rounds = 0;
    while (answerFailure(lane, busy(null, 503), facts({ nowMs, hasOthers: false })) === null && rounds < 100) {
      nowMs += 30_000;
      rounds += 1;
    }
    expect(rounds).toBe(10);
  });
});

describe("answerFailure() to a refusal", () => {
  it("asks for a fresh link, at once the first time, a second later the next", () => {
    const lane = laneOf();
    expect(answerFailure(lane, refused(403), facts())).toBeNull();
    expect(lane.mirror).toMatchObject({ status: "closed", restUntilMs: NOW, refusals: 1 });
    lane.mirror.status = "open";
    answerFailure(lane, refused(403), facts());
    expect(lane.mirror).toMatchObject({ status: "closed", restUntilMs: NOW + 1_000 });
  });

  it("does not count what is said about an older link, or twice about one", () => {
    const old = laneOf({ generation: 2 }, { generation: 1 });
    answerFailure(old, refused(403), facts());
    expect(old.mirror).toMatchObject({ status: "open", refusals: 0 });
    const lane = laneOf();
    for (let lanes = 0; lanes < 8; lanes += 1) answerFailure(lane, refused(403), facts());
    expect(lane.mirror.refusals).toBe(1);
  });

  it.each([
    [401, "SOURCE_UNAUTHORIZED"],
    [403, "SOURCE_UNAUTHORIZED"],
    [404, "SOURCE_NOT_FOUND"],
    [410, "SOURCE_NOT_FOUND"],
    [451, "SOURCE_NOT_FOUND"],
    [302, "MIRROR_FAILED"],
  ])("%i on every fresh link is %s", (status, code) => {
    const lane = laneOf();
    for (let times = 0; times < 3; times += 1) {
      expect(answerFailure(lane, refused(status), facts({ hasOthers: false }))).toBeNull();
      lane.mirror.status = "open";
    }
    expect(answerFailure(lane, refused(status), facts({ hasOthers: false }))).toMatchObject({ code });
    expect(lane.mirror.status).toBe("dead");
  });
});

describe("answerFailure() to what says something about the bytes", () => {
  it("a changed file that a sha256 will prove is asked for anew, and given up when it stays changed", () => {
    const [lane, changed] = [laneOf(), { kind: "changed", message: "new" } as const];
    for (let times = 1; times <= 6; times += 1) {
      expect(answerFailure(lane, changed, facts({ isPinned: true, hasOthers: false }))).toBeNull();
      expect(lane.mirror).toMatchObject({ status: "closed", refusals: times });
      lane.mirror.status = "open";
    }
    expect(answerFailure(lane, changed, facts({ isPinned: true, hasOthers: false }))).toEqual({
      code: "MIRROR_CHANGED",
      message: "new, also on a fresh link",
    });
    expect(lane.mirror.status).toBe("dead");
  });

  it.each([true, false])("a changed file that nothing will prove is given up at once (others: %s)", (hasOthers) => {
    const lane = laneOf();
    expect(answerFailure(lane, { kind: "changed", message: "new" }, facts({ hasOthers }))).toEqual({
      code: "MIRROR_CHANGED",
      message: "new",
    });
  });

  it("a liar is given up at once when there are others, at the third time when not", () => {
    const lie: LaneFailure = { kind: "lied", message: "wrong" };
    expect(answerFailure(laneOf(), lie, facts())).toMatchObject({ code: "MIRROR_LIED" });
    const lane = laneOf();
    const blames = [1, 2, 3].map((times) => answerFailure(lane, lie, facts({ nowMs: NOW * times, hasOthers: false })));
    expect(blames).toEqual([null, null, { code: "MIRROR_LIED", message: "wrong" }]);
  });

  it("an unusual answer is read on the general lane from then on, without blame", () => {
    const lane = laneOf();
    expect(answerFailure(lane, { kind: "unusual", message: "chunked" }, facts())).toBeNull();
    expect(lane.mirror).toMatchObject({ isGeneral: true, status: "open", failures: 0 });
  });

  it("a disk that fails blames no mirror", () => {
    const lane = laneOf();
    expect(answerFailure(lane, { kind: "disk", code: "ENOSPC", message: "full" }, facts())).toBeNull();
    expect(lane.mirror).toMatchObject({ status: "open", failures: 0, restUntilMs: 0 });
  });
});

describe("answerUnresolved()", () => {
  const mirror = (more = {}) => makeMirror(null, { status: "opening", ...more });

  it("asks again a few times where that may help", () => {
    const one = mirror();
    const blame = { code: "MIRROR_FAILED", message: "no answer" } as const;
    for (let times = 0; times < 3; times += 1) {
      expect(answerUnresolved(one, blame, facts())).toBeNull();
      expect(one.status).toBe("closed");
      expect(one.restUntilMs).toBeGreaterThan(NOW);
    }
    expect(answerUnresolved(one, blame, facts())).toBe(blame);
    expect(one.status).toBe("dead");
  });

  it("goes on with the old address where it was only asked because that one failed", () => {
    const one = mirror({ failures: 3, host: makeHost() });
    for (const code of ["MIRROR_FAILED", "MIRROR_STALLED", "MIRROR_RATE_LIMITED"] as const) {
      Object.assign(one, { restUntilMs: 0, failures: 3 });
      expect(answerUnresolved(one, { code, message: "refused" }, facts({ hasOthers: false }))).toBeNull();
      expect(one).toMatchObject({ status: "open", refusals: 0 });
      expect(one.restUntilMs).toBeGreaterThan(NOW);
    }
    expect(answerUnresolved(one, { code: "SOURCE_NOT_FOUND", message: "" }, facts())).not.toBeNull();
  });

  it.each([
    ["it never had an address", { generation: 0 }, "MIRROR_FAILED"],
    ["it says no", {}, "SOURCE_NOT_FOUND"],
    ["it wants another token", {}, "SOURCE_UNAUTHORIZED"],
  ] as const)("gives up at once when %s", (_, more, code) => {
    expect(answerUnresolved(mirror(more), { code, message: "" }, facts())).toMatchObject({ code });
  });

  it("tells nothing of a mirror that is dead already", () => {
    expect(answerUnresolved(mirror({ status: "dead" }), { code: "MIRROR_FAILED", message: "" }, facts())).toBeNull();
  });
});
