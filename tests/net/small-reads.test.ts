/** Small files come whole, over few connections, or not at all. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { createSmallReads, type SmallReads } from "../../src/net/small-reads.ts";
import * as origins from "../origins/index.ts";

const SIZE = 100_000;
const content = origins.createNoise("small reads")(0, SIZE);
let server: origins.RangeServer;
let nowMs = 0;
/** What the clock would call every second. */
let look: () => void;
const clock: Clock = {
  ...systemClock,
  monotonicMs: () => nowMs,
  every: (_, run) => {
    look = run;
    return () => undefined;
  },
};

beforeEach(async () => {
  nowMs = 0;
  server = await origins.startRangeServer({ "/x": content });
});
afterEach(async () => {
  nowMs = 1e9;
  look();
  await server.close();
});

const open = (connections = 2): SmallReads =>
  createSmallReads({ extraCa: null, userAgent: "modelferry/test", connections }, { clock });

/** A copy of the bytes, for the memory is used again. */
function read(reads: SmallReads, { url = `${server.url}/x`, size = SIZE } = {}): Promise<Buffer | null> {
  const endpoint = { kind: "http", url, headers: {}, validator: null, mayBePrivate: true, hasRanges: true } as const;
  return new Promise((resolve) => {
    reads.start({ endpoint, size, deadlineMs: 60_000 }, (bytes) => {
      resolve(bytes === null ? null : Buffer.from(bytes));
      return Promise.resolve();
    });
  });
}

describe("createSmallReads()", () => {
  it("reads many files over as many connections as it may, each with one request", async () => {
    const reads = open(2);
    const all = await Promise.all(Array.from({ length: 20 }, () => read(reads)));
    expect(all.every((bytes) => bytes?.equals(content))).toBe(true);
    expect(server.requests).toHaveLength(20);
    expect(server.acceptedSockets()).toBe(2);
  });

  it("gives each file memory of its own until it has been used", async () => {
    const reads = open(4);
    const others = Array.from({ length: 4 }, (_, index) => origins.createNoise(`other ${index}`)(0, 5_000 + index));
    for (const [index, bytes] of others.entries()) server.put(`/o${index}`, bytes);
    const copies: Buffer[] = [];
    const used = others.map(async ({ length: size }, index) => {
      const endpoint = { kind: "http", url: `${server.url}/o${index}`, headers: {}, validator: null } as const;
      await new Promise<void>((resolve) => {
        reads.start(
          { endpoint: { ...endpoint, mayBePrivate: true, hasRanges: true }, size, deadlineMs: 60_000 },
          (bytes) => {
            // Looked at when all of them are there.
            const later = async (): Promise<void> => {
              await read(reads);
              copies[index] = Buffer.from(bytes ?? []);
              resolve();
            };
            return later();
          },
        );
      });
    });
    await Promise.all(used);
    expect(copies).toEqual(others);
  });

  const wrong: readonly (readonly [string, origins.Fault])[] = [
    ["a file that is not there", origins.status(404)],
    ["a redirect", origins.redirectTo("/y")],
    ["a busy host", origins.rateLimited(1)],
    ["an answer without a length", origins.chunked],
    ["a compressed answer", origins.gzip],
    ["an answer without ranges", origins.ignoreRange],
    ["an answer that ends early", origins.truncateAfter(5_000)],
    ["another range", origins.contentRange((start, last, total) => `bytes ${start + 1}-${last + 1}/${total}`)],
  ];
  it.each(wrong)("brings nothing of %s, and the next file all the same", async (_, fault) => {
    const reads = open(1);
    server.faults.add(origins.always, fault, 1);
    expect(await read(reads)).toBeNull();
    expect((await read(reads))?.equals(content)).toBe(true);
  });

  it("brings nothing of a file that has another size", async () => {
    expect(await read(open(), { size: SIZE - 1 })).toBeNull();
  });

  it("brings nothing of a host that is not there", async () => {
    await server.die();
    expect(await read(open())).toBeNull();
  });

  it("asks again where a connection was closed while it was idle", async () => {
    const reads = open(1);
    expect(await read(reads)).not.toBeNull();
    server.faults.add(origins.nth(origins.always, 1), origins.dropAfter(0));
    expect((await read(reads))?.equals(content)).toBe(true);
  });

  it("gives up a silent connection, and asks for the next file over another", async () => {
    const reads = open(1);
    server.faults.add(origins.always, origins.stallHead("silent"), 1);
    const silent = read(reads);
    await expect.poll(() => server.requests.length).toBe(1);
    nowMs = 20_001;
    look();
    expect(await silent).toBeNull();
    expect((await read(reads))?.equals(content)).toBe(true);
  });

  it("asks a host that was in the way for none of those that waited, and another host for its own", async () => {
    await using other = await origins.startRangeServer({ "/x": content });
    const reads = open(1);
    server.faults.add(origins.always, origins.rateLimited(1), 1);
    const all = [read(reads), read(reads), read(reads), read(reads, { url: `${other.url}/x` })];
    expect((await Promise.all(all)).map((bytes) => bytes !== null)).toEqual([false, false, false, true]);
    expect(server.requests).toHaveLength(1);
  });

  it("forgets what is given up, whether it is asked for or waits", async () => {
    const reads = open(1);
    server.faults.add(origins.always, origins.stallHead("silent"), 1);
    const endpoint = { kind: "http", url: `${server.url}/x`, headers: {}, validator: null } as const;
    const ended: unknown[] = [];
    const start = (): (() => void) =>
      reads.start(
        { endpoint: { ...endpoint, mayBePrivate: true, hasRanges: true }, size: SIZE, deadlineMs: 1e6 },
        (bytes) => {
          ended.push(bytes);
          return null;
        },
      );
    const stops = [start(), start()];
    await expect.poll(() => server.requests.length).toBe(1);
    for (const stop of stops) stop();
    expect((await read(reads))?.equals(content)).toBe(true);
    expect(ended).toEqual([]);
    expect(server.requests).toHaveLength(2);
  });

  it("connects to no address where a cloud keeps credentials", async () => {
    expect(await read(open(), { url: "http://169.254.169.254/x" })).toBeNull();
  });
});
