import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainStyle } from "../../src/report/style.ts";
import { summaryLines } from "../../src/report/summary.ts";
import { textWidth } from "../../src/report/text.ts";
import { anySummary, summary } from "./feeds.ts";

const pipe = { width: null, style: plainStyle };

describe("summaryLines()", () => {
  it("says what each mirror brought and did wrong last, what was reused and what was wasted", () => {
    expect(summaryLines(summary, { root: "/comfyui/models", failed: 0 }, pipe)).toEqual([
      "✓ 4 models present in /comfyui/models: 30.0 GB fetched in 1 m 40 s at 300 MB/s",
      "  mirror            bytes  share      rate  errors",
      "  huggingface.co  20.0 GB    67%  200 MB/s       2",
      "  r2              10.0 GB    33%  100 MB/s       0",
      "  last error of huggingface.co: it sent nothing for 4.1 s",
      "  246 MB reused from files on this disk",
      "  12.0 MB of the fetched bytes were thrown away or came twice",
    ]);
  });

  it("cuts a last error that has no room, instead of a second line", () => {
    const lastError = { code: "MIRROR_FAILED" as const, message: `reset\nby ${"peer ".repeat(40)}` };
    const mirrors = [{ label: "r2", bytes: 0, bytesPerSecond: 0, errors: 1, lastError }];
    const lines = summaryLines({ ...summary, mirrors }, { root: null, failed: 0 }, { width: 60, style: plainStyle });
    const [line = "", ...others] = lines.filter((one) => one.includes("last error"));
    expect(others).toEqual([]);
    expect([textWidth(line) <= 60, line.endsWith("…"), line.includes("\n")]).toEqual([true, true, false]);
  });

  it("is one line when nothing was needed", () => {
    const idle = { ...summary, fetchedBytes: 0, wastedBytes: 0, reusedBytes: 0, elapsedMs: 40, mirrors: [] };
    expect(summaryLines(idle, { root: "/m", failed: 0 }, pipe)).toEqual([
      "✓ 4 models present in /m: nothing to fetch (40 ms)",
    ]);
  });

  it("counts the files that lost their places", () => {
    const lines = summaryLines({ ...summary, replacedFiles: 2 }, { root: "/m", failed: 0 }, pipe);
    expect(lines).toContain("  2 files with other bytes replaced");
  });

  it("counts what failed", () => {
    expect(summaryLines({ ...summary, ok: false }, { root: "/m", failed: 2 }, pipe)[0]).toMatch(
      /^✗ 2 of 4 models failed in \/m: /,
    );
  });

  it("never shows a figure that is not one", () => {
    fc.assert(
      fc.property(anySummary, (any) => {
        const lines = summaryLines(any, { root: null, failed: 0 }, { width: 80, style: plainStyle });
        expect(lines.slice(1).every((line) => textWidth(line) <= 80 || line.includes("TB"))).toBe(true);
        expect(lines.join("\n")).not.toMatch(/NaN|Infinity/);
      }),
    );
  });
});
