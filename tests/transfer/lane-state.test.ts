/** What a lane is given when it opens. */
import { describe, expect, it } from "vitest";
import { beginLane } from "../../src/transfer/lane-state.ts";
import { makeHost, makeJob, makeMirror } from "./worlds.ts";

const MIB = 1024 * 1024;

describe("beginLane()", () => {
  const pending = [
    { start: 0, end: 8 * MIB },
    { start: 100 * MIB, end: 200 * MIB },
  ];

  it("takes what the digest needs first", () => {
    const mirror = makeMirror(makeHost());
    const job = makeJob([mirror], { size: 200 * MIB, pending });
    expect(beginLane(1, job, { mirror, nowMs: 0 })).toMatchObject({ start: 0 });
  });

  it("leaves that to others where the host fell silent, and tries it with little of what is needed last", () => {
    const host = makeHost();
    host.isMute = true;
    const mirror = makeMirror(host);
    const job = makeJob([mirror], { size: 200 * MIB, pending });
    expect(beginLane(1, job, { mirror, nowMs: 0 })).toMatchObject({ start: 199 * MIB, end: 200 * MIB });
    expect(job.pending).toEqual([pending[0], { start: 100 * MIB, end: 199 * MIB }]);
  });

  it("takes nothing where nothing is left", () => {
    const mirror = makeMirror(makeHost());
    expect(beginLane(1, makeJob([mirror], { pending: [] }), { mirror, nowMs: 0 })).toBeNull();
  });
});
