/** sync, end to end: real origins, a real tree, nothing replaced. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startHub, startRangeServer } from "../origins/index.ts";
import { bytesOf, makeBox, weights } from "./box.ts";

const MB = 1_000_000;

describe("sync()", () => {
  it("fetches from two mirrors at once, and a second sync sends no request and fetches nothing", async () => {
    const { content, figures } = await weights("two mirrors", 24 * MB);
    await using one = await startRangeServer({ "/a.safetensors": content }, { shape: { bytesPerSecond: 40 * MB } });
    await using two = await startRangeServer(
      { "/a.safetensors": content },
      { host: "127.0.0.2", shape: { bytesPerSecond: 40 * MB } },
    );
    await using box = await makeBox();
    const sources = [`${one.url}/a.safetensors`, `${two.url}/a.safetensors`];
    await box.catalogue([{ name: "box-a", ...figures, sources }]);

    const first = await box.sync();
    expect(first.error).toBeNull();
    expect(first.summary).toMatchObject({ ok: true, models: 1, fetchedBytes: figures.size, reusedBytes: 0 });
    expect(first.summary.mirrors.map(({ bytes }) => bytes > 0)).toEqual([true, true]);
    expect(first.summary.mirrors.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(figures.size);
    expect((await box.read("loras/box-a.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);

    const asked = one.requests.length + two.requests.length;
    const second = await box.sync();
    expect(second.summary).toMatchObject({ ok: true, fetchedBytes: 0, mirrors: [] });
    expect(one.requests.length + two.requests.length).toBe(asked);
  });
});
