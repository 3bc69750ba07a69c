/** One suite for every lane: plain and encrypted, fast and general, and through a proxy. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { deferred } from "../../src/base/flow.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { createLanePool, type LaneEnd, type LanePool, type RunningLane } from "../../src/net/lane-pool.ts";
import {
  always,
  createAuthority,
  dropAfter,
  flip,
  ignoreRange,
  type RangeServer,
  resetAfter,
  retryAfter,
  shortBody,
  slowFrom,
  stallAfter,
  startProxy,
  startRangeServer,
  status,
  truncateAfter,
} from "../origins/index.ts";

const SIZE = 6_000_000;
const bytes = Buffer.from(Uint8Array.from({ length: SIZE }, (_, index) => (index * 40_503) >>> 7));

interface Rig {
  readonly server: RangeServer;
  readonly read: (start: number, end: number, change?: Partial<HttpEndpoint>) => Reading;
  readonly file: () => Buffer;
}

interface Reading {
  readonly lane: RunningLane;
  readonly ended: Promise<LaneEnd>;
  readonly shrunk: Promise<number>;
}

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const run of undo.splice(0).reverse()) await run();
});

interface Way {
  readonly name: string;
  readonly isEncrypted: boolean;
  readonly isGeneral: boolean;
  readonly isProxied: boolean;
}

const WAYS: readonly Way[] = [
  { name: "fast lane", isEncrypted: false, isGeneral: false, isProxied: false },
  { name: "fast lane over TLS", isEncrypted: true, isGeneral: false, isProxied: false },
  { name: "general lane", isEncrypted: false, isGeneral: true, isProxied: false },
  { name: "general lane over TLS", isEncrypted: true, isGeneral: true, isProxied: false },
  { name: "lane through a proxy", isEncrypted: false, isGeneral: false, isProxied: true },
  { name: "lane over TLS through a proxy", isEncrypted: true, isGeneral: false, isProxied: true },
];

async function makeRig(
  way: Way,
  settings: { readonly extraCa?: string | null; readonly maxRate?: number } = {},
): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-lanes-"));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const authority = await createAuthority();
  const server = await startRangeServer({ "/x.bin": bytes }, way.isEncrypted ? { tls: authority } : {});
  undo.push(() => server.close());
  const proxy = way.isProxied ? await startProxy() : null;
  undo.push(() => proxy?.close());
  const pool: LanePool = createLanePool({
    extraCa: settings.extraCa === undefined ? authority.ca : settings.extraCa,
    proxy: proxy === null ? { http: null, https: null, none: null } : { http: proxy.url, https: proxy.url, none: null },
    userAgent: "modelferry/test",
    workers: 2,
  });
  undo.push(() => pool.close());
  pool.limit(settings.maxRate ?? null);
  const path = join(folder, "x.part");
  const file = openSync(path, "w+");
  undo.push(() => closeSync(file));
  const endpoint = {
    kind: "http",
    url: `${server.url}/x.bin`,
    headers: {},
    validator: null,
    mayBePrivate: true,
    hasRanges: true,
  } as const;
  return {
    server,
    file: () => readFileSync(path),
    read: (start, end, change = {}) => {
      const [ended, shrunk] = [deferred<LaneEnd>(), deferred<number>()];
      const lane = pool.start(
        { endpoint: { ...endpoint, ...change }, file, start, end, size: SIZE, isGeneral: way.isGeneral },
        { onEnd: ended.resolve, onShrunk: shrunk.resolve },
      );
      return { lane, ended: ended.promise, shrunk: shrunk.promise };
    },
  };
}

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe.each(WAYS)("$name", (way) => {
  it("puts the bytes at their place", async () => {
    const rig = await makeRig(way);
    const ends = await Promise.all([rig.read(2_000_000, 5_000_000).ended, rig.read(0, 1_500_001).ended]);
    expect(ends).toMatchObject([
      { kind: "done", position: 5_000_000 },
      { kind: "done", position: 1_500_001 },
    ]);
    const file = rig.file();
    expect(file.subarray(2_000_000, 5_000_000).equals(bytes.subarray(2_000_000, 5_000_000))).toBe(true);
    expect(file.subarray(0, 1_500_001).equals(bytes.subarray(0, 1_500_001))).toBe(true);
    expect(rig.server.requests.map(({ headers }) => headers["accept-encoding"])).toEqual(["identity", "identity"]);
  });

  it("uses a connection again for the next range", async () => {
    const rig = await makeRig(way);
    for (let start = 0; start < SIZE; start += 1_000_000) await rig.read(start, start + 1_000_000).ended;
    expect(rig.file().equals(bytes)).toBe(true);
    expect(rig.server.acceptedSockets()).toBeLessThanOrEqual(way.isEncrypted ? 2 : 1);
  });

  it("stops earlier when it is asked to, and keeps what came", async () => {
    const rig = await makeRig(way);
    rig.server.faults.add(always, slowFrom(1_000_000, 1_500_000));
    const reading = rig.read(0, SIZE);
    await until(() => reading.lane.received() > 1_000_000);
    reading.lane.shrink(2_000_000);
    const end = await reading.shrunk;
    expect(end).toBeGreaterThanOrEqual(2_000_000);
    expect(await reading.ended).toMatchObject({ kind: "done", position: end });
    expect(rig.file().subarray(0, end).equals(bytes.subarray(0, end))).toBe(true);
  });

  it("is cancelled, and says how far it came", async () => {
    const rig = await makeRig(way);
    rig.server.faults.add(always, stallAfter(1_234_567));
    const reading = rig.read(0, SIZE);
    await until(() => reading.lane.received() === 1_234_567);
    reading.lane.cancel();
    expect(await reading.ended).toMatchObject({ kind: "cancelled", position: 1_234_567 });
    expect(rig.file().equals(bytes.subarray(0, 1_234_567))).toBe(true);
  });

  it.each([
    ["a reset", resetAfter(700_000)],
    ["an early end", truncateAfter(700_000)],
    ["a lost connection", dropAfter(700_000)],
  ])("keeps what came before %s", async (_, fault) => {
    const rig = await makeRig(way);
    rig.server.faults.add(always, fault);
    const end = await rig.read(0, SIZE).ended;
    expect(end).toMatchObject({ kind: "failed", failure: { kind: "network" } });
    expect(end.position).toBeLessThanOrEqual(700_000);
    expect(rig.file().subarray(0, end.position).equals(bytes.subarray(0, end.position))).toBe(true);
  });

  it.each([
    ["200 to a range", ignoreRange, "lied"],
    ["a short body", shortBody(10), "lied"],
    ["403", status(403), "refused"],
    ["404", status(404), "refused"],
    ["412", status(412), "changed"],
    ["416", status(416), "lied"],
    ["500", status(500), "busy"],
  ])("judges %s", async (_, fault, kind) => {
    const rig = await makeRig(way);
    rig.server.faults.add(always, fault);
    expect(await rig.read(100, SIZE).ended).toMatchObject({ kind: "failed", position: 100, failure: { kind } });
  });

  it("tells how long a busy server asks to wait", async () => {
    const rig = await makeRig(way);
    rig.server.faults.add(always, retryAfter(7));
    expect(await rig.read(0, 1000).ended).toMatchObject({ failure: { kind: "busy", status: 429, waitMs: 7_000 } });
  });

  it("asks for the version that it knows, and sees another", async () => {
    const rig = await makeRig(way);
    const end = await rig.read(0, 1000, { validator: '"another version"' }).ended;
    expect(end).toMatchObject({ kind: "failed", failure: { kind: "changed" } });
    expect(rig.server.requests[0]?.headers["if-match"]).toBe('"another version"');
  });

  it("sends the endpoint's headers", async () => {
    const rig = await makeRig(way);
    await rig.read(0, 1000, { headers: { authorization: "Bearer t" } }).ended;
    expect(rig.server.requests[0]?.headers["authorization"]).toBe("Bearer t");
  });

  it("does not touch the bytes: what is wrong at the server is wrong in the file", async () => {
    const rig = await makeRig(way);
    rig.server.faults.add(always, flip(500));
    await rig.read(0, 1000).ended;
    expect(rig.file().equals(bytes.subarray(0, 1000))).toBe(false);
  });
});

describe("lanes over TLS", () => {
  it.each(WAYS.filter(({ isEncrypted }) => isEncrypted))(
    "$name: refuses a certificate of an unknown authority",
    async (way) => {
      const rig = await makeRig(way, { extraCa: null });
      const end = await rig.read(0, 1000).ended;
      expect(end).toMatchObject({
        kind: "failed",
        failure: { kind: "network", message: expect.stringMatching(/certificate/i) },
      });
      expect(rig.server.requests).toEqual([]);
    },
  );
});

describe("lanes and a limit", () => {
  it.each(WAYS.slice(0, 3))(
    "$name: keeps to bytes per second",
    async (way) => {
      const rig = await makeRig(way, { maxRate: 2_000_000 });
      const startedMs = performance.now();
      await Promise.all([rig.read(0, 3_000_000).ended, rig.read(3_000_000, SIZE).ended]);
      const seconds = (performance.now() - startedMs) / 1000;
      expect(SIZE / seconds).toBeLessThan(2_000_000 * 1.2);
      expect(rig.file().equals(bytes)).toBe(true);
    },
    15_000,
  );
});
