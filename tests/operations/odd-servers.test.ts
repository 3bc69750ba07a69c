/** sync from the one server there is, which is odd but honest: nobody else could help out. */
import { describe, expect, it } from "vitest";
import {
  always,
  capped,
  chunked,
  contentRange,
  type Fault,
  ignoreRange,
  isRanged,
  nth,
  type RangeServer,
  startBalancer,
  startRangeServer,
} from "../origins/index.ts";
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

describe("sync() from one address behind which several servers have validators of their own", () => {
  const OLD = "Thu, 02 Jan 2020 03:04:05 GMT";
  const LATER = OLD.replace(":05", ":06");
  const versions = [
    ["strong tags", { etag: '"a"' }, { etag: '"b"' }],
    ["weak tags", { etag: 'W/"a"' }, { etag: 'W/"b"' }],
    ["dates", { etag: null, lastModified: OLD }, { etag: null, lastModified: LATER }],
  ] as const;
  const cases = versions.flatMap((one) => [[...one, "connection"] as const, [...one, "request"] as const]);

  it.each(cases)("%s, dealt out by connection or request", async (title, first, second, by) => {
    const { content, figures } = await weights(`${title} ${by}`, 24 * MB);
    const shape = { bytesPerSecond: 40 * MB };
    await using one = await startRangeServer({ "/x": { content, ...first } }, { shape });
    await using other = await startRangeServer({ "/x": { content, ...second } }, { shape });
    await using balancer = await startBalancer([one, other], by);
    await using box = await makeBox();
    await box.catalogue([{ name: "x", ...figures, sources: [`${balancer.url}/x`] }]);
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, fetchedBytes: figures.size });
    expect((await box.read("loras/x.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);
  });

  it.each([
    ["another beginning", 0, /now has ETag/],
    ["the same beginning", 65_536, /the file changed while it was fetched/],
  ])(
    "still ends, soon and by name, when the file was replaced by one of its size with %s",
    async (title, at, words) => {
      const { content, figures } = await weights(title, 40 * MB);
      const before = Buffer.from(await bytesOf(content));
      const replaced = Buffer.concat([before.subarray(0, at), before.subarray(at).map((byte) => byte ^ 1)]);
      await using server = await startRangeServer({ "/x": content }, { shape: { bytesPerSecond: 40 * MB } });
      server.before(nth(isRanged, 4), () => server.put("/x", replaced));
      await using box = await makeBox();
      await box.catalogue([{ name: "x", ...figures, sources: [`${server.url}/x`] }]);
      const { error } = await box.sync();
      expect(error).toMatchObject({ code: "MIRROR_CHANGED", message: expect.stringMatching(words) });
      expect(probesOf(server)).toBeLessThanOrEqual(12);
      expect(server.requests.length).toBeLessThan(100);
      await expect(box.read("loras/x.safetensors")).rejects.toMatchObject({ code: "ENOENT" });
    },
    30_000,
  );

  it("still ends at once where no sha256 would prove what came", async () => {
    const { content, figures } = await weights("unproven", 40 * MB);
    await using one = await startRangeServer({ "/x": { content, etag: '"a"' } });
    await using other = await startRangeServer({ "/x": { content, etag: '"b"' } });
    await using balancer = await startBalancer([one, other], "request");
    await using box = await makeBox();
    await box.catalogue([{ name: "x", size: figures.size, sources: [`${balancer.url}/x`] }]);
    const { error } = await box.sync({ trustFirstUse: true });
    expect(error).toMatchObject({ code: "MIRROR_CHANGED" });
  });
});

const probesOf = ({ requests }: RangeServer): number =>
  requests.filter(({ range }) => range === "bytes=0-65535").length;
