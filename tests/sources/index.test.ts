/** From sources to mirrors: all at once, each judged, nobody waited for in vain. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { pinnedUri } from "../../src/sources/index.ts";
import {
  always,
  type Hub,
  makeSafetensors,
  page,
  type RangeServer,
  stallHead,
  startHub,
  startRangeServer,
  status,
} from "../origins/index.ts";
import { createHarness, type HarnessOptions, only, refusal } from "./harness.ts";

const weights = makeSafetensors({ size: 300_000 });
const other = makeSafetensors({ size: 299_000, seed: "other" });
const PICKLE = Buffer.concat([Buffer.from([0x80, 2]), Buffer.alloc(1000)]);
let one: RangeServer;
let two: RangeServer;
let three: RangeServer;
let hub: Hub;
let sha256: Sha256;

beforeEach(async () => {
  [one, two, three] = (await Promise.all([1, 2, 3].map(() => startRangeServer()))) as [
    RangeServer,
    RangeServer,
    RangeServer,
  ];
  hub = await startHub({ repos: [{ name: "org/repo", files: { "m.safetensors": weights } }] });
  sha256 = await weights.sha256();
});
afterEach(async () => {
  await Promise.all([one.close(), two.close(), three.close(), hub.close()]);
});

const harness = (more: HarnessOptions = {}) =>
  createHarness({ hub: { endpoint: hub.endpoint, token: null, isOffline: false }, ...more });

describe("createSources() mirrorsOf", () => {
  it("finds every mirror, in the order in which they are named, then those of the templates", async () => {
    await using box = harness({ mirrors: [{ name: "ours", template: `${two.url}/store/{path}?n={name}&d={sha256}` }] });
    const path = parseTreePath("loras/a b.safetensors");
    two.put("store/loras/a b.safetensors", weights);
    const { mirrors, dropped } = await box.find(["hf://org/repo/m.safetensors", one.put("m", weights)], {
      path,
      size: 300_000,
      sha256,
    });
    expect(mirrors.map(({ label }) => label)).toEqual([
      new URL(hub.endpoint).host,
      `127.0.0.1:${one.port}`,
      `127.0.0.1:${two.port}`,
    ]);
    expect(two.requests[0]?.url).toBe(`/store/loras/a%20b.safetensors?n=m&d=${sha256}`);
    expect(dropped).toEqual([]);
  });

  it("brings all of a small file with its first answer, unless that is too much for the limit of the rate", async () => {
    const small = makeSafetensors({ size: 200_000 });
    const bytes = Buffer.from(await small.read(0, 200_000));
    const uri = one.put("small", small);
    await using box = harness();
    expect(Buffer.from(only(await box.find([uri], { size: 200_000 })).whole ?? [])).toEqual(bytes);
    expect(only(await box.find([uri])).whole).toBeNull();
    await using slow = harness({ limits: { maxRate: 500_000 } });
    expect(only(await slow.find([uri], { size: 200_000 })).whole).toBeNull();
    expect(one.requests.map(({ range }) => range)).toEqual(["bytes=0-199999", "bytes=0-65535", "bytes=0-65535"]);
    expect(only(await box.find([one.put("m", weights)], { size: 300_000 })).whole).toBeNull();
  });

  it("asks them at the same time", async () => {
    await using box = harness();
    for (const server of [one, two, three]) server.setShape({ latencyMs: 300 });
    const start = systemClock.monotonicMs();
    const { mirrors } = await box.find([one, two, three].map((server) => server.put("m", weights)));
    expect(mirrors.length).toBe(3);
    expect(systemClock.monotonicMs() - start).toBeLessThan(800);
  });

  it("drops a template that has no such file, or wants a digest that nobody knows", async () => {
    await using box = harness({
      mirrors: [
        { name: "a", template: `${two.url}/{path}` },
        { name: "b", template: `${three.url}/{sha256}` },
        { name: "c", template: `${three.url}/{nonsense}` },
      ],
    });
    const { mirrors, dropped } = await box.find([one.put("m", weights)]);
    expect(mirrors.length).toBe(1);
    expect(dropped.map(({ error: { code } }) => code).sort()).toEqual(["SOURCE_INVALID", "SOURCE_NOT_FOUND"]);
    expect(three.requests.length).toBe(0);
  });

  it("counts a place once, however it is called", async () => {
    await using box = harness({ mirrors: [{ name: "again", template: `${one.url}/m` }] });
    const url = one.put("m", weights);
    const commit = hub.repo("org/repo").commit;
    const { mirrors } = await box.find([
      url,
      `${url}#x`,
      "hf://org/repo/m.safetensors",
      `hf://org/repo@${commit}/m.safetensors`,
    ]);
    expect(mirrors.map(({ source }) => source)).toEqual([url, "hf://org/repo@main/m.safetensors"]);
  });

  it("drops a source that cannot be read and keeps the others", async () => {
    await using box = harness();
    const { mirrors, dropped } = await box.find(["hf://nope", one.put("m", weights)]);
    expect(mirrors.length).toBe(1);
    expect(dropped).toMatchObject([{ error: { code: "SOURCE_INVALID" } }]);
  });

  it("drops what is no weights and keeps the others", async () => {
    await using box = harness();
    two.faults.add(always, page());
    const { mirrors, dropped } = await box.find([two.put("m", weights), one.put("m", weights)], {
      size: 300_000,
      sha256,
    });
    expect(mirrors.map(({ label }) => label)).toEqual([`127.0.0.1:${one.port}`]);
    expect(dropped).toMatchObject([
      {
        label: `127.0.0.1:${two.port}`,
        error: { code: "NOT_WEIGHTS", message: expect.stringContaining("<!DOCTYPE html>") },
      },
    ]);
  });

  it("says both sizes when a mirror contradicts the manifest", async () => {
    await using box = harness();
    const error = refusal(await box.find([one.put("m", other)], { size: 300_000 }));
    expect(error).toMatchObject({
      code: "MIRROR_LIED",
      message: expect.stringMatching(/says 299000 bytes, the manifest says 300000/),
    });
  });

  it("says both digests, and where each is from, when a mirror contradicts the manifest", async () => {
    await using box = harness();
    const wrong = "b".repeat(64) as Sha256;
    const error = refusal(await box.find(["hf://org/repo/m.safetensors"], { sha256: wrong }));
    expect(error.code).toBe("DIGEST_CONTRADICTION");
    expect(error.message).toContain(
      `${new URL(hub.endpoint).host} declares sha256 ${sha256}, the manifest says ${wrong}`,
    );
  });

  it("believes the majority when nobody knows the size", async () => {
    await using box = harness();
    const { mirrors, dropped } = await box.find([two.put("m", other), one.put("m", weights), three.put("m", weights)]);
    expect(mirrors.map(({ size }) => size)).toEqual([300_000, 300_000]);
    expect(dropped).toMatchObject([
      {
        label: `127.0.0.1:${two.port}`,
        error: { code: "MIRROR_LIED", message: expect.stringMatching(/says 299000 bytes, .* says 300000/) },
      },
    ]);
  });

  it("believes the one who declares a digest rather than the majority", async () => {
    await using box = harness();
    const { mirrors, dropped } = await box.find([
      one.put("m", other),
      three.put("m", other),
      "hf://org/repo/m.safetensors",
    ]);
    expect(mirrors.map(({ size }) => size)).toEqual([300_000]);
    expect(dropped.length).toBe(2);
  });

  it("refuses pickles by name and content until they are allowed", async () => {
    await using box = harness();
    const path = parseTreePath("checkpoints/m.ckpt");
    const url = one.put("m.ckpt", PICKLE);
    expect(refusal(await box.find([url], { path }))).toMatchObject({
      code: "PICKLE_REFUSED",
      fix: expect.stringMatching(/sha256/),
    });
    expect(only(await box.find([url], { path, allowPickle: true })).size).toBe(PICKLE.length);
    expect(refusal(await box.find([url], { allowPickle: true }))).toMatchObject({
      code: "NOT_WEIGHTS",
      message: expect.stringMatching(/pickle/),
    });
  });

  it("leaves a silent source behind once another one is there", async () => {
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms === 15_000 ? 300 : ms, signal),
    };
    await using box = harness({ clock });
    two.faults.add(always, stallHead());
    const { mirrors, dropped } = await box.find([two.put("m", weights), one.put("m", weights)]);
    expect(mirrors.length).toBe(1);
    expect(dropped).toMatchObject([
      { error: { code: "MIRROR_STALLED", message: expect.stringMatching(/has not answered/) } },
    ]);
  });

  it("waits for the only source there is, however slow", async () => {
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms === 15_000 ? 50 : ms, signal),
    };
    await using box = harness({ clock });
    one.setShape({ latencyMs: 400 });
    two.faults.add(always, status(404));
    expect((await box.find([one.put("m", weights), two.put("m", weights)])).mirrors.length).toBe(1);
  });

  it("ends with the caller's reason", async () => {
    await using box = harness();
    one.faults.add(always, stallHead());
    const abort = new AbortController();
    const wanted = { name: "m", path: parseTreePath("m.safetensors"), size: null, sha256: null, allowPickle: false };
    const asked = box.sources.mirrorsOf(
      { ...wanted, sources: [one.put("m", weights)] },
      { signal: abort.signal, onDropped: () => expect.fail("dropped") },
    );
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it("gives an empty list for a model without sources", async () => {
    await using box = harness();
    expect(await box.find([])).toEqual({ mirrors: [], dropped: [] });
  });
});

describe("createSources() parse, and pinnedUri()", () => {
  it("parse refuses what no source is", async () => {
    await using box = harness();
    expect(() => box.sources.parse("gopher://x")).toThrow(expect.objectContaining({ code: "SOURCE_INVALID" }));
    box.sources.parse("hf://org/repo/a");
  });

  it("pinnedUri names the commit where there is one", () => {
    expect(pinnedUri("hf://org/repo/a", "0".repeat(40))).toBe(`hf://org/repo@${"0".repeat(40)}/a`);
    expect(pinnedUri("hf://org/repo/a", null)).toBe("hf://org/repo@main/a");
    expect(pinnedUri("https://h/a", "0".repeat(40))).toBe("https://h/a");
  });
});
