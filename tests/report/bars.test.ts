import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderBars, type View } from "../../src/report/bars.ts";
import { createStyle, plainStyle } from "../../src/report/style.ts";
import { textWidth } from "../../src/report/text.ts";
import { anyEvents, at, folded, moved, plan, started, summary } from "./feeds.ts";

const view = (columns: number, rows = 24): View => ({ columns, rows, now: 0, style: plainStyle });
const running = folded(at(0, [plan, started, moved(6e9, 1e9)]));

describe("renderBars()", () => {
  it("shows each file under way with bar, percent, rate, time left and mirrors, then the whole", () => {
    expect(renderBars(running, view(100))).toEqual([
      "  schnell      ━━━━━╸─────────────────   25%   1.0 GB/s       18 s  huggingface.co, r2",
      "  … and 2 more",
      "  0 of 3 done  ━━━━━━╸────────────────   29%   1.0 GB/s       24 s  10.0 of 34.2 GB",
    ]);
  });

  it("gives up mirrors, bar, time left and rate as the terminal gets narrower", () => {
    const widths = [100, 70, 45, 32, 22].map((columns) => renderBars(running, view(columns))[0]);
    expect(widths).toEqual([
      expect.stringContaining("huggingface.co"),
      expect.stringMatching(/━.*18 s$/),
      "  schnell       25%   1.0 GB/s       18 s",
      "  schnell       25%   1.0 GB/s",
      "  schnell       25%",
    ]);
  });

  it("folds what a low terminal cannot show", () => {
    expect(renderBars(running, view(80, 4))).toHaveLength(3);
    expect(renderBars(running, view(80, 3)).map((line) => line.trim().slice(0, 11))).toEqual([
      "3 to come",
      "0 of 3 done",
    ]);
    expect(renderBars(running, view(80, 2))).toHaveLength(1);
  });

  it("counts down a wait", () => {
    const wait = {
      kind: "waiting",
      model: "schnell",
      on: "rate-limit",
      message: "r2 asks to wait",
      untilMs: 90_000,
    } as const;
    expect(renderBars(folded(at(0, [plan, started, wait])), view(80))[0]).toBe(
      "  schnell      r2 asks to wait, 1 m 30 s",
    );
  });

  it("says that a file is verified, and that one stalls", () => {
    const verifying = { kind: "file-verifying", model: "schnell", doneBytes: 12e9, size: 24e9 } as const;
    expect(renderBars(folded(at(0, [plan, started, verifying])), view(100))[0]).toMatch(/50% {2,}verifying$/);
  });

  it("says for how long no data came, not that the rest takes eight hours", () => {
    const falling = [5e8, 2e8, 1e8, 5e7, 2e7, 1e7, 3e6].map((rate) => moved(6e9, rate));
    const seen = (count: number, columns = 100): readonly string[] =>
      renderBars(folded(at(0, [plan, started, moved(6e9, 1e9), ...falling.slice(0, count)])), view(columns));
    expect(seen(2)[0]).toMatch(/25% +\d+ MB\/s +\d+ s {2}hugg/);
    expect(seen(7)).toEqual([
      "  schnell      ━━━━━╸─────────────────   25%       no data for 7 s  huggingface.co, r2",
      "  … and 2 more",
      "  0 of 3 done  ━━━━━━╸────────────────   29%       no data for 7 s  10.0 of 34.2 GB",
    ]);
    expect(seen(7, 32)[0]).toBe("  schnell       25%    no data");
    const again = folded(at(0, [plan, started, moved(6e9, 1e9), ...falling, moved(7e9, 1e9)]));
    expect(renderBars(again, view(100))[0]).toMatch(/29% +\d+ MB\/s +\d+ (?:s|m)/);
  });

  it("is empty when nothing is left to move", () => {
    expect(renderBars(folded(at(0, [plan, started, moved(6e9, 1e9), summary])), view(80))).toEqual([]);
    expect(renderBars(folded([]), view(80))).toEqual([]);
  });

  it("draws in ASCII where a terminal has nothing else", () => {
    const ascii = createStyle({ hasColour: false, isAscii: true });
    const [line = ""] = renderBars(running, { ...view(70), style: ascii });
    expect(line).toMatch(/ #+-?\.+ /);
    expect(line).toMatch(/^[\x20-\x7e]*$/);
  });

  it("paints with colour what it shows without", () => {
    const painted = renderBars(running, { ...view(100), style: createStyle({ hasColour: true, isAscii: false }) });
    expect(painted.join("\n")).toContain("\u001b[");
    expect(painted.map((line) => line.replace(/\u001b\[\d+m/g, ""))).toEqual(renderBars(running, view(100)));
  });

  it("is never wider or higher than the terminal, and never shows a figure that is not one", () => {
    fc.assert(
      fc.property(
        anyEvents,
        fc.integer({ min: 1, max: 160 }),
        fc.integer({ min: 1, max: 40 }),
        (events, columns, rows) => {
          const lines = renderBars(folded(events), view(columns, rows));
          for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
          expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
          expect(lines.join("\n")).not.toMatch(/NaN|Infinity|undefined|null\b.*%/);
        },
      ),
      { numRuns: 400 },
    );
  });
});
