import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { createFastLanes, type FastLanes } from "../../src/net/fast-lanes.ts";
import { createRateGate } from "../../src/net/rate-gate.ts";
import { createResolver } from "../../src/net/resolver.ts";
import { trustContext } from "../../src/net/trust.ts";
import { type Authority, createAuthority, createNoise, type RangeServer, startRangeServer } from "../origins/index.ts";
import { readWhole, sinkFor } from "./whole-reads.ts";

const SIZE = 100_000;
const content = createNoise("fast lanes")(0, SIZE);
let nowMs = 0;
let folder: string;
let file: number;
let authority: Authority;
let plain: RangeServer;
let encrypted: RangeServer;
let lanes: FastLanes;

beforeEach(async () => {
  nowMs = 0;
  folder = await mkdtemp(join(tmpdir(), "modelferry-fast-lanes-"));
  file = openSync(join(folder, "x.part"), "w+");
  authority = await createAuthority();
  plain = await startRangeServer({ "/x": content });
  encrypted = await startRangeServer({ "/x": content }, { tls: authority });
  lanes = createFastLanes({
    clock: { monotonicMs: () => nowMs },
    gate: createRateGate(systemClock),
    secureContext: () => trustContext(authority.ca),
    resolve: createResolver(systemClock),
    userAgent: "modelferry/test",
  });
});
afterEach(async () => {
  nowMs = 1e9;
  lanes.sweep();
  closeSync(file);
  await plain.close();
  await encrypted.close();
  await rm(folder, { recursive: true });
});

const at = (server: RangeServer, more: Partial<HttpEndpoint> = {}): HttpEndpoint => ({
  kind: "http",
  url: `${server.url}/x`,
  headers: {},
  validator: null,
  mayBePrivate: true,
  hasRanges: true,
  ...more,
});

const read = (endpoint: HttpEndpoint): Promise<boolean> => readWhole(lanes, endpoint, { file, size: SIZE });

describe("a fast lane at a gate", () => {
  it("reads no more than a step where the budget is overdrawn, also if it was let through while it connected", async () => {
    const gate = createRateGate(systemClock);
    gate.limit(1_000_000);
    const others = gate.enter({ pause: () => {}, resume: () => {} });
    const { lane } = createFastLanes({
      clock: systemClock,
      gate,
      secureContext: () => trustContext(authority.ca),
      // The connect begins after the lane was held back, let through and held back again.
      resolve: (_, __, done) => void systemClock.after(150, () => done(null, [{ address: "127.0.0.1", family: 4 }])),
      userAgent: "modelferry/test",
    }).take(at(plain, { url: `http://localhost:${new URL(plain.url).port}/x` }));
    const { sink, ended } = sinkFor(at(plain), lane.slab, { file, size: SIZE });
    others.spend(30_000);
    lane.start(at(plain), sink);
    await systemClock.sleep(80);
    others.spend(2_000_000);
    await until(() => sink.received() > 0);
    await systemClock.sleep(200);
    expect(sink.received()).toBeLessThanOrEqual(gate.stepBytes());
    gate.limit(null);
    expect(await ended).toBe("done");
    lane.destroy();
  });
});

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo() && tries < 500; tries += 1) await systemClock.sleep(10);
  expect(isSo()).toBe(true);
}

describe("createFastLanes()", () => {
  it("gives a lane again to the same origin, and to no other", async () => {
    expect(await read(at(plain))).toBe(false);
    expect(await read(at(plain))).toBe(true);
    expect(await read(at(encrypted))).toBe(false);
    expect(await read(at(encrypted))).toBe(true);
    expect(lanes.count()).toBe(2);
  });

  it("gives what was allowed into a private network to nobody who is not", async () => {
    await read(at(plain));
    expect(() => lanes.take(at(plain, { mayBePrivate: false }))).toThrow(/not a public address/);
  });

  it("closes lanes that nobody took for five seconds", async () => {
    await read(at(plain));
    nowMs = 4_000;
    lanes.sweep();
    expect(await read(at(plain))).toBe(true);
    nowMs = 10_000;
    lanes.sweep();
    await until(() => lanes.count() === 0 && plain.openSockets() === 0);
    expect(await read(at(plain))).toBe(false);
  });

  it("forgets a lane whose server went away", async () => {
    await read(at(plain));
    await plain.die();
    await until(() => lanes.count() === 0);
    await plain.revive();
    expect(await read(at(plain))).toBe(false);
  });

  it("throws for an address that is none", () => {
    expect(() => lanes.take(at(plain, { url: "http://" }))).toThrow();
    expect(() => lanes.take(at(plain, { url: "http://169.254.169.254/x" }))).toThrow(/credentials/);
  });
});
