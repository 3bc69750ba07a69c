/** The parts of an artifact from its mirrors, when a mirror asks for more patience than it is worth. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { Mirror } from "../../src/base/mirror.ts";
import { createMemoryReader } from "../../src/net/memory-reader.ts";
import { createPartSource } from "../../src/transfer/part-source.ts";
import { createNoise, type RangeServer, startBalancer, startRangeServer } from "../origins/index.ts";

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
        isPinned: true,
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

describe("createPartSource() from an address whose file has another ETag", () => {
  const SIZE = 8_000_000;
  const content = createNoise("parts")(0, SIZE);
  const parts = Array.from({ length: 8 }, (_, at) => ({
    number: at + 1,
    start: at * 1_000_000,
    end: (at + 1) * 1_000_000,
  }));

  /** Fills all parts at once from `url`, where the tag was `"a"` at first; gives them together. */
  async function fillAll(url: string, isPinned: boolean): Promise<Buffer> {
    const proxy = { http: null, https: null, none: null };
    const reader = createMemoryReader({ caFile: null, proxy, userAgent: "modelferry/test" }, systemClock);
    const open = async () => ({ ...endpoint, url, validator: '"a"', mayBePrivate: true });
    using source = createPartSource(
      {
        model: "m",
        size: SIZE,
        mirrors: [{ ...mirror, size: SIZE, open }],
        pieces: null,
        isPinned,
        partBytes: 1_000_000,
        onDropped: () => undefined,
      },
      { clock: systemClock, reader },
    );
    const into = new Uint8Array(SIZE);
    try {
      const { signal } = new AbortController();
      await Promise.all(parts.map((part) => source.fill(part, into.subarray(part.start, part.end), signal)));
      return Buffer.from(into);
    } finally {
      await reader.close();
    }
  }
  const tagged = (etag: string): Promise<RangeServer> => startRangeServer({ "/x": { content, etag } });

  it("asks again where it may be another server's, whose bytes a sha256 will prove", async () => {
    await using one = await tagged('"a"');
    await using other = await tagged('"b"');
    await using balancer = await startBalancer([one, other], "request");
    expect((await fillAll(`${balancer.url}/x`, true)).equals(content)).toBe(true);
    await expect(fillAll(`${balancer.url}/x`, false)).rejects.toMatchObject({ code: "MIRROR_CHANGED" });
  });

  it("gives up where it stays so", async () => {
    await using server = await tagged('"b"');
    await expect(fillAll(`${server.url}/x`, true)).rejects.toMatchObject({ code: "MIRROR_CHANGED" });
    expect(server.requests.length).toBeLessThan(100);
  });
});
