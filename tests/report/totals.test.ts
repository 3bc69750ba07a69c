import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileRemainingMs, remainingMs, totalsOf } from "../../src/report/totals.ts";
import { anyEvents, at, folded, moved, plan, started } from "./feeds.ts";

describe("totalsOf()", () => {
  it("counts what has to move, resumed bytes included, and present files apart", () => {
    expect(totalsOf(folded(at(0, [plan, started, moved(6e9, 1e9)])))).toEqual({
      files: 3,
      finished: 0,
      failed: 0,
      present: 1,
      doneBytes: 10e9,
      sizeBytes: 34.246e9,
      fraction: 10e9 / 34.246e9,
    });
  });

  it("adds up to its files", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const progress = folded(events);
        const totals = totalsOf(progress);
        expect(totals.files + totals.present).toBe(progress.files.size);
        expect(totals.finished + totals.failed).toBeLessThanOrEqual(totals.files);
        expect(totals.fraction).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("remainingMs()", () => {
  it("divides what is left by the present rate", () => {
    const progress = folded(at(0, [plan, started, moved(4e9, 1e9)]));
    expect(remainingMs(progress)).toBe(26_246);
    expect(fileRemainingMs(progress.files.get("schnell") as never, progress)).toBe(20_000);
  });

  it("is silent when nobody can know", () => {
    expect(remainingMs(folded(at(0, [plan, started])))).toBeNull();
    const unknown = { ...plan, lines: plan.lines.map((line) => ({ ...line, size: null, fetchBytes: null })) };
    expect(remainingMs(folded(at(0, [unknown, moved(4e9, 1e9)])))).toBeNull();
  });
});
