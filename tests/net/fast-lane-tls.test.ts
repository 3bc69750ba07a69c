/** What a fast lane says when it greets a TLS server, as the server hears it. */
import { closeSync, openSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { createFastLanes, type FastLanes } from "../../src/net/fast-lanes.ts";
import { createRateGate } from "../../src/net/rate-gate.ts";
import { trustContext } from "../../src/net/trust.ts";
import { type Authority, createAuthority } from "../origins/index.ts";
import { readWhole } from "./whole-reads.ts";

const content = Buffer.from("weights");
const name = "weights.example";

/** One handshake. */
interface Greeting {
  /** The name that was asked for (SNI); false for none. */
  readonly servername: string | false;
  readonly isResumed: boolean;
}

let authority: Authority;
let server: Server;
let greetings: Greeting[];
let offered: (readonly string[])[];
let nowMs: number;
let lanes: FastLanes;
let file: number;

beforeAll(async () => {
  authority = await createAuthority();
});
beforeEach(() => {
  greetings = [];
  offered = [];
  nowMs = 0;
  file = openSync("/dev/null", "w");
  lanes = createFastLanes({
    clock: { monotonicMs: () => nowMs },
    gate: createRateGate(systemClock),
    secureContext: () => trustContext(authority.ca),
    resolve: (_, __, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
    userAgent: "modelferry/test",
  });
});
afterEach(async () => {
  await closeLanes();
  await new Promise((resolve) => server.close(resolve));
  closeSync(file);
});

/** Answers every request with the whole content as a range; of several protocols it would choose h2. */
async function listen(maxVersion: "TLSv1.2" | "TLSv1.3" = "TLSv1.3"): Promise<void> {
  const head = `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-${content.length - 1}/${content.length}`;
  const options = {
    ...(await authority.certify([name, "127.0.0.1"])),
    maxVersion,
    ALPNCallback: ({ protocols }: { readonly protocols: readonly string[] }) => {
      offered.push(protocols);
      return protocols.includes("h2") ? "h2" : "http/1.1";
    },
  };
  server = createServer(options, (socket) => {
    // Types know the name of a client's socket only.
    const { servername } = socket as typeof socket & { readonly servername: string | false };
    greetings.push({ servername, isResumed: socket.isSessionReused() });
    socket.on("data", () => socket.write(`${head}\r\nContent-Length: ${content.length}\r\n\r\n${content}`));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

/** Reads the content over a new connection to `host`. */
async function readAnew(host: string): Promise<void> {
  const url = `https://${host}:${(server.address() as AddressInfo).port}/x`;
  const endpoint: HttpEndpoint = {
    kind: "http",
    url,
    headers: {},
    validator: null,
    mayBePrivate: true,
    hasRanges: true,
  };
  expect(await readWhole(lanes, endpoint, { file, size: content.length })).toBe(false);
  await closeLanes();
}

async function closeLanes(): Promise<void> {
  nowMs += 10_000;
  lanes.sweep();
  for (let tries = 0; lanes.count() > 0 && tries < 500; tries += 1) await systemClock.sleep(10);
  expect(lanes.count()).toBe(0);
}

describe("openFastLane() over TLS", () => {
  it("offers http/1.1 and nothing else (ALPN)", async () => {
    await listen();
    await readAnew(name);
    expect(offered).toEqual([["http/1.1"]]);
  });

  it("sends the name of the host (SNI)", async () => {
    await listen();
    await readAnew(name);
    expect(greetings).toMatchObject([{ servername: name }]);
  });

  it("sends no name for an address, as RFC 6066 section 3 wants it", async () => {
    await listen();
    await readAnew("127.0.0.1");
    expect(greetings).toMatchObject([{ servername: false }]);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("takes up the session of an earlier connection: %s", async (version) => {
    await listen(version);
    for (let connection = 0; connection < 3; connection += 1) await readAnew(name);
    expect(greetings.map(({ isResumed }) => isResumed)).toEqual([false, true, true]);
  });

  it("takes up no session of another host", async () => {
    await listen();
    await readAnew(name);
    await readAnew("127.0.0.1");
    expect(greetings.map(({ isResumed }) => isResumed)).toEqual([false, false]);
  });
});
