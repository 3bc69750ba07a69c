import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event } from "../../src/base/events.ts";
import { advancePlain, type PlainState, plainStart } from "../../src/report/plain.ts";
import { plainStyle } from "../../src/report/style.ts";
import { anyEvents, at, finished, moved, plan, started, summary } from "./feeds.ts";

const pipe = { width: null, style: plainStyle };

function plainLines(events: readonly Event[]): readonly string[] {
  let state: PlainState = plainStart;
  return events.flatMap((event) => {
    const next = advancePlain(state, event, pipe);
    state = next.state;
    return next.lines;
  });
}

describe("advancePlain()", () => {
  it("tells the plan, each start and end, and the whole every five seconds", () => {
    const ticks = Array.from({ length: 12 }, (_, second) => moved(second * 1e9, 1e9));
    expect(plainLines(at(0, [plan, started, ...ticks, finished, summary]))).toEqual([
      "3 of 4 models to bring into /comfyui/models: 30.0 GB to fetch, 246 MB to reuse, 812 GB free",
      "start   schnell  24.0 GB",
      "        20%  7.0 of 34.2 GB  at 1.0 GB/s  27 s left  0 of 3 done",
      "        35%  12.0 of 34.2 GB  at 1.0 GB/s  22 s left  0 of 3 done",
      "done    schnell  24.0 GB in 13 s at 1.8 GB/s from huggingface.co 63%, r2 38%",
    ]);
  });

  it("tells every five seconds how much was read of what is verified", () => {
    const read = [2e9, 6e9, 12e9].map(
      (doneBytes) => ({ kind: "file-verifying", model: "schnell", doneBytes, size: 24e9 }) as const,
    );
    expect(plainLines(at(0, [plan, started, ...read], 3000)).slice(2)).toEqual([
      "        81%  28.0 of 34.2 GB  verifying 2.0 of 24.0 GB  0 of 3 done",
      "        81%  28.0 of 34.2 GB  verifying 12.0 of 24.0 GB  0 of 3 done",
    ]);
  });

  it("tells for how long no data came, without a time left", () => {
    const falling = [2e8, 1e8, 5e7, 2e7, 1e7, 3e6, 1e6, 1e5].map((rate) => moved(6e9, rate));
    expect(plainLines(at(0, [plan, started, moved(6e9, 1e9), ...falling])).slice(2)).toEqual([
      "        29%  10.0 of 34.2 GB  no data for 3 s  0 of 3 done",
      "        29%  10.0 of 34.2 GB  no data for 8 s  0 of 3 done",
    ]);
    const nothing = Array.from({ length: 5 }, () => moved(0, 0));
    expect(plainLines(at(0, [plan, started, ...nothing]))[2]).toMatch(/ {2}no data for 4 s {2}0 of 3 done$/);
  });

  it("tells which file lost its place, and counts it beforehand", () => {
    const replaces = { size: 12e6, status: "corrupt" } as const;
    const lines = plan.lines.map((line, index) => (index === 0 ? { ...line, replaces } : line));
    const replaced = { kind: "replaced", model: "schnell", path: "unet/schnell.safetensors", ...replaces } as const;
    expect(plainLines(at(0, [{ ...plan, lines }, replaced]))).toEqual([
      "3 of 4 models to bring into /comfyui/models: 30.0 GB to fetch, 246 MB to reuse, 1 other file to replace, 812 GB free",
      "! unet/schnell.safetensors took the place of a file of 12.0 MB with other bytes",
    ]);
  });

  it("tells a wait once, however often it is reported", () => {
    const wait = { kind: "waiting", model: null, on: "lock", message: "another process syncs", untilMs: null } as const;
    expect(plainLines(at(0, [wait, wait, wait]))).toEqual(["wait    another process syncs"]);
  });

  it("tells failures and warnings with their fixes, but not that a mirror lacks a file", () => {
    const dropped = { kind: "mirror-dropped", model: "schnell", mirror: "r2", message: "404" } as const;
    expect(
      plainLines(
        at(0, [
          { ...dropped, code: "SOURCE_NOT_FOUND" },
          { ...dropped, code: "MIRROR_LIED", message: "says 3 bytes" },
          { kind: "warning", code: "DISK_FULL", message: "little room", fix: "free some" },
          { kind: "file-failed", model: "schnell", path: "x", code: "NO_MIRROR", message: "no mirror", fix: "add one" },
        ]),
      ),
    ).toEqual([
      "! little room",
      "  fix: free some",
      "! r2 is left out for schnell: says 3 bytes",
      "failed  schnell  no mirror",
      "        fix: add one",
    ]);
  });

  it("tells that a mirror is left out when its file begins without it, and not beside a failure that says the same", () => {
    const dropped = {
      kind: "mirror-dropped",
      model: "schnell",
      mirror: "r2",
      code: "MIRROR_LIED",
      message: "3 B",
    } as const;
    const failed = {
      kind: "file-failed",
      model: "schnell",
      path: "x",
      code: "MIRROR_LIED",
      message: "lied: 3 B",
    } as const;
    expect(plainLines(at(0, [dropped, started]))).toEqual([
      "! r2 is left out for schnell: 3 B",
      "start   schnell  24.0 GB",
    ]);
    expect(plainLines(at(0, [started, dropped]))[1]).toBe("! r2 is left out for schnell: 3 B");
    expect(plainLines(at(0, [dropped, failed]))).toEqual(["failed  schnell  lied: 3 B"]);
  });

  it("never throws, never shows a figure that is not one, never lets an event break a line", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        for (const line of plainLines(events)) {
          expect(line).not.toMatch(/\bNaN\b|Infinity (?:[kMGT]?B|s\b)|[\n\r\u001b]/);
        }
      }),
    );
  });
});
