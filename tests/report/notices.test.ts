import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shareColumns } from "../../src/report/columns.ts";
import { planHeadline, settledLines, trustedLines } from "../../src/report/notices.ts";
import { plainStyle } from "../../src/report/style.ts";
import { textWidth } from "../../src/report/text.ts";
import { anyEvents, at, finished, folded, plan, started } from "./feeds.ts";

describe("planHeadline()", () => {
  it("is silent when nothing is to be done", () => {
    const present = plan.lines.filter(({ action }) => action === "present");
    expect(planHeadline({ ...plan, lines: present })).toEqual([]);
  });
});

describe("trustedLines()", () => {
  const file = (kind: "manifest" | "kit" | "lockfile", name: string) => ({ file: name, kind, name, version: 1 });
  const entry = { signer: "studio", key: "8B07EC493A8798BE", files: [file("manifest", "a"), file("manifest", "b")] };

  it("counts what each key signed", () => {
    const paper = { width: null, style: plainStyle };
    expect(trustedLines(entry, paper)).toEqual(["✓ 2 manifests signed by studio (key 8B07EC493A8798BE)"]);
    const more = { ...entry, files: [...entry.files, file("kit", "k"), file("lockfile", "models.lock")] };
    expect(trustedLines(more, paper)[0]).toMatch(/^✓ 2 manifests, 1 kit and 1 lockfile signed by studio /);
  });

  it("is never wider than the terminal", () => {
    for (const line of trustedLines(entry, { width: 30, style: plainStyle })) {
      expect(textWidth(line)).toBeLessThanOrEqual(30);
    }
  });
});

describe("settledLines()", () => {
  const file = folded(at(0, [plan, started, finished], 10_000)).files.get("schnell");

  it("says how much came, how fast, from where", () => {
    expect(settledLines(file as never, 10, { width: 100, style: plainStyle })).toEqual([
      "✓ schnell     24.0 GB in 10 s at 2.4 GB/s from huggingface.co 63%, r2 38%",
    ]);
  });

  it("shortens the mirrors before anything else", () => {
    expect(settledLines(file as never, 10, { width: 68, style: plainStyle })).toEqual([
      "✓ schnell     24.0 GB in 10 s at 2.4 GB/s from huggingface.co, r2",
    ]);
  });

  it("is never wider than the terminal", () => {
    fc.assert(
      fc.property(anyEvents, fc.integer({ min: 8, max: 160 }), (events, columns) => {
        const { files } = folded(events);
        const name = shareColumns(columns - 1, 30).name;
        for (const one of files.values()) {
          for (const line of settledLines(one, name, { width: columns, style: plainStyle })) {
            expect(textWidth(line)).toBeLessThanOrEqual(columns);
          }
        }
      }),
    );
  });
});
