/** What every lane must do, whatever carries it: the right bytes at the right place, or a failure with the right name. */
import { openSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { LaneEnd } from "../../src/net/lane-pool.ts";
import type { LaneFailure } from "../../src/net/lane-protocol.ts";
import {
  always,
  capped,
  chunked,
  contentRange,
  dropAfter,
  duplicateHeader,
  etag,
  type Fault,
  gzip,
  headers,
  hints,
  hugeHeaders,
  ignoreRange,
  lfsPointer,
  longBody,
  multipart,
  page,
  rateLimited,
  redirectTo,
  resetAfter,
  retryAfter,
  shortBody,
  slowFrom,
  stallAfter,
  stallHead,
  status,
  truncateAfter,
} from "../origins/index.ts";
import { type LaneKind, type LaneWorld, openLaneWorld, WORLD_BYTES, worldContent } from "./lane-world.ts";

const START = 100_001;
const END = 2_400_003;

export function describeLane(kind: LaneKind): void {
  describe(`${kind.name}`, () => {
    let world: LaneWorld;
    beforeAll(async () => {
      world = await openLaneWorld(kind);
    });
    afterEach(async () => {
      world.server.faults.clear();
      world.server.setShape({});
      await world.startFresh();
    });
    afterAll(() => world.close());

    /** What is on disk up to the position that was told must be right; nothing else is promised. */
    const expectRight = (end: LaneEnd, start = START): void => {
      const have = world.written(start, end.position);
      expect(have.length).toBe(end.position - start);
      expect(have.equals(worldContent.subarray(start, end.position))).toBe(true);
    };
    const failing = async (fault: Fault): Promise<LaneFailure> => {
      world.server.faults.add(always, fault);
      const end = await world.read(START, END);
      expectRight(end);
      if (end.kind !== "failed") throw new Error(`it ended as ${end.kind} at ${end.position}, expected a failure`);
      return end.failure;
    };

    it("puts the bytes of a range at their place and nothing beside it", async () => {
      const end = await world.read(START, END);
      expect(end).toEqual({ kind: "done", position: END });
      expectRight(end);
      expect(world.written(0, START).equals(Buffer.alloc(START))).toBe(true);
      expect(world.written(END, WORLD_BYTES).length).toBe(0);
    });

    it("asks with identity, its user agent, the validator and the endpoint's headers", async () => {
      const endpoint = { ...world.endpoint, headers: { Authorization: "Bearer t" } };
      await world.read(0, 1000, { endpoint });
      expect(world.server.requests.at(-1)?.headers).toMatchObject({
        range: "bytes=0-999",
        "accept-encoding": "identity",
        "user-agent": "modelferry/test",
        "if-match": '"one"',
        authorization: "Bearer t",
      });
    });

    it.each([
      ["the first byte", 0, 1],
      ["the last byte", WORLD_BYTES - 1, WORLD_BYTES],
      ["a slab and a bit", 5, 5 + 1024 * 1024 + 1],
      ["the whole file", 0, WORLD_BYTES],
    ])("reads %s", async (_, start, end) => {
      const ended = await world.read(start, end);
      expect(ended).toEqual({ kind: "done", position: end });
      expectRight(ended, start);
    });

    it("reads many ranges one after the other over one connection", async () => {
      await world.read(0, 1000);
      const before = world.server.acceptedSockets();
      for (let at = 0; at < 20; at += 1) {
        const end = await world.read(at * 50_000, (at + 1) * 50_000);
        expect(end.kind).toBe("done");
      }
      expectRight({ kind: "done", position: 1_000_000 }, 0);
      expect(world.server.acceptedSockets() - before).toBeLessThanOrEqual(kind.isTls && !kind.isGeneral ? 1 : 0);
    });

    it("reads many ranges at once into their places", async () => {
      const step = 100_000;
      const ends = await Promise.all(
        Array.from({ length: 30 }, (_, index) => world.read(index * step, (index + 1) * step)),
      );
      expect(new Set(ends.map((end) => end.kind))).toEqual(new Set(["done"]));
      expectRight({ kind: "done", position: 30 * step }, 0);
    });

    it("shrinks: stops at the new end, and says which end holds", async () => {
      world.server.setShape({ bytesPerSecond: 4_000_000 });
      const { lane, ended, shrunk } = world.start(START, END);
      await received(lane.received, START + 1);
      lane.shrink(START + 1_000_000);
      const end = await ended;
      expect(shrunk).toHaveLength(1);
      expect(end).toEqual({ kind: "done", position: shrunk[0] });
      expect(shrunk[0]).toBeLessThan(END);
      expectRight(end);
      world.server.setShape({});
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("shrinks to less than what has come in: what is there holds", async () => {
      world.server.faults.add(always, stallAfter(500_000));
      const { lane, ended, shrunk } = world.start(START, END);
      await received(lane.received, START + 500_000);
      lane.shrink(START + 10);
      expect(await ended).toEqual({ kind: "done", position: START + 500_000 });
      expect(shrunk).toEqual([START + 500_000]);
      expectRight(await ended);
    });

    it("cancels: keeps what came in, and closes the connection", async () => {
      world.server.faults.add(always, stallAfter(300_000));
      const { lane, ended } = world.start(START, END);
      await received(lane.received, START + 300_000);
      lane.cancel();
      const end = await ended;
      expect(end).toEqual({ kind: "cancelled", position: START + 300_000 });
      expectRight(end);
      await until(() => world.server.requests.at(-1)?.isDone === true);
      world.server.faults.clear();
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("cancels before the head has come", async () => {
      world.server.faults.add(always, stallHead());
      const before = world.server.requests.length;
      const { lane, ended } = world.start(START, END);
      await until(() => world.server.requests.length > before);
      lane.cancel();
      expect(await ended).toEqual({ kind: "cancelled", position: START });
    });

    it("ignores orders for a range that has ended, although its slot is in use again", async () => {
      const first = world.start(0, 1000);
      await first.ended;
      world.server.setShape({ bytesPerSecond: 8_000_000 });
      const second = world.start(START, END);
      first.lane.cancel();
      first.lane.shrink(0);
      expect(await second.ended).toEqual({ kind: "done", position: END });
      expect([first.lane.received(), first.lane.written()]).toEqual([1000, 1000]);
    });

    it("tells how far it is while it reads, and writes within a moment what came in", async () => {
      world.server.faults.add(always, stallAfter(70_000));
      const { lane, ended } = world.start(START, END);
      await received(lane.written, START + 70_000);
      expect(lane.received()).toBe(START + 70_000);
      expect(world.written(START, START + 70_000).equals(worldContent.subarray(START, START + 70_000))).toBe(true);
      lane.cancel();
      await ended;
    });

    it("reads a range into memory that threads share, and nothing into the file", async () => {
      const memory = new Uint8Array(new SharedArrayBuffer(END - START));
      expect(await world.read(START, END, { file: memory })).toEqual({ kind: "done", position: END });
      expect(Buffer.from(memory).equals(worldContent.subarray(START, END))).toBe(true);
      expect(world.written(START, END).length).toBe(0);
    });

    it("survives a slow trickle", async () => {
      world.server.faults.add(always, slowFrom(1000, 200_000));
      const end = await world.read(START, START + 100_000);
      expect(end).toEqual({ kind: "done", position: START + 100_000 });
      expectRight(end);
    });

    it.each([
      ["a body that is closed early", truncateAfter(1_500_000), 1_500_000],
      ["a body that ends without a goodbye", dropAfter(1_500_000), 1_500_000],
      ["a body of which nothing came", truncateAfter(0), 0],
    ])("fails with what came in: %s", async (_, fault, bytes) => {
      world.server.faults.add(always, fault);
      const end = await world.read(START, END);
      expect(end).toMatchObject({ kind: "failed", position: START + bytes, failure: { kind: "network" } });
      expectRight(end);
    });

    it("fails with what came in: a reset", async () => {
      world.server.faults.add(always, resetAfter(1_500_000));
      const end = await world.read(START, END);
      expect(end).toMatchObject({ kind: "failed", failure: { kind: "network" } });
      expect(end.position).toBeGreaterThan(START);
      expectRight(end);
    });

    it("waits in silence for a body or head that stalls: whoever plans decides how long", async () => {
      world.server.faults.add(always, stallHead("torn"));
      const { lane, ended } = world.start(START, END);
      await systemClock.sleep(50);
      lane.cancel();
      expect((await ended).kind).toBe("cancelled");
    });

    it.each([
      ["200 with the whole file", ignoreRange, "lied", /200/],
      ["an HTML page", page(), "lied", /page/],
      ["a git pointer", lfsPointer("ab".repeat(32), 5), "lied", /200/],
      [
        "another start",
        contentRange((start, last, total) => `bytes ${start + 1}-${last}/${total}`),
        "lied",
        /bytes 100002-/,
      ],
      [
        "another end",
        contentRange((start, last, total) => `bytes ${start}-${last + 1}/${total}`),
        "lied",
        /sent bytes/,
      ],
      [
        "an end before that of its body",
        contentRange((start, last, total) => `bytes ${start}-${last - 1}/${total}`),
        "lied",
        /announced/,
      ],
      ["another total", contentRange((start, last) => `bytes ${start}-${last}/99`), "changed", /99 bytes/],
      ["no Content-Range", contentRange(() => null), "lied", /Content-Range/],
      ["garbage as Content-Range", contentRange(() => "bytes=0-1"), "lied", /Content-Range/],
      ["gzip", gzip, "lied", /Content-Encoding "gzip"/],
      ["several ranges", multipart, "lied", /several ranges|Content-Range/],
      ["a shorter body that says so", shortBody(10), "lied", /announced/],
      ["a longer body that says so", longBody(10), "lied", /announced/],
      ["416 to a valid range", status(416), "lied", /416/],
      ["416 with another size", status(416, { "Content-Range": "bytes */77" }), "changed", /77 bytes/],
      ["another ETag", etag('"two"'), "changed", /ETag/],
      ["412", status(412), "changed", /412/],
      ["401", status(401), "refused", /401/],
      ["403", status(403), "refused", /403/],
      ["404", status(404), "refused", /404/],
      ["410", status(410), "refused", /410/],
      ["451", status(451), "refused", /451/],
      ["a redirect", redirectTo("http://127.0.0.1:1/elsewhere"), "refused", /302/],
      ["418", status(418), "lied", /418/],
    ] as const)("refuses %s", async (_, fault, failure, message) => {
      expect(await failing(fault)).toMatchObject({ kind: failure, message: expect.stringMatching(message) });
    });

    it.each([
      ["429 with RateLimit", rateLimited(87), 429, 88_000],
      ["429 with Retry-After", retryAfter(3), 429, 3_000],
      ["503 with Retry-After", retryAfter(2, 503), 503, 2_000],
      ["503 without a word", status(503), 503, null],
      ["500", status(500), 500, null],
      ["408", status(408), 408, null],
    ] as const)("is told to wait: %s", async (_, fault, code, waitMs) => {
      expect(await failing(fault)).toMatchObject({ kind: "busy", status: code, waitMs });
    });

    it("takes the same tag as a weak one for the same file", async () => {
      world.server.faults.add(always, etag('W/"one"'));
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("takes an answer without its tag: a cache may have lost it", async () => {
      world.server.faults.add(always, etag(null));
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("holds the date of a file without a tag against the answer's, and makes no condition of it", async () => {
      const [validator, other] = ["Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:01 GMT"];
      const endpoint = { ...world.endpoint, validator };
      world.server.faults.add(always, headers({ ETag: null, "Last-Modified": validator }), 1);
      expect((await world.read(START, END, { endpoint })).kind).toBe("done");
      expect(world.server.requests.at(-1)?.headers).not.toHaveProperty("if-match");
      world.server.faults.add(always, headers({ ETag: null, "Last-Modified": other }));
      expect(await world.read(START, END, { endpoint })).toMatchObject({
        kind: "failed",
        position: START,
        failure: { kind: "changed", message: expect.stringMatching(/Last-Modified/) },
      });
    });

    it("hears 412 when the file was replaced", async () => {
      world.server.put("/replaced.bin", { content: worldContent, etag: '"new"' });
      const endpoint = { ...world.endpoint, url: `${world.server.url}/replaced.bin` };
      expect(await world.read(START, END, { endpoint })).toMatchObject({
        kind: "failed",
        failure: { kind: "changed" },
      });
    });

    it("takes no bytes behind the end of a range, however many are sent", async () => {
      world.server.faults.add(always, longBody(5_000, false));
      const end = await world.read(START, END);
      // The range is right; what the connection carries beyond it is not looked at, and no other range meets it.
      if (end.kind === "failed") expect(end.failure.kind).toMatch(/network|lied/);
      expectRight(end);
      expect(world.written(END, WORLD_BYTES).length).toBe(0);
      world.server.faults.clear();
      for (let at = 0; at < 5; at += 1) {
        expect(await world.read(START, START + 90_000)).toEqual({ kind: "done", position: START + 90_000 });
      }
    });

    it("takes what a server sends that sends no more than so much at a time, over one connection", async () => {
      world.server.faults.add(always, capped(70_000));
      await world.read(START, END);
      const before = world.server.acceptedSockets();
      const end = await world.read(START, END);
      expect(end).toEqual({ kind: "done", position: START + 70_000 });
      expectRight(end);
      expect(world.written(START + 70_000, END).length).toBe(0);
      expect(await world.read(START + 70_000, START + 90_000)).toMatchObject({ position: START + 90_000 });
      if (!kind.isGeneral) expect(world.server.acceptedSockets()).toBe(before);
    });

    it("takes a range whose total is left open", async () => {
      world.server.faults.add(
        always,
        contentRange((start, last) => `bytes ${start}-${last}/*`),
      );
      const end = await world.read(START, END);
      expect(end).toEqual({ kind: "done", position: END });
      expectRight(end);
    });

    it("refuses a head that says one thing twice", async () => {
      expect((await failing(duplicateHeader("Content-Length", "5"))).kind).toMatch(/lied|network/);
      world.server.faults.clear();
      expect((await failing(duplicateHeader("Content-Range", `bytes 0-1/${WORLD_BYTES}`))).kind).toBe("lied");
    });

    it("refuses a head without an end", async () => {
      expect((await failing(hugeHeaders(40_000))).kind).toMatch(/lied|network/);
    });

    it("passes over a few interim answers", async () => {
      world.server.faults.add(always, hints(3));
      const end = await world.read(START, END);
      expect(end.kind).toBe("done");
      expectRight(end);
    });

    it("refuses a flood of interim answers, or drinks it up", async () => {
      world.server.faults.add(always, hints(2_000));
      const end = await world.read(START, END);
      expectRight(end);
      if (!kind.isGeneral) expect(end).toMatchObject({ kind: "failed", failure: { kind: "lied" } });
    });

    it("reads chunked answers on the general lane, and passes them to it from the fast one", async () => {
      world.server.faults.add(always, chunked);
      const end = await world.read(START, END);
      if (kind.isGeneral) expect(end).toEqual({ kind: "done", position: END });
      else expect(end).toMatchObject({ kind: "failed", position: START, failure: { kind: "unusual" } });
      expectRight(end);
    });

    it("stops reading a chunked answer that has no end", async () => {
      world.server.faults.add(always, longBody(50_000_000, false));
      world.server.faults.add(always, chunked);
      const end = await world.read(START, END, { isGeneral: true });
      expect(end).toEqual({ kind: "done", position: END });
      expectRight(end);
      expect(world.written(END, WORLD_BYTES).length).toBe(0);
      await until(() => world.server.requests.at(-1)?.isDone === true);
    });

    it("keeps working when every kind of answer came before on the same threads", async () => {
      const faults = [
        page(),
        status(403),
        gzip,
        truncateAfter(10),
        hugeHeaders(70_000),
        headers({ ETag: '"x"' }),
        multipart,
      ];
      for (const fault of faults) {
        world.server.faults.add(always, fault, 1);
        await world.read(START, END);
        const end = await world.read(START, END);
        expect(end).toEqual({ kind: "done", position: END });
      }
      expectRight({ kind: "done", position: END });
    });

    it("retries a connection that the server closed while it was idle", async () => {
      await world.read(0, 1000);
      await world.server.die();
      await world.server.revive();
      expect(await world.read(START, END)).toEqual({ kind: "done", position: END });
    });

    it("fails when nobody listens", async () => {
      await world.server.die();
      const end = await world.read(START, END);
      await world.server.revive();
      expect(end).toMatchObject({ kind: "failed", position: START });
      if (end.kind === "failed") expect(end.failure.kind).toBe("network");
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("calls a disk that does not take the bytes a disk failure", async () => {
      const [full, readOnly] = [openSync("/dev/full", "w"), openSync("/dev/null", "r")];
      expect(await world.read(START, END, { file: full })).toMatchObject({
        kind: "failed",
        position: START,
        failure: { kind: "disk", code: "ENOSPC" },
      });
      expect(await world.read(START, START + 1000, { file: readOnly })).toMatchObject({
        kind: "failed",
        position: START,
        failure: { kind: "disk", code: "EBADF" },
      });
      // The bytes are few, so only the timer writes them.
      world.server.faults.add(always, stallAfter(1000), 1);
      expect(await world.read(START, END, { file: full })).toMatchObject({ failure: { kind: "disk", code: "ENOSPC" } });
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("refuses headers that would break the request, without printing them", async () => {
      const endpoint = { ...world.endpoint, headers: { Authorization: "Bearer secret\r\nX-Evil: 1" } };
      const end = await world.read(START, END, { endpoint });
      expect(end).toMatchObject({ kind: "failed", failure: { kind: "lied" } });
      expect(JSON.stringify(end)).not.toContain("secret");
      expect((await world.read(START, END)).kind).toBe("done");
    });

    it("refuses addresses that are not for it", async () => {
      const endpoint = { ...world.endpoint, mayBePrivate: false };
      expect(await world.read(START, END, { endpoint })).toMatchObject({ kind: "failed", failure: { kind: "lied" } });
      const broken = { ...world.endpoint, url: "not a url" };
      expect((await world.read(START, END, { endpoint: broken })).kind).toBe("failed");
    });

    it("holds the rate for all lanes together within 15 %", async () => {
      const rate = 1_000_000;
      await world.read(0, 1000);
      world.pool.limit(rate);
      // Long enough that the burst, and what each lane took last and need not wait for, are a small part of it.
      const step = 750_000;
      const reads = [0, 1, 2, 3].map((index) => world.start(index * step, (index + 1) * step));
      const begun = performance.now();
      await Promise.all(reads.map(({ ended }) => ended));
      const seen = (4 * step) / ((performance.now() - begun) / 1000);
      world.pool.limit(null);
      expectRight({ kind: "done", position: 4 * step }, 0);
      expect(seen / rate).toBeGreaterThan(0.85);
      expect(seen / rate).toBeLessThan(1.15);
    });
  });
}

async function received(position: () => number, wanted: number): Promise<void> {
  await until(() => position() >= wanted);
}

async function until(isSo: () => boolean): Promise<void> {
  const begun = performance.now();
  while (!isSo()) {
    if (performance.now() - begun > 5_000) throw new Error("it did not happen within 5 s");
    await systemClock.sleep(5);
  }
}
