/** Fresh addresses, and one resolve for everyone who needs one. */
import { describe, expect, it } from "vitest";
import { deferred } from "../../src/base/flow.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { mirrorOf } from "../../src/sources/reopen.ts";
import { createSharedTask } from "../../src/sources/shared-task.ts";
import type { Resolved } from "../../src/sources/source.ts";

const never = new AbortController().signal;
const endpoint = (url: string, validator: string | null = null): HttpEndpoint => ({
  kind: "http",
  url,
  headers: {},
  validator,
  mayBePrivate: false,
  hasRanges: true,
});
const resolved = (url: string, more: Partial<Resolved> = {}): Resolved => ({
  endpoint: endpoint(url),
  size: 10,
  sha256: null,
  revision: null,
  head: new Uint8Array(),
  staleAtMs: null,
  ...more,
});

describe("createSharedTask() join", () => {
  it("runs once for everyone who waits, and anew for who comes later", async () => {
    let runs = 0;
    const ends = [deferred<number>(), deferred<number>()];
    const task = createSharedTask(() => {
      runs += 1;
      return (ends[runs - 1] as (typeof ends)[0]).promise;
    });
    const both = Promise.all([task.join(never), task.join(never)]);
    ends[0]?.resolve(1);
    expect(await both).toEqual([1, 1]);
    const later = task.join(never);
    ends[1]?.resolve(2);
    expect(await later).toBe(2);
  });

  it("lets one give up without the others, and stops when all have", async () => {
    const signals: AbortSignal[] = [];
    const task = createSharedTask((signal) => {
      signals.push(signal);
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = [task.join(first.signal), task.join(second.signal)].map((one) =>
      one.catch((error: unknown) => error),
    );
    first.abort(new Error("first"));
    expect(await waits[0]).toMatchObject({ message: "first" });
    expect(signals[0]?.aborted).toBe(false);
    second.abort(new Error("second"));
    expect(await waits[1]).toMatchObject({ message: "second" });
    expect(signals[0]?.aborted).toBe(true);
  });

  it("gives everyone the same error, and tries again for the next", async () => {
    let runs = 0;
    const task = createSharedTask(async () => {
      runs += 1;
      if (runs === 1) throw new Error("once");
      return runs;
    });
    const waits = await Promise.allSettled([task.join(never), task.join(never)]);
    expect(waits.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await task.join(never)).toBe(2);
  });
});

describe("mirrorOf() open", () => {
  const make = (first: Resolved, later: readonly Resolved[], now = { ms: 0 }, isPinned = false) => {
    let calls = 0;
    const mirror = mirrorOf(first, {
      label: "h",
      source: "https://h/a",
      clock: { monotonicMs: () => now.ms },
      isPinned,
      resolveAgain: async () => {
        calls += 1;
        return later[calls - 1] as Resolved;
      },
    });
    return { mirror, calls: () => calls };
  };

  it("gives the first address until it is refused, and the next one from then on", async () => {
    const { mirror, calls } = make(resolved("https://h/1"), [resolved("https://h/2")]);
    const first = await mirror.open(never);
    expect(await mirror.open(never)).toBe(first);
    const fresh = await Promise.all([mirror.open(never, structuredClone(first)), mirror.open(never, first)]);
    expect(fresh.map((one) => (one as HttpEndpoint).url)).toEqual(["https://h/2", "https://h/2"]);
    expect(await mirror.open(never, first)).toMatchObject({ url: "https://h/2" });
    expect(calls()).toBe(1);
  });

  it("does not give out an address that is about to run out", async () => {
    const now = { ms: 0 };
    const { mirror, calls } = make(
      resolved("https://h/1", { staleAtMs: 100 }),
      [resolved("https://h/2", { staleAtMs: 300 })],
      now,
    );
    now.ms = 99;
    expect(await mirror.open(never)).toMatchObject({ url: "https://h/1" });
    now.ms = 100;
    expect(await mirror.open(never)).toMatchObject({ url: "https://h/2" });
    expect(calls()).toBe(1);
  });

  it.each([
    ["another size", resolved("https://h/1", { size: 11 }), /11 bytes, before 10 bytes/],
    ["another digest", resolved("https://h/1", { sha256: "b".repeat(64) as Resolved["sha256"] }), /sha256/],
  ])("refuses %s", async (_title, next, message) => {
    const first = resolved("https://h/1", { sha256: "a".repeat(64) as Resolved["sha256"] });
    const { mirror } = make(first, [next]);
    await expect(mirror.open(never, first.endpoint)).rejects.toMatchObject({
      code: "MIRROR_CHANGED",
      message: expect.stringMatching(message),
    });
  });

  const OLD = "Thu, 01 Jan 2026 00:00:00 GMT";
  it.each([
    ["another tag", '"a"', '"b"', /ETag "b", before ETag "a"/],
    ["another date", OLD, OLD.replace(":00 ", ":01 "), /Last-Modified .* before Last-Modified/],
  ])("refuses %s at the same place", async (_title, before, after, message) => {
    const first = resolved("https://h/1?sig=1", { endpoint: endpoint("https://h/1?sig=1", before) });
    const { mirror } = make(first, [resolved("", { endpoint: endpoint("https://h/1?sig=2", after) })]);
    await expect(mirror.open(never, first.endpoint)).rejects.toMatchObject({
      code: "MIRROR_CHANGED",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ["the same tag made weak", '"a"', 'W/"a"'],
    ["no validator any more", '"a"', null],
    ["a date where a tag was", '"a"', OLD],
  ])("goes on with %s", async (_title, before, after) => {
    const first = resolved("https://h/1", { endpoint: endpoint("https://h/1", before) });
    const { mirror } = make(first, [resolved("https://h/1", { endpoint: endpoint("https://h/1", after) })]);
    expect(await mirror.open(never, first.endpoint)).toMatchObject({ validator: after });
  });

  const head = new Uint8Array([1, 2, 3]);
  const tagged = (tag: string, more: Partial<Resolved> = {}): Resolved =>
    resolved("https://h/1", { endpoint: endpoint("https://h/1", tag), head, ...more });

  it("takes another tag of a pinned file for another server's, once the first is back", async () => {
    const first = tagged('"a"');
    const { mirror } = make(first, [tagged('"b"'), tagged('"a"'), tagged('"b"')], undefined, true);
    const second = await mirror.open(never, first.endpoint);
    expect(second).toMatchObject({ validator: '"a"', synonyms: [] });
    const third = await mirror.open(never, second);
    expect(third).toMatchObject({ validator: '"a"', synonyms: ['"a"', '"b"'] });
    expect(await mirror.open(never, third)).toMatchObject({ validator: '"b"', synonyms: ['"a"', '"b"'] });
  });

  it.each([
    ["another size", { size: 11 }, /11 bytes, before 10 bytes/],
    ["another beginning", { head: new Uint8Array([1, 2, 4]) }, /ETag "b", before ETag "a"/],
  ])("refuses %s of a pinned file", async (_title, more, message) => {
    const first = tagged('"a"');
    const { mirror } = make(first, [tagged('"b"', more)], undefined, true);
    await expect(mirror.open(never, first.endpoint)).rejects.toMatchObject({
      code: "MIRROR_CHANGED",
      message: expect.stringMatching(message),
    });
  });

  it("takes another tag at once where the digest that is declared is the same", async () => {
    const sha256 = "a".repeat(64) as Resolved["sha256"];
    const first = tagged('"a"', { sha256 });
    const { mirror } = make(first, [tagged('"b"', { sha256 })]);
    expect(await mirror.open(never, first.endpoint)).toMatchObject({ validator: '"a"', synonyms: ['"a"', '"b"'] });
  });

  it("refuses to start for a caller who has stopped", async () => {
    const { mirror } = make(resolved("https://h/1"), []);
    await expect(mirror.open(AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  });
});
