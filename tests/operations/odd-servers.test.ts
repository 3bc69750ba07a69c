/** sync from the one server there is, which is odd but honest: nobody else could help out. */
import { describe, expect, it } from "vitest";
import { always, capped, chunked, contentRange, type Fault, ignoreRange, startRangeServer } from "../origins/index.ts";
import { bytesOf, makeBox, weights } from "./box.ts";

const MB = 1_000_000;

/** Both of them: no ranges, and no length. */
const streamed: Fault = (reply, asked) => chunked(ignoreRange(reply, asked), asked);

describe("sync() from one server", () => {
  it.each<readonly [string, Fault, number]>([
    ["has no ranges and says no length", streamed, 20 * MB],
    ["says no length of a small file", streamed, 100_000],
    ["says no length of a file as long as the first question", streamed, 65_536],
    ["never says the total", contentRange((start, last) => `bytes ${start}-${last}/*`), 20 * MB],
    ["sends no more than 500 kB at a time", capped(500_000), 20 * MB],
    ["sends no more than 50 kB at a time, of a small file", capped(50_000), 200_000],
  ])("that %s", async (title, fault, size) => {
    const { content, figures } = await weights(title, size);
    await using server = await startRangeServer({ "/x": content });
    server.faults.add(always, fault);
    await using box = await makeBox();
    await box.catalogue([{ name: "x", ...figures, sources: [`${server.url}/x`] }]);
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, fetchedBytes: size, wastedBytes: 0, mirrors: [{ errors: 0 }] });
    expect((await box.read("loras/x.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);
  });

  it.each<readonly [string, Fault]>([
    ["has no ranges and says no length", streamed],
    ["never says the total", contentRange((start, last) => `bytes ${start}-${last}/*`)],
  ])("that %s, but not where no sha256 would prove the size", async (title, fault) => {
    const { content, figures } = await weights(title, 2 * MB);
    await using server = await startRangeServer({ "/x": content });
    server.faults.add(always, fault);
    await using box = await makeBox();
    await box.catalogue([{ name: "x", size: figures.size, sources: [`${server.url}/x`] }]);
    expect((await box.sync()).error).toMatchObject({ code: "MIRROR_LIED" });
  });

  it.each([
    ["longer", 3 * MB],
    ["shorter", 1 * MB],
    ["longer than its few bytes", 150_000],
  ])("that says no length of what is %s than it must be: it takes no name", async (title, size) => {
    const { content } = await weights(title, 2 * MB);
    const { figures } = await weights("other", size);
    await using server = await startRangeServer({ "/x": content });
    server.faults.add(always, streamed);
    await using box = await makeBox();
    await box.catalogue([{ name: "x", ...figures, sources: [`${server.url}/x`] }]);
    const { error } = await box.sync();
    expect(error).not.toBeNull();
    await expect(box.read("loras/x.safetensors")).rejects.toMatchObject({ code: "ENOENT" });
  });
});
