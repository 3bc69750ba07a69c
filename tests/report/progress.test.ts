import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { totalsOf } from "../../src/report/totals.ts";
import { anyEvents, at, finished, folded, moved, plan, started, summary } from "./feeds.ts";

describe("advance()", () => {
  it("knows every file of the plan, in its order, and what an earlier run left", () => {
    const { files, root } = folded(at(0, [plan]));
    expect(root).toBe("/comfyui/models");
    expect([...files.keys()]).toEqual(["schnell", "t5xxl", "clip", "ae"]);
    expect(files.get("t5xxl")).toMatchObject({ resumedBytes: 4e9, doneBytes: 4e9, phase: "waiting" });
  });

  it("follows a file from its start to its end", () => {
    const events = at(1000, [plan, started, moved(1e9, 1e9), finished]);
    expect(folded(events.slice(0, 3)).files.get("schnell")).toMatchObject({
      phase: "fetching",
      doneBytes: 1e9,
      bytesPerSecond: 1e9,
      mirrors: ["huggingface.co", "r2"],
      startedAt: 2000,
    });
    const progress = folded(events);
    expect(progress.files.get("schnell")).toMatchObject({
      phase: "finished",
      how: "fetched",
      endedAt: 4000,
      mirrors: [],
    });
    expect(progress.settled).toBe(1);
  });

  it("smooths rates over about two seconds", () => {
    const rates = [moved(1e9, 100e6), moved(2e9, 200e6)];
    const quick = folded(at(0, [plan, started, ...rates], 100)).bytesPerSecond;
    const slow = folded(at(0, [plan, started, ...rates], 10_000)).bytesPerSecond;
    expect(quick).toBeGreaterThan(100e6);
    expect(quick).toBeLessThan(110e6);
    expect(slow).toBeGreaterThan(195e6);
  });

  it("forgets a rate when nothing moves", () => {
    const stalls = Array.from({ length: 60 }, () => moved(1e9, 0));
    expect(folded(at(0, [plan, started, moved(1e9, 1e8), ...stalls])).bytesPerSecond).toBe(0);
  });

  it("keeps present files out of what has settled", () => {
    const present = { ...finished, model: "ae", how: "present" as const };
    expect(folded(at(0, [plan, present as typeof finished])).settled).toBe(0);
  });

  it("waits until bytes move again", () => {
    const wait = { kind: "waiting", model: null, on: "lock", message: "another process syncs", untilMs: null } as const;
    expect(folded(at(0, [plan, wait])).wait?.message).toBe("another process syncs");
    expect(folded(at(0, [plan, wait, started])).wait).toBeNull();
    const ofFile = { ...wait, model: "schnell", on: "rate-limit" as const };
    expect(folded(at(0, [plan, started, ofFile, moved(1, 0)])).files.get("schnell")?.wait).not.toBeNull();
    expect(folded(at(0, [plan, started, ofFile, moved(1, 5)])).files.get("schnell")?.wait).toBeNull();
  });

  it("tells a failure with its fix, and lets a later run of the same file count", () => {
    const failed = {
      kind: "file-failed",
      model: "schnell",
      path: "x",
      code: "NO_MIRROR",
      message: "gone",
      fix: "look",
    } as const;
    expect(folded(at(0, [plan, started, failed])).files.get("schnell")).toMatchObject({
      phase: "failed",
      problem: { message: "gone", fix: "look" },
    });
  });

  it("never throws, and never holds a figure that is not one", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const progress = folded([...events, { ...summary, time: 0 }]);
        const totals = totalsOf(progress);
        for (const figure of [progress.bytesPerSecond, progress.now, ...Object.values(totals)]) {
          expect(Number.isFinite(figure)).toBe(true);
          expect(figure).toBeGreaterThanOrEqual(0);
        }
        for (const file of progress.files.values()) {
          expect(Number.isFinite(file.doneBytes) && Number.isFinite(file.bytesPerSecond)).toBe(true);
          if (file.size !== null) expect(file.doneBytes).toBeLessThanOrEqual(file.size);
        }
      }),
    );
  });
});
