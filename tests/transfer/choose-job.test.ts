import { describe, expect, it } from "vitest";
import { chooseJob, mirrorOn } from "../../src/transfer/choose-job.ts";
import { makeHost, makeJob, makeLane, makeMirror } from "./worlds.ts";

const GB = 1e9;
const host = makeHost({ rate: 100e6 });

describe("mirrorOn()", () => {
  it.each<readonly [string, Parameters<typeof makeMirror>[1], boolean]>([
    ["open", {}, true],
    ["opening", { status: "opening" }, false],
    ["closed", { status: "closed" }, false],
    ["dead", { status: "dead" }, false],
    ["resting", { restUntilMs: 1_001 }, false],
    ["rested", { restUntilMs: 1_000 }, true],
    ["elsewhere", { host: makeHost() }, false],
  ])("a mirror that is %s", (_, change, isGiven) => {
    const mirror = makeMirror(host, change);
    expect(mirrorOn(makeJob([mirror]), host, 1_000)).toBe(isGiven ? mirror : null);
  });

  it("a server of whole files serves only from byte 0 to the end, alone", () => {
    const wholeOnly = (more: Parameters<typeof makeJob>[1] = {}) =>
      makeJob([makeMirror(host, { hasRanges: false })], { size: 100, ...more });
    expect(mirrorOn(wholeOnly(), host, 0)).not.toBeNull();
    expect(mirrorOn(wholeOnly({ pending: [{ start: 40, end: 100 }] }), host, 0)).toBeNull();
    expect(mirrorOn(wholeOnly({ pending: [{ start: 0, end: 60 }] }), host, 0)).toBeNull();
    expect(
      mirrorOn(
        wholeOnly({
          pending: [
            { start: 0, end: 40 },
            { start: 60, end: 100 },
          ],
        }),
        host,
        0,
      ),
    ).toBeNull();
    const busy = wholeOnly();
    makeLane(busy, { start: 0, end: 50 });
    expect(mirrorOn(busy, host, 0)).toBeNull();
  });
});

describe("mirrorOn() of two mirrors on one host", () => {
  it("takes the one that serves what is missing", () => {
    const [whole, ranged] = [makeMirror(host, { hasRanges: false }), makeMirror(host)];
    const job = makeJob([whole, ranged], { size: 100, pending: [{ start: 40, end: 100 }] });
    expect(mirrorOn(job, host, 0)).toBe(ranged);
  });
});

describe("chooseJob()", () => {
  const jobOn = (order: number, more: Parameters<typeof makeJob>[1] = {}, on = host) =>
    makeJob([makeMirror(on)], { id: `job ${order}`, order, size: GB, ...more });

  it("has nothing when nothing is left", () => {
    expect(chooseJob([], host, 0)).toBeNull();
    expect(
      chooseJob([jobOn(1, { pending: [] }), jobOn(2, { isEnded: true }), jobOn(3, {}, makeHost())], host, 0),
    ).toBeNull();
  });

  it("takes the first that came", () => {
    expect(chooseJob([jobOn(3), jobOn(1), jobOn(2)], host, 0)?.job.order).toBe(1);
  });

  it("takes the higher priority first", () => {
    expect(chooseJob([jobOn(1), jobOn(2, { priority: 5 }), jobOn(3, { priority: 5 })], host, 0)?.job.order).toBe(2);
  });

  it("takes the job first that only this slow host has, when it would end last", () => {
    const [fast, slow] = [makeHost({ rate: 100e6 }), makeHost({ rate: 50e6 })];
    const big = makeJob([makeMirror(fast), makeMirror(slow, { index: 1 })], { id: "big", order: 1, size: 2 * GB });
    const lonely = makeJob([makeMirror(slow)], { id: "lonely", order: 2, size: GB });
    expect(chooseJob([big, lonely], slow, 0)?.job.id).toBe("lonely");
    expect(chooseJob([big, { ...lonely, priority: -1 }], slow, 0)?.job.id).toBe("big");
    expect(chooseJob([big, { ...lonely, size: 1e6, pending: [{ start: 0, end: 1e6 }] }], slow, 0)?.job.id).toBe("big");
  });
});
