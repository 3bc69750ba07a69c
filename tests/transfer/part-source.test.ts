/** The parts of an artifact from its mirrors, when a mirror asks for more patience than it is worth. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { Mirror } from "../../src/base/mirror.ts";
import { createPartSource } from "../../src/transfer/part-source.ts";

const endpoint = {
  kind: "http",
  url: "https://m.example/x",
  headers: {},
  validator: null,
  mayBePrivate: false,
  hasRanges: true,
} as const;
const mirror: Mirror = {
  label: "m",
  source: "https://m.example/x",
  size: 10,
  sha256: null,
  revision: null,
  whole: null,
  open: async () => endpoint,
};

describe("createPartSource()", () => {
  it.each([1e12, 86_400_000])("does not wait for %d ms", async (waitMs) => {
    const dropped: string[] = [];
    const busy = { kind: "busy", status: 503, waitMs, message: "it answered 503" } as const;
    using source = createPartSource(
      {
        model: "m",
        size: 10,
        mirrors: [mirror],
        pieces: null,
        partBytes: 10,
        onDropped: (_, code, message) => dropped.push(`${code}: ${message}`),
      },
      { clock: systemClock, reader: { read: async () => busy } },
    );
    const filled = source.fill({ number: 1, start: 0, end: 10 }, new Uint8Array(10), new AbortController().signal);
    await expect(filled).rejects.toMatchObject({ code: "MIRROR_RATE_LIMITED" });
    expect(dropped).toEqual([`MIRROR_RATE_LIMITED: it answered 503 and asks to wait ${waitMs / 1000} s`]);
  });
});
