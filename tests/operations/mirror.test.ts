/** Mirroring into R2's emulator: from all sources at once, nothing on the disk, nothing unproven in the bucket. */
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Event } from "../../src/index.ts";
import { listed, openDesk } from "../net/s3-harness.ts";
import { type Emulator, startEmulator } from "../origins/emulator.ts";
import { covers, flip, isRanged, resetAfter, startHub, startRangeServer, status } from "../origins/index.ts";
import { type Box, weights } from "./box.ts";
import { makePublisher, prefixFor } from "./bucket-box.ts";

const MB = 1024 * 1024;
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
}, 60_000);
afterAll(() => emulator[Symbol.asyncDispose]());

async function filesOf(box: Box): Promise<readonly string[]> {
  const all = await readdir(box.root, { recursive: true, withFileTypes: true }).catch(() => []);
  return all.filter((one) => one.isFile()).map(({ name }) => name);
}

describe("mirror()", () => {
  it("copies from the Hub into the bucket, proven, without a file on this disk", async () => {
    const { content, figures } = await weights("mirror hub", 40 * MB);
    const repo = { name: "org/repo", files: { "m.safetensors": content } };
    await using hub = await startHub({ repos: [repo] });
    await using box = await makePublisher(emulator);
    await box.catalogue([{ name: "hub-a", ...figures, sources: ["hf://org/repo@main/m.safetensors"] }]);
    const environment = { ...box.environment, HF_ENDPOINT: hub.endpoint };
    const to = prefixFor("hub");
    const result = await box.open({ lanes: 3, environment }).mirror({ kits: ["all"], to, manifest: null });
    expect(result).toMatchObject({ sentBytes: 40 * MB, models: [{ status: "sent", sha256: figures.sha256 }] });
    await using desk = openDesk(emulator.access());
    expect(await desk.store.head("hub/loras/hub-a.safetensors")).toMatchObject({ ...figures });
    expect(await listed(desk.store, "hub/")).toContain("hub/loras/hub-a.safetensors.pieces");
    expect(await filesOf(box)).toEqual([]);
    expect(hub.leaks()).toEqual([]);
  });

  it("takes parts from every mirror at once, and what a slow one holds from a fast one", async () => {
    const { content, figures } = await weights("mirror two", 48 * MB);
    await using fast = await startRangeServer({ "/m.safetensors": content }, { shape: { bytesPerSecond: 30 * MB } });
    await using slow = await startRangeServer(
      { "/m.safetensors": content },
      { host: "127.0.0.2", shape: { bytesPerSecond: MB } },
    );
    await using box = await makePublisher(emulator);
    const sources = [slow, fast].map(({ url }) => `${url}/m.safetensors`);
    await box.catalogue([{ name: "two-a", ...figures, sources }]);
    const events: Event[] = [];
    const onEvent = (event: Event): void => void events.push(event);
    const models = box.open({ lanes: 3 });
    await models.mirror({ kits: ["all"], to: prefixFor("mirror-two"), manifest: null, onEvent });
    const summary = events.at(-1);
    expect(summary).toMatchObject({ kind: "summary", ok: true, sentBytes: 48 * MB });
    // Alone, the slow one would need 16 seconds for one part.
    expect(summary?.kind === "summary" && summary.elapsedMs).toBeLessThan(14_000);
    expect(summary?.kind === "summary" && summary.mirrors.map(({ bytes }) => bytes > 0)).toEqual([true, true]);
  });

  it("makes no object of bytes that are not what was declared", async () => {
    const { content, figures } = await weights("mirror lie", 34 * MB);
    await using server = await startRangeServer({ "/m.safetensors": content });
    server.faults.add(covers(20 * MB), flip(20 * MB));
    await using box = await makePublisher(emulator);
    await box.catalogue([{ name: "lie-a", ...figures, sources: [`${server.url}/m.safetensors`] }]);
    await expect(
      box.open({ lanes: 3 }).mirror({ kits: ["all"], to: prefixFor("lie"), manifest: null }),
    ).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringContaining(`expected ${figures.sha256}`),
    });
    await using desk = openDesk(emulator.access());
    expect(await listed(desk.store, "lie/")).toEqual([]);
  });

  it("outlasts resets and refusals on its way in", async () => {
    const { content, figures } = await weights("mirror faults", 34 * MB);
    await using server = await startRangeServer({ "/m.safetensors": content });
    server.faults.add(covers(17 * MB), resetAfter(2 * MB), 2);
    server.faults.add(isRanged, status(503), 2);
    await using box = await makePublisher(emulator);
    await box.catalogue([{ name: "faults-a", ...figures, sources: [`${server.url}/m.safetensors`] }]);
    const result = await box.open({ lanes: 3 }).mirror({ kits: ["all"], to: prefixFor("faults"), manifest: null });
    expect(result.models).toMatchObject([{ status: "sent" }]);
  });

  it("mirrors no model of which nobody knows the digest", async () => {
    const { content, figures } = await weights("mirror unknown", MB);
    await using server = await startRangeServer({ "/m.safetensors": content });
    await using box = await makePublisher(emulator);
    await box.catalogue([{ name: "unknown-a", size: figures.size, sources: [`${server.url}/m.safetensors`] }]);
    await expect(box.open().mirror({ kits: ["all"], to: prefixFor("unknown") })).rejects.toMatchObject({
      code: "DIGEST_UNKNOWN",
    });
  });

  it("leaves alone what the bucket has", async () => {
    const { content, figures } = await weights("mirror again", 20 * MB);
    await using server = await startRangeServer({ "/m.safetensors": content });
    await using box = await makePublisher(emulator);
    await box.catalogue([{ name: "again-a", ...figures, sources: [`${server.url}/m.safetensors`] }]);
    const request = { kits: ["all"], to: prefixFor("again"), manifest: null } as const;
    await box.open({ lanes: 3 }).mirror(request);
    const before = server.bytesSent();
    expect((await box.open({ lanes: 3 }).mirror(request)).models).toMatchObject([{ status: "present", sentBytes: 0 }]);
    expect(server.bytesSent() - before).toBeLessThan(MB);
  });
});
