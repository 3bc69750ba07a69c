import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event } from "../../src/base/events.ts";
import { ndjsonLine } from "../../src/report/ndjson.ts";
import { anyBody, started } from "./feeds.ts";

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
