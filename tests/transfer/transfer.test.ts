import { copyFile, readFile, truncate, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import xxhash from "xxhash-wasm";
import { systemClock } from "../../src/base/clock.ts";
import { ModelsError } from "../../src/base/errors.ts";
import type { Endpoint, Mirror } from "../../src/base/mirror.ts";
import {
  after,
  always,
  capped,
  covers,
  createNoise,
  dieAfter,
  flip,
  isRanged,
  makeSafetensors,
  nth,
  resetAfter,
  retryAfter,
  sha256Of,
  slowFrom,
  stallAfter,
  stallAt,
  stallHead,
  status,
  truncateAfter,
} from "../origins/index.ts";
import { contentOf, isGone, openTransferWorld, until } from "./transfer-world.ts";

const MB = 1_000_000;
const noise = createNoise("transfer");
const small = noise(0, 3 * MB);
const middle = noise(0, 24 * MB);

describe("createTransfer().fetch()", () => {
  it("uses two mirrors together, and proves the whole", async () => {
    await using world = await openTransferWorld();
    const [one, two] = [await world.serve(middle), await world.serve(middle)];
    one.server.setShape({ bytesPerSecond: 12 * MB });
    two.server.setShape({ bytesPerSecond: 12 * MB });
    const job = await world.job(middle, [one.mirror, two.mirror]);
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect((await contentOf(job)).equals(middle)).toBe(true);
    expect(result.shares.map(({ label }) => label).sort()).toEqual(["mirror 1", "mirror 2"]);
    for (const { bytes } of result.shares) expect(bytes).toBeGreaterThan(6 * MB);
    expect(result).toMatchObject({ fetchedBytes: middle.length, wastedBytes: 0, resumedBytes: 0 });
    expect(world.dropped()).toEqual([]);
  });

  it.each([0, 1, 2])("fetches a file of %i bytes", async (size) => {
    await using world = await openTransferWorld();
    const content = noise(7, 7 + size);
    const { mirror } = await world.serve(content);
    const job = await world.job(content, [mirror]);
    expect(await world.transfer.fetch(job)).toMatchObject({ sha256: job.sha256, fetchedBytes: size });
    expect((await contentOf(job)).equals(content)).toBe(true);
  });

  it("takes a file on this box and a server together, and each alone", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 20 * MB });
    const path = `${world.folder}/copy`;
    await writeFile(path, middle);
    const local = { ...mirror, label: "file", source: "file", open: async () => ({ kind: "file", path }) as const };
    for (const mirrors of [[local], [mirror, local]]) {
      const job = await world.job(middle, mirrors);
      const result = await world.transfer.fetch(job);
      expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: middle.length, wastedBytes: 0 });
    }
  });

  it("computes the digest where none is known", async () => {
    await using world = await openTransferWorld();
    const { mirror } = await world.serve(small);
    const job = await world.job(small, [mirror], { sha256: null });
    expect((await world.transfer.fetch(job)).sha256).toBe(await sha256Of(small));
  });

  it("resumes after an abort, and fetches less than 5 % twice", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 10 * MB });
    const abort = new AbortController();
    const job = await world.job(middle, [mirror], { signal: abort.signal });
    const first = world.transfer.fetch(job);
    await until(() => server.bytesSent() > 10 * MB);
    const begun = performance.now();
    abort.abort(new ModelsError("INTERRUPTED", "enough"));
    await expect(first).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(performance.now() - begun).toBeLessThan(1_000);
    server.setShape({});
    const result = await world.transfer.fetch({ ...job, signal: new AbortController().signal });
    expect(result.sha256).toBe(job.sha256);
    expect(result.resumedBytes).toBeGreaterThan(8 * MB);
    expect(result.fetchedBytes).toBe(middle.length - result.resumedBytes);
  });

  it("writes nothing after an abort was answered", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 30 * MB });
    const abort = new AbortController();
    const job = await world.job(middle, [mirror], { signal: abort.signal });
    const fetched = world.transfer.fetch(job);
    await until(() => server.bytesSent() > 4 * MB);
    abort.abort(new Error("stop"));
    await expect(fetched).rejects.toThrow("stop");
    const [content, journal] = [await contentOf(job), await readFile(job.partial.journal)];
    await systemClock.sleep(300);
    expect((await contentOf(job)).equals(content)).toBe(true);
    expect((await readFile(job.partial.journal)).equals(journal)).toBe(true);
  });

  it("does not begin when it was aborted before", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(small);
    const job = await world.job(small, [mirror], { signal: AbortSignal.abort(new Error("no")) });
    await expect(world.transfer.fetch(job)).rejects.toThrow("no");
    expect(server.requests).toEqual([]);
    expect(await isGone(job.partial.content)).toBe(true);
  });

  it("hears an abort that comes while it opens the partial", async () => {
    await using world = await openTransferWorld();
    const { mirror } = await world.serve(middle);
    const abort = new AbortController();
    const job = await world.job(middle, [mirror], { signal: abort.signal });
    const fetched = world.transfer.fetch(job);
    abort.abort(new Error("at once"));
    await expect(fetched).rejects.toThrow("at once");
  });

  it("leaves no listener on the signal of a run", async () => {
    await using world = await openTransferWorld();
    const { mirror } = await world.serve(small);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let file = 0; file < 3; file += 1) await world.transfer.fetch(await world.job(small, [mirror], { signal }));
    expect(listeners).toBe(0);
  });

  it("reads the journal past a torn end", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    const job = await world.job(middle, [mirror]);
    await interrupt(world, job, () => server.bytesSent() > 12 * MB, server);
    const text = await readFile(job.partial.journal);
    await truncate(job.partial.journal, text.length - 7);
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(result.resumedBytes).toBeGreaterThan(0);
  });

  it.each([
    ["a partial of another length", async (content: string) => truncate(content, 77)],
    ["garbage in place of the journal", async (_: string, journal: string) => writeFile(journal, "garbage\n\u0000{}")],
    ["an empty journal", async (_: string, journal: string) => writeFile(journal, "")],
  ])("starts over with %s", async (_, spoil) => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    const job = await world.job(middle, [mirror]);
    await interrupt(world, job, () => server.bytesSent() > 8 * MB, server);
    await spoil(job.partial.content, job.partial.journal);
    expect(await world.transfer.fetch(job)).toMatchObject({ sha256: job.sha256, resumedBytes: 0 });
  });

  it("starts over with the journal of another file", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    const job = await world.job(middle, [mirror]);
    await interrupt(world, job, () => server.bytesSent() > 8 * MB, server);
    const content = noise(1, 1 + middle.length);
    const other = await world.serve(content);
    const next = await world.job(content, [other.mirror], { partial: job.partial });
    expect(await world.transfer.fetch(next)).toMatchObject({ sha256: next.sha256, resumedBytes: 0 });
  });

  it("fetches again what rotted on the disk since the last run, and blames nobody", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    const job = await world.job(middle, [mirror]);
    await interrupt(world, job, () => server.bytesSent() > 12 * MB, server);
    const rotten = await contentOf(job);
    rotten[5] = (rotten[5] as number) ^ 1;
    await writeFile(job.partial.content, rotten);
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(world.dropped()).toEqual([]);
  });

  it("needs no mirror for a partial that is whole", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(small);
    const job = await world.job(small, [mirror]);
    await world.transfer.fetch(job);
    const asked = server.requests.length;
    const result = await world.transfer.fetch({ ...job, mirrors: [] });
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: 0, resumedBytes: small.length });
    expect(server.requests.length).toBe(asked);
  });
});

describe("createTransfer() progress", () => {
  it("says that a partial that is whole is verified, not that it is stalled", async () => {
    await using world = await openTransferWorld({}, { ...systemClock, every: (_ms, run) => systemClock.every(5, run) });
    const { mirror } = await world.serve(middle);
    const job = await world.job(middle, [mirror]);
    await world.transfer.fetch(job);
    world.events.length = 0;
    await world.transfer.fetch(job);
    expect(world.events.filter(({ kind }) => kind === "file-verifying").length).toBeGreaterThan(2);
    expect(world.events.flatMap((event) => (event.kind === "progress" ? event.files : []))).toEqual([]);
  });
});

describe("createTransfer().fetch() with mirrors that lie", () => {
  it("asks a mirror again that once asked for an absurd wait, when the only other one lies", async () => {
    await using world = await openTransferWorld();
    const [liar, other] = [await world.serve(middle), await world.serve(middle)];
    liar.server.faults.add(isRanged, flip(500_000));
    other.server.faults.add(nth(isRanged, 1), retryAfter(1_000_000_000));
    const job = await world.job(middle, [liar.mirror, other.mirror]);
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
  });

  it("finds one liar of three by the whole digest, names it, and has the right bytes", async () => {
    await using world = await openTransferWorld();
    const mirrors = [await world.serve(middle), await world.serve(middle), await world.serve(middle)];
    for (const { server } of mirrors) server.setShape({ bytesPerSecond: 20 * MB });
    mirrors[1]?.server.faults.add(always, flip("all"));
    const job = await world.job(
      middle,
      mirrors.map(({ mirror }) => mirror),
    );
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect((await contentOf(job)).equals(middle)).toBe(true);
    expect(world.dropped()).toEqual([["mirror 2", "MIRROR_LIED"]]);
    const share = result.shares.find(({ label }) => label === "mirror 2");
    expect(share?.errors).toBeGreaterThan(0);
    expect(share?.lastError?.code).toBe("MIRROR_LIED");
    expect(result.wastedBytes).toBe(result.fetchedBytes - middle.length);
  });

  it("names two liars of three", async () => {
    await using world = await openTransferWorld();
    const mirrors = [await world.serve(middle), await world.serve(middle), await world.serve(middle)];
    for (const { server } of mirrors) server.setShape({ bytesPerSecond: 20 * MB });
    mirrors[0]?.server.faults.add(always, flip("all"));
    mirrors[1]?.server.faults.add(always, flip("all"));
    const job = await world.job(
      middle,
      mirrors.map(({ mirror }) => mirror),
    );
    expect((await world.transfer.fetch(job)).sha256).toBe(job.sha256);
    expect([...world.dropped()].sort()).toEqual([
      ["mirror 1", "MIRROR_LIED"],
      ["mirror 2", "MIRROR_LIED"],
    ]);
  });

  it("asks the next mirror alone when the one asked alone dies", async () => {
    await using world = await openTransferWorld();
    const mirrors = [await world.serve(middle), await world.serve(middle)];
    for (const { server } of mirrors) server.setShape({ bytesPerSecond: 20 * MB });
    const [liar, honest] = mirrors;
    if (liar === undefined || honest === undefined) throw new Error("two mirrors");
    liar.server.faults.add(always, flip("all"));
    // The liar has sent its part; from its first second request on, it gives nothing any more.
    let isAlone = false;
    liar.server.faults.add(() => isAlone, status(404));
    honest.server.before(covers(0), () => undefined);
    const job = await world.job(middle, [liar.mirror, honest.mirror]);
    const fetched = world.transfer.fetch(job);
    await until(() => liar.server.bytesSent() + honest.server.bytesSent() >= middle.length);
    isAlone = true;
    expect((await fetched).sha256).toBe(job.sha256);
  });

  it("with a piece table fetches the bad piece alone again, and names the liar", async () => {
    await using world = await openTransferWorld();
    const pieces = await piecesOf(middle, MB);
    const [honest, liar] = [await world.serve(middle), await world.serve(middle)];
    for (const { server } of [honest, liar]) server.setShape({ bytesPerSecond: 15 * MB });
    let lies = 0;
    liar.server.faults.add(
      (asked) => isRanged(asked) && lies++ === 0,
      (reply) => flip(reply.part.start + 10)(reply, null as never),
    );
    const job = await world.job(middle, [honest.mirror, liar.mirror], { pieces });
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(world.dropped()).toEqual([["mirror 2", "MIRROR_LIED"]]);
    expect(result.wastedBytes).toBeLessThan(4 * MB + 2 * MB);
  });

  it("goes on while a bad piece in the middle is fetched again", async () => {
    await using world = await openTransferWorld();
    const pieces = await piecesOf(middle, MB);
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 24 * MB });
    server.faults.add(nth(covers(5_500_000), 1), flip(5_500_000));
    server.faults.add(nth(covers(23_900_000), 1), flip(23_900_000));
    const [one, two] = [mirror, { ...mirror, source: "another", label: "mirror 2" }];
    const job = await world.job(middle, [one, two], { pieces });
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect((await contentOf(job)).equals(middle)).toBe(true);
    expect(result.wastedBytes).toBeLessThanOrEqual(2 * MB);
  });

  it("checks the pieces of a resumed file before their bytes count", async () => {
    await using world = await openTransferWorld();
    const pieces = await piecesOf(middle, MB);
    const { server, mirror } = await world.serve(middle);
    const job = await world.job(middle, [mirror], { pieces });
    await interrupt(world, job, () => server.bytesSent() > 12 * MB, server);
    const rotten = await contentOf(job);
    rotten[500_000] = (rotten[500_000] as number) ^ 1;
    await writeFile(job.partial.content, rotten);
    const other = { ...mirror, source: "another", label: "mirror 2" };
    const result = await world.transfer.fetch({ ...job, mirrors: [mirror, other] });
    expect(result.sha256).toBe(job.sha256);
    expect(result.fetchedBytes).toBe(middle.length - result.resumedBytes + MB);
    expect(world.dropped()).toEqual([]);
  });

  it("throws DIGEST_MISMATCH when every mirror lies, and leaves nothing for the next run", async () => {
    await using world = await openTransferWorld();
    const mirrors = [await world.serve(small), await world.serve(small)];
    for (const { server } of mirrors) server.faults.add(always, flip("all"));
    const job = await world.job(
      small,
      mirrors.map(({ mirror }) => mirror),
    );
    await expect(world.transfer.fetch(job)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect([await isGone(job.partial.content), await isGone(job.partial.journal)]).toEqual([true, true]);
    for (const { server } of mirrors) server.faults.clear();
    expect(await world.transfer.fetch(job)).toMatchObject({ sha256: job.sha256, resumedBytes: 0 });
  });

  it("refuses what has no header of weights long before the last byte", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 10 * MB });
    const job = await world.job(middle, [mirror], { path: "checkpoints/x.safetensors" });
    await expect(world.transfer.fetch(job)).rejects.toMatchObject({ code: "NOT_WEIGHTS" });
    expect(server.bytesSent()).toBeLessThan(8 * MB);
    expect(await isGone(job.partial.journal)).toBe(true);
  });

  it("recovers from a bad header with an honest mirror, and names the other", async () => {
    await using world = await openTransferWorld();
    const weights = makeSafetensors({ size: 20 * MB });
    const [liar, honest] = [await world.serve(noise(9, 9 + 20 * MB)), await world.serve(weights)];
    honest.server.setShape({ bytesPerSecond: 20 * MB, latencyMs: 50 });
    liar.server.setShape({ bytesPerSecond: 20 * MB });
    const job = await world.job(weights, [liar.mirror, honest.mirror], { path: "checkpoints/x.safetensors" });
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(world.dropped()).toEqual([["mirror 1", "MIRROR_LIED"]]);
  });

  it("sees a bad header of a small file that is whole at once, also without a known digest", async () => {
    await using world = await openTransferWorld();
    const { mirror } = await world.serve(noise(0, 30_000));
    const job = await world.job(noise(0, 30_000), [mirror], { path: "vae/x.safetensors", sha256: null });
    await expect(world.transfer.fetch(job)).rejects.toMatchObject({ code: "NOT_WEIGHTS" });
  });

  it("reads headers of any length, in small files and large", async () => {
    await using world = await openTransferWorld();
    for (const size of [2_000, 70_000, 5 * MB]) {
      const weights = makeSafetensors({ size, seed: String(size) });
      const { mirror } = await world.serve(weights);
      const job = await world.job(weights, [mirror], { path: "loras/x.safetensors" });
      expect((await world.transfer.fetch(job)).sha256).toBe(job.sha256);
    }
  });
});

describe("createTransfer().fetch() with mirrors in trouble", () => {
  it("asks once for a new link when a signed one ran out, for all lanes together, and loses no byte", async () => {
    await using world = await openTransferWorld();
    const served = await world.serve(middle);
    const { server, endpoint } = served;
    server.setShape({ bytesPerSecond: 20 * MB });
    let link = 1;
    const opened: (Endpoint | undefined)[] = [];
    const linkTo = (): Endpoint => ({ ...endpoint, url: `${endpoint.url}?link=${link}` });
    server.faults.add(({ query }) => Number(query.get("link")) < link, status(403));
    const mirror = {
      ...served.mirror,
      open: async (_: AbortSignal, refused?: Endpoint): Promise<Endpoint> => {
        opened.push(refused);
        await systemClock.sleep(30);
        return linkTo();
      },
    };
    // The links run out at the moment of a request, so that it and those on their way are refused.
    for (const [at, next] of [
      [10 * MB, 2],
      [20 * MB, 3],
    ] as const) {
      server.before(nth(covers(at), 1), () => {
        link = next;
      });
    }
    const job = await world.job(middle, [mirror]);
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(result.fetchedBytes).toBe(middle.length);
    expect(opened).toEqual([
      undefined,
      { ...endpoint, url: `${endpoint.url}?link=1` },
      { ...endpoint, url: `${endpoint.url}?link=2` },
    ]);
    expect(world.dropped()).toEqual([]);
  });

  it("gives a mirror up that refuses every fresh link", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(small);
    server.faults.add(always, status(403));
    const job = await world.job(small, [mirror]);
    await expect(world.transfer.fetch(job)).rejects.toMatchObject({ code: "SOURCE_UNAUTHORIZED" });
  });

  it("finishes with the other mirror when one dies, and when one was dead at the start", async () => {
    await using world = await openTransferWorld();
    const [dies, dead, lives] = [await world.serve(middle), await world.serve(middle), await world.serve(middle)];
    for (const { server } of [dies, lives]) server.setShape({ bytesPerSecond: 15 * MB });
    await dead.server.die();
    const job = await world.job(middle, [dies.mirror, dead.mirror, lives.mirror]);
    const fetched = world.transfer.fetch(job);
    await until(() => dies.server.bytesSent() > 4 * MB);
    await dies.server.die();
    const result = await fetched;
    expect(result.sha256).toBe(job.sha256);
    expect(result.wastedBytes).toBe(0);
    expect(result.fetchedBytes).toBe(middle.length);
  });

  it("says for each mirror with errors what the last one was, and nothing for the others", async () => {
    await using world = await openTransferWorld();
    const [good, busy, gone] = [await world.serve(middle), await world.serve(middle), await world.serve(middle)];
    good.server.setShape({ bytesPerSecond: 15 * MB });
    busy.server.faults.add(always, status(503));
    gone.server.faults.add(always, status(404));
    const job = await world.job(middle, [good.mirror, busy.mirror, gone.mirror]);
    const { shares } = await world.transfer.fetch(job);
    const errorOf = (label: string): unknown => shares.find((share) => share.label === label)?.lastError;
    expect(errorOf("mirror 1")).toBeUndefined();
    expect(errorOf("mirror 2")).toEqual({ code: "MIRROR_FAILED", message: expect.stringContaining("503") });
    expect(errorOf("mirror 3")).toEqual({ code: "SOURCE_NOT_FOUND", message: expect.stringContaining("404") });
  });

  it("waits for its only mirror to come back", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 30 * MB });
    server.faults.add(nth(covers(9 * MB), 1), dieAfter(500_000, 700));
    const job = await world.job(middle, [mirror]);
    const result = await world.transfer.fetch(job);
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: middle.length, wastedBytes: 0 });
  });

  it("survives a mirror that cuts every answer short", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(small);
    server.faults.add(always, truncateAfter(400_000));
    server.faults.add(after(always, 5), resetAfter(300_000));
    const job = await world.job(small, [mirror]);
    expect(await world.transfer.fetch(job)).toMatchObject({ sha256: job.sha256 });
  });

  it("finds a stall in the head and one in the body within 10 seconds", async () => {
    await using world = await openTransferWorld();
    const [stalls, lives] = [await world.serve(middle), await world.serve(middle)];
    stalls.server.faults.add(nth(always, 1), stallHead());
    stalls.server.faults.add(nth(always, 2), stallAfter(200_000));
    lives.server.setShape({ bytesPerSecond: 40 * MB });
    const job = await world.job(middle, [stalls.mirror, lives.mirror]);
    const begun = performance.now();
    const result = await world.transfer.fetch(job);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: middle.length });
  });

  it("takes the last bytes of a file from another connection when the one that brings them is stuck", async () => {
    await using world = await openTransferWorld();
    const [one, other] = [await world.serve(middle), await world.serve(middle)];
    const stuck = middle.length - 50_000;
    for (const { server } of [one, other]) server.faults.add(covers(middle.length - 1), stallAt(stuck));
    for (const { server } of [one, other]) server.setShape({ connectionBytesPerSecond: 10 * MB });
    const job = await world.job(middle, [one.mirror, other.mirror]);
    const result = await world.transfer.fetch(job);
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: middle.length, wastedBytes: 0 });
    expect(result.shares.every(({ errors }) => errors === 0)).toBe(true);
    expect((await contentOf(job)).equals(middle)).toBe(true);
  });

  it("takes no more from that other connection than it sent, where its server sends less at a time", async () => {
    await using world = await openTransferWorld();
    const [one, other] = [await world.serve(middle), await world.serve(middle)];
    const stuck = middle.length - 50_000;
    for (const { server } of [one, other]) {
      server.faults.add(covers(middle.length - 1), (reply, asked) =>
        (reply.part.start < stuck ? stallAt(stuck) : capped(20_000))(reply, asked),
      );
      server.setShape({ connectionBytesPerSecond: 10 * MB });
    }
    const job = await world.job(middle, [one.mirror, other.mirror]);
    // What was written wrong would be fetched again: then these would be more.
    const result = await world.transfer.fetch(job);
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: middle.length, wastedBytes: 0 });
    expect((await contentOf(job)).equals(middle)).toBe(true);
  });

  it("keeps what a slow connection brought when the one that was asked as well is slower, and counts what came twice", async () => {
    await using world = await openTransferWorld();
    const [one, other] = [await world.serve(middle), await world.serve(middle)];
    const slow = middle.length - 50_000;
    const last = covers(middle.length - 1);
    for (const { server } of [one, other]) {
      server.setShape({ connectionBytesPerSecond: 10 * MB });
      server.faults.add(covers(slow), (reply, asked) => slowFrom(slow - reply.part.start, 40_000)(reply, asked));
      server.faults.add((asked) => last(asked) && !covers(slow)(asked), stallAfter(1_000));
    }
    const job = await world.job(middle, [one.mirror, other.mirror]);
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(result.wastedBytes).toBeGreaterThan(0);
    expect(result.fetchedBytes).toBe(middle.length + result.wastedBytes);
    expect((await contentOf(job)).equals(middle)).toBe(true);
  });

  it("honours the wait that a 429 asks for, and tells of it", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 40 * MB });
    let limitedAt = 0;
    server.faults.add((asked) => {
      if (limitedAt > 0 || !covers(12 * MB)(asked)) return false;
      limitedAt = systemClock.now();
      return true;
    }, retryAfter(2));
    const job = await world.job(middle, [mirror]);
    const result = await world.transfer.fetch(job);
    expect(result).toMatchObject({ sha256: job.sha256, fetchedBytes: middle.length });
    const early = server.requests.filter(({ time }) => time > limitedAt + 150 && time < limitedAt + 1_900);
    expect(early).toEqual([]);
    expect(world.events).toContainEqual(
      expect.objectContaining({ kind: "waiting", on: "rate-limit", model: job.model }),
    );
  });

  it("gives a mirror up that asks for an absurd wait, and says so", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(small);
    server.faults.add(always, retryAfter(1_000_000_000));
    await expect(world.transfer.fetch(await world.job(small, [mirror]))).rejects.toMatchObject({
      code: "MIRROR_RATE_LIMITED",
    });
  });

  it("fetches from a server without ranges, and begins again after a break", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(small, { endpoint: { hasRanges: false } });
    server.faults.add(nth(always, 1), truncateAfter(1_200_000));
    const job = await world.job(small, [mirror]);
    const result = await world.transfer.fetch(job);
    expect(result).toMatchObject({ sha256: job.sha256, wastedBytes: 1_200_000 });
    expect(server.requests.map(({ range }) => range)).toEqual([null, null]);
  });

  it("lets a mirror with ranges take over from one without", async () => {
    await using world = await openTransferWorld();
    const slow = await world.serve(middle, { endpoint: { hasRanges: false } });
    const fast = await world.serve(middle);
    slow.server.setShape({ bytesPerSecond: 2 * MB });
    fast.server.setShape({ latencyMs: 30 });
    const job = await world.job(middle, [slow.mirror, fast.mirror]);
    const begun = performance.now();
    const result = await world.transfer.fetch(job);
    expect(result.sha256).toBe(job.sha256);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(world.dropped()).toEqual([]);
  });

  it("resumes from a server without ranges what another mirror had begun", async () => {
    await using world = await openTransferWorld();
    const ranged = await world.serve(middle);
    const whole = await world.serve(middle, { endpoint: { hasRanges: false } });
    const job = await world.job(middle, [ranged.mirror]);
    await interrupt(world, job, () => ranged.server.bytesSent() > 8 * MB, ranged.server);
    const result = await world.transfer.fetch({ ...job, mirrors: [whole.mirror] });
    expect(result.sha256).toBe(job.sha256);
    expect((await contentOf(job)).equals(middle)).toBe(true);
    expect(whole.server.requests).toHaveLength(1);
  });

  it("proves what is in the file when a server without ranges takes over, and asks it once", async () => {
    await using world = await openTransferWorld({ lanesPerHost: 1 });
    const ranged = await world.serve(middle);
    const whole = await world.serve(middle, { endpoint: { hasRanges: false } });
    ranged.server.faults.add(nth(always, 2, 99), status(404));
    const job = await world.job(middle, [ranged.mirror, whole.mirror]);
    await world.transfer.fetch(job);
    expect(await sha256Of(await contentOf(job))).toBe(job.sha256);
    expect(whole.server.bytesSent()).toBeLessThan(1.1 * middle.length);
  });

  it("asks a mirror anew where it is when its address fails again and again", async () => {
    await using world = await openTransferWorld();
    const [dead, well] = [await world.serve(small), await world.serve(small)];
    dead.server.faults.add(always, status(503));
    const opened: (Endpoint | undefined)[] = [];
    const open: Mirror["open"] = async (_, refused) => {
      opened.push(refused);
      return refused === undefined ? dead.endpoint : well.endpoint;
    };
    const job = await world.job(small, [{ ...dead.mirror, open }]);
    expect(await world.transfer.fetch(job)).toMatchObject({ sha256: job.sha256 });
    expect(opened).toEqual([undefined, dead.endpoint]);
  });

  it("gives up after 90 s without a byte, though a server that says nothing has a lane", async () => {
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 40 };
    await using world = await openTransferWorld({}, clock);
    const { server, mirror } = await world.serve(small);
    server.faults.add(always, stallHead());
    await expect(world.transfer.fetch(await world.job(small, [mirror]))).rejects.toMatchObject({
      code: "MIRROR_FAILED",
    });
  }, 20_000);

  it("names the reason when no mirror is left", async () => {
    await using world = await openTransferWorld();
    const failing = async (): Promise<Endpoint> => {
      throw new ModelsError("SOURCE_NOT_FOUND", "Cannot find it");
    };
    const { mirror } = await world.serve(small, { open: failing });
    await expect(world.transfer.fetch(await world.job(small, [mirror]))).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
      message: expect.stringContaining("mirror 1"),
    });
    await expect(world.transfer.fetch(await world.job(small, []))).rejects.toMatchObject({ code: "MIRROR_FAILED" });
  });
});

describe("createTransfer()", () => {
  it("serves two jobs at once, the one of higher priority first", async () => {
    await using world = await openTransferWorld({ lanes: 1 });
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 30 * MB });
    const low = await world.job(middle, [mirror], { priority: 1 });
    const high = await world.job(middle, [mirror], { priority: 2 });
    const order: string[] = [];
    const run = async (name: string, job: typeof low): Promise<void> => {
      await world.transfer.fetch(job);
      order.push(name);
    };
    await Promise.all([run("low", low), run("high", high)]);
    expect(order).toEqual(["high", "low"]);
  });

  it("opens as many lanes as are asked for, also more than it would find by itself", async () => {
    await using world = await openTransferWorld({ lanes: 20, lanesPerHost: 16 });
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 30 * MB });
    await world.transfer.fetch(await world.job(middle, [mirror]));
    expect(server.acceptedSockets()).toBe(20);
  });

  it("fetches the same model twice at once into different partials", async () => {
    await using world = await openTransferWorld();
    const { mirror } = await world.serve(small);
    const [one, two] = [await world.job(small, [mirror]), await world.job(small, [mirror])];
    const results = await Promise.all([one, two].map((job) => world.transfer.fetch({ ...job, model: "same" })));
    expect(results.map(({ sha256 }) => sha256)).toEqual([one.sha256, two.sha256]);
  });

  it("reports progress that ends with the file", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 24 * MB });
    const job = await world.job(middle, [mirror]);
    await world.transfer.fetch(job);
    const seen = world.events.flatMap((event) => (event.kind === "progress" ? event.files : []));
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.some(({ bytesPerSecond, mirrors }) => bytesPerSecond > 10 * MB && mirrors[0] === "mirror 1")).toBe(
      true,
    );
    const done = seen.map(({ doneBytes }) => doneBytes);
    expect([...done].sort((a, b) => a - b)).toEqual(done);
  });

  it("holds the rate", async () => {
    await using world = await openTransferWorld({ maxRate: 6 * MB });
    const { mirror } = await world.serve(noise(0, 15 * MB));
    const job = await world.job(noise(0, 15 * MB), [mirror]);
    const begun = performance.now();
    await world.transfer.fetch(job);
    const rate = (15 * MB) / ((performance.now() - begun) / 1000);
    expect(rate / (6 * MB)).toBeGreaterThan(0.8);
    expect(rate / (6 * MB)).toBeLessThan(1.15);
    expect(world.dropped()).toEqual([]);
  });

  it("ends what is under way when it is closed, and takes nothing more", async () => {
    await using world = await openTransferWorld();
    const { server, mirror } = await world.serve(middle);
    server.setShape({ bytesPerSecond: 5 * MB });
    const job = await world.job(middle, [mirror]);
    const fetched = expect(world.transfer.fetch(job)).rejects.toMatchObject({ code: "INTERRUPTED" });
    await until(() => server.bytesSent() > MB);
    const begun = performance.now();
    await world.transfer.close();
    expect(performance.now() - begun).toBeLessThan(2_000);
    await fetched;
    await until(() => server.openSockets() === 0);
    await expect(world.transfer.fetch(job)).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("throws DISK_FAILED where the partial cannot be", async () => {
    await using world = await openTransferWorld();
    const { mirror } = await world.serve(small);
    const job = await world.job(small, [mirror]);
    await copyFile(new URL(import.meta.url).pathname, `${world.folder}/in-the-way`);
    const partial = { content: `${world.folder}/in-the-way/x`, journal: `${world.folder}/in-the-way/y` };
    await expect(world.transfer.fetch({ ...job, partial })).rejects.toMatchObject({ code: "DISK_FAILED" });
  });
});

type World = Awaited<ReturnType<typeof openTransferWorld>>;
type Job = Awaited<ReturnType<World["job"]>>;

/** Fetches until `isEnough`, then aborts. */
async function interrupt(
  world: World,
  job: Job,
  isEnough: () => boolean,
  server: { readonly setShape: (shape: { readonly bytesPerSecond?: number }) => void },
): Promise<void> {
  const abort = new AbortController();
  server.setShape({ bytesPerSecond: 30 * MB });
  const fetched = world.transfer.fetch({ ...job, signal: abort.signal });
  await until(isEnough);
  abort.abort(new Error("interrupted"));
  await expect(fetched).rejects.toThrow("interrupted");
  server.setShape({});
}

async function piecesOf(content: Buffer, pieceBytes: number): Promise<{ pieceBytes: number; xxh64: string[] }> {
  const { h64Raw } = await xxhash();
  const count = Math.ceil(content.length / pieceBytes);
  const xxh64 = Array.from({ length: count }, (_, index) =>
    h64Raw(content.subarray(index * pieceBytes, (index + 1) * pieceBytes))
      .toString(16)
      .padStart(16, "0"),
  );
  return { pieceBytes, xxh64 };
}
