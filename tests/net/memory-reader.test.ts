/** Ranges in memory, from a server that does not send them in one go. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createMemoryReader } from "../../src/net/memory-reader.ts";
import { always, capped, createNoise, startRangeServer } from "../origins/index.ts";

describe("createMemoryReader() read", () => {
  it("asks for the rest where a server sends no more than so much at a time", async () => {
    const content = createNoise("memory")(0, 500_000);
    await using server = await startRangeServer({ "/x": content });
    server.faults.add(always, capped(150_000));
    const proxy = { http: null, https: null, none: null };
    const reader = createMemoryReader({ caFile: null, proxy, userAgent: "modelferry/test" }, systemClock);
    const [into, steps] = [new Uint8Array(399_000), [] as number[]];
    const failure = await reader.read({
      endpoint: {
        kind: "http",
        url: `${server.url}/x`,
        headers: {},
        validator: null,
        mayBePrivate: true,
        hasRanges: true,
      },
      start: 1000,
      end: 400_000,
      size: 500_000,
      into,
      signal: new AbortController().signal,
      onReceived: (bytes) => steps.push(bytes),
    });
    await reader.close();
    expect(failure).toBeNull();
    expect(Buffer.from(into).equals(content.subarray(1000, 400_000))).toBe(true);
    expect(steps.reduce((sum, step) => sum + step, 0)).toBe(399_000);
    expect(server.requests.map(({ range }) => range)).toEqual([
      "bytes=1000-399999",
      "bytes=151000-399999",
      "bytes=301000-399999",
    ]);
  });
});
