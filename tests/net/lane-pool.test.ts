import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deferred } from "../../src/base/flow.ts";
import { createLanePool, type LaneEnd, type LanePool, type RunningLane } from "../../src/net/lane-pool.ts";
import { MAX_SLOTS } from "../../src/net/lane-protocol.ts";

let folder: string;
let file: number;
let pool: LanePool;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-pool-"));
  await writeFile(join(folder, "source"), "0123456789");
  file = openSync(join(folder, "x.part"), "w+");
  const proxy = { http: null, https: null, none: null };
  pool = createLanePool({ extraCa: null, proxy, userAgent: "modelferry/test", workers: { plain: 1, encrypted: 2 } });
});

afterEach(async () => {
  await pool.close();
  closeSync(file);
  await rm(folder, { recursive: true, force: true });
});

interface Reading {
  readonly lane: RunningLane;
  readonly ended: Promise<LaneEnd>;
}

function read(start: number, end: number, source = "source"): Reading {
  const ended = deferred<LaneEnd>();
  const endpoint = { kind: "file", path: join(folder, source) } as const;
  const asked = { endpoint, file, start, end, size: 10, isGeneral: false };
  return { lane: pool.start(asked, { onEnd: ended.resolve, onShrunk: () => undefined }), ended: ended.promise };
}

describe("createLanePool()", () => {
  it(`has ${MAX_SLOTS} places, refuses one more, and gives places back`, async () => {
    const all = Array.from({ length: MAX_SLOTS }, () => read(2, 5));
    expect(() => read(2, 5)).toThrow(RangeError);
    const ends = await Promise.all(all.map(({ ended }) => ended));
    expect(new Set(ends.map(({ kind }) => kind))).toEqual(new Set(["done"]));
    expect(await read(5, 9).ended).toEqual({ kind: "done", position: 9 });
    expect(readFileSync(join(folder, "x.part")).subarray(2).toString()).toBe("2345678");
  });

  it("a lane that ended tells its own positions and cancels nobody, though its place is another's", async () => {
    const first = read(2, 5);
    await first.ended;
    const second = read(6, 9);
    first.lane.cancel();
    first.lane.shrink(0);
    expect([first.lane.received(), first.lane.written()]).toEqual([5, 5]);
    expect(await second.ended).toMatchObject({ kind: "done", position: 9 });
  });

  it("says what is wrong with a file that cannot be read", async () => {
    expect(await read(0, 5, "missing").ended).toMatchObject({
      kind: "failed",
      position: 0,
      failure: { kind: "refused", message: expect.stringContaining("ENOENT") },
    });
  });

  it("refuses a local file of another size", async () => {
    await writeFile(join(folder, "other"), "0123");
    expect(await read(0, 4, "other").ended).toMatchObject({ failure: { kind: "changed" } });
  });

  it("close() ends what is under way as cancelled, and takes nothing more", async () => {
    const under = read(0, 9);
    await pool.close();
    expect(await under.ended).toMatchObject({ kind: "cancelled" });
    expect(() => read(0, 9)).toThrow(RangeError);
  });
});
