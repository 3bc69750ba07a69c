import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event } from "../../src/base/events.ts";
import { ndjsonLine } from "../../src/report/ndjson.ts";
import { planHeadline } from "../../src/report/notices.ts";
import { advancePlain, type PlainState, plainStart } from "../../src/report/plain.ts";
import { planLines } from "../../src/report/plan.ts";
import { plainStyle } from "../../src/report/style.ts";
import { summaryLines } from "../../src/report/summary.ts";
import { textWidth } from "../../src/report/text.ts";
import { anyBody, anyEvents, anySummary, at, finished, moved, plan, started, summary } from "./feeds.ts";

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

describe("ndjsonLine()", () => {
  it("is one line with kind and time first", () => {
    expect(ndjsonLine({ ...started, time: 7 } as Event)).toMatch(
      /^\{"kind":"file-started","time":7,"model":"schnell".*\}\n$/,
    );
  });

  it("survives a reader for every event", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const line = ndjsonLine({ ...body, time: 1 } as Event);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(JSON.parse(line)).toMatchObject({ kind: body.kind, time: 1 });
      }),
    );
  });
});

describe("planHeadline()", () => {
  it("is silent when nothing is to be done", () => {
    const present = plan.lines.filter(({ action }) => action === "present");
    expect(planHeadline({ ...plan, lines: present })).toEqual([]);
  });
});

describe("planLines()", () => {
  it("shows each file with size, action and source, then what it costs", () => {
    expect(planLines(plan, { width: 100, style: plainStyle })).toEqual([
      "file                                     size  action         from",
      "diffusion_models/schnell.safetensors  24.0 GB  fetch          hf://black-forest-l…ell.safetensors +1",
      "text_encoders/t5xxl.safetensors       10.0 GB  resume at 40%  r2://weights/t5xxl.safetensors",
      "text_encoders/clip.safetensors         246 MB  reuse          /cache/blobs/aa",
      "vae/ae.safetensors                     335 MB  present",
      "",
      "to fetch  30.0 GB",
      "to reuse  246 MB",
      "present   1 of 4 models",
      "free      812 GB in /comfyui/models",
    ]);
  });

  it("warns when the disk is too small, and of sizes that nobody knows", () => {
    const lines = plan.lines.map((line, index) => (index === 0 ? { ...line, size: null, fetchBytes: null } : line));
    const text = planLines({ ...plan, lines, freeBytes: 20e9 }, pipe).join("\n");
    expect(text).toContain("to fetch  30.0 GB, and 1 file of unknown size");
    expect(text).toContain("free      20.0 GB in /comfyui/models (10.0 GB too little)");
    expect(text).toContain("@741f7c3ce8b383c54771c7003378a50191e9efe9/");
  });
});

describe("summaryLines()", () => {
  it("says what each mirror brought, what was reused and what was wasted", () => {
    expect(summaryLines(summary, { root: "/comfyui/models", failed: 0 }, pipe)).toEqual([
      "✓ 4 models present in /comfyui/models: 30.0 GB fetched in 1 m 40 s at 300 MB/s",
      "  mirror            bytes  share      rate  errors",
      "  huggingface.co  20.0 GB    67%  200 MB/s       2",
      "  r2              10.0 GB    33%  100 MB/s       0",
      "  246 MB reused from files on this disk",
      "  12.0 MB of the fetched bytes were thrown away or came twice",
    ]);
  });

  it("is one line when nothing was needed", () => {
    const idle = { ...summary, fetchedBytes: 0, wastedBytes: 0, reusedBytes: 0, elapsedMs: 40, mirrors: [] };
    expect(summaryLines(idle, { root: "/m", failed: 0 }, pipe)).toEqual([
      "✓ 4 models present in /m: nothing to fetch (40 ms)",
    ]);
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
