/** What a run found out about a host is where the next one begins. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { HostPace } from "../../src/base/host-pace.ts";
import { type LoggedRequest, startRangeServer } from "../origins/index.ts";
import { type Box, makeBox, weights } from "./box.ts";

const MB = 1_000_000;
const LATENCY_MS = 400;

async function remembered(box: Box): Promise<readonly HostPace[]> {
  const text = await readFile(join(box.root, ".modelferry/host-paces.json"), "utf8");
  return (JSON.parse(text) as { content: { hosts: readonly HostPace[] } }).content.hosts;
}

/** Ranges that were asked for before the first of them was answered. */
function firstRanges(requests: readonly LoggedRequest[]): number {
  const ranges = requests.filter(({ range }) => /^bytes=\d+-\d{6,}$/.test(range ?? ""));
  return ranges.filter(({ time }) => time - (ranges[0]?.time ?? 0) < LATENCY_MS * 0.9).length;
}

describe("openNetwork()", () => {
  it("begins with the number of lanes that the run before found best, and with four under a limit of the rate", async () => {
    await using box = await makeBox();
    await using server = await startRangeServer({}, { shape: { connectionBytesPerSecond: 4 * MB } });
    const { content, figures } = await weights("paces", 48 * MB);
    const entry = { ...figures, sources: [server.put("a.safetensors?token=secret", content)] };
    await box.catalogue([{ name: "a", ...entry }]);
    expect((await box.sync()).error).toBeNull();
    const [pace] = await remembered(box);
    expect(pace).toMatchObject({ origin: server.url });
    expect(pace?.lanes).toBeGreaterThan(4);
    expect(JSON.stringify(pace)).not.toContain("secret");

    const { content: next, figures: more } = await weights("other paces", 48 * MB);
    await box.catalogue([{ name: "b", ...more, sources: [server.put("b.safetensors", next)] }]);
    server.setShape({ connectionBytesPerSecond: 4 * MB, latencyMs: LATENCY_MS });
    const known = server.requests.length;
    expect((await box.sync()).error).toBeNull();
    expect(firstRanges(server.requests.slice(known))).toBe(pace?.lanes);

    const limited = server.requests.length;
    await rm(join(box.root, "loras/b.safetensors"));
    expect((await box.sync({ maxRate: 100 * MB })).error).toBeNull();
    expect(firstRanges(server.requests.slice(limited))).toBe(4);
  });

  it("remembers what an interrupted run found out", async () => {
    await using box = await makeBox();
    await using server = await startRangeServer({}, { shape: { connectionBytesPerSecond: 4 * MB } });
    const { content, figures } = await weights("interrupted", 200 * MB);
    await box.catalogue([{ name: "a", ...figures, sources: [server.put("a.safetensors", content)] }]);
    const interrupt = new AbortController();
    const { error } = await box.sync({
      signal: interrupt.signal,
      onEvent: (event) => {
        if (event.kind === "progress" && (event.files[0]?.doneBytes ?? 0) > 40 * MB) interrupt.abort();
      },
    });
    expect(error).toMatchObject({ code: "INTERRUPTED" });
    expect(await remembered(box)).toMatchObject([{ origin: server.url }]);
  });
});
