/** Whom a lane believes to be who it says: every lane refuses a server whose certificate is not in order. */
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLanePool, type LaneEnd } from "../../src/net/lane-pool.ts";
import { type Authority, createAuthority, createNoise, startRangeServer } from "../origins/index.ts";

const SIZE = 10_000;
const content = createNoise("trust")(0, SIZE);
let folder: string;
let file: number;
let authority: Authority;

beforeAll(async () => {
  authority = await createAuthority();
  folder = await mkdtemp(join(tmpdir(), "modelferry-lane-trust-"));
  file = openSync(join(folder, "x.part"), "w+");
});
afterAll(async () => {
  closeSync(file);
  await rm(folder, { recursive: true });
});

async function read(tls: Authority, isGeneral: boolean, extraCa: string | null): Promise<LaneEnd> {
  await using server = await startRangeServer({ "/x": content }, { tls });
  const proxy = { http: null, https: null, none: null };
  const pool = createLanePool({ extraCa, proxy, userAgent: "modelferry/test", workers: { plain: 1, encrypted: 1 } });
  const url = `${server.url}/x`;
  const endpoint = { kind: "http", url, headers: {}, validator: null, mayBePrivate: true, hasRanges: true } as const;
  const asked = { endpoint, file, start: 0, end: SIZE, size: SIZE, isGeneral };
  const ended = new Promise<LaneEnd>((resolve) => {
    pool.start(asked, { onEnd: resolve, onShrunk: () => undefined });
  });
  try {
    return await ended;
  } finally {
    await pool.close();
    expect(server.requests.length).toBe((await ended).kind === "done" ? 1 : 0);
  }
}

describe.each([
  ["fast lane", false],
  ["general lane", true],
])("%s", (_, isGeneral) => {
  it("reads from a server of an authority that a person named", async () => {
    expect(await read(authority, isGeneral, authority.ca)).toEqual({ kind: "done", position: SIZE });
  });

  it("sends nothing to a server of an unknown authority", async () => {
    expect(await read(authority, isGeneral, null)).toMatchObject({
      kind: "failed",
      position: 0,
      failure: { kind: "network", message: expect.stringMatching(/certificate/) },
    });
  });

  it("sends nothing to a server with another's certificate", async () => {
    const wrong = { ...authority, certify: () => authority.certify(["other.example"]) };
    expect(await read(wrong, isGeneral, authority.ca)).toMatchObject({
      kind: "failed",
      failure: { kind: "network", message: expect.stringMatching(/its certificate is for another host/) },
    });
  });

  it("says what is wrong with an authority that cannot be read", async () => {
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect((await read(authority, isGeneral, broken)).kind).toBe("failed");
  });
});
