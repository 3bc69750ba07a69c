/** The pool's side of its threads: what it tells them, and what becomes of their ranges when they crash. */
import { beforeEach, describe, expect, it } from "vitest";
import { createLanePool, type LaneEnd, type LanePool, type LanePoolSettings } from "../../src/net/lane-pool.ts";
import { createPositions, type LaneWorkerSettings, type Positions } from "../../src/net/lane-protocol.ts";
import { type PlayedThread, playThread } from "../threads.ts";

let threads: PlayedThread[];
let positions: Positions;
let pool: LanePool;

const open = (workers: LanePoolSettings["workers"]): LanePool => {
  const settings = { extraCa: null, proxy: { http: null, https: null, none: null }, userAgent: "test", workers };
  return createLanePool(settings, (given: LaneWorkerSettings) => {
    const thread = playThread();
    threads.push(thread);
    positions = createPositions(given.positions);
    return thread;
  });
};

beforeEach(() => {
  threads = [];
  pool = open({ plain: 1, encrypted: 2 });
});

interface Started {
  readonly ends: readonly LaneEnd[];
  readonly lane: ReturnType<LanePool["start"]>;
}

function start(scheme = "http"): Started {
  const endpoint = {
    kind: "http",
    url: `${scheme}://host/x`,
    headers: {},
    validator: null,
    mayBePrivate: false,
    hasRanges: true,
  } as const;
  const ends: LaneEnd[] = [];
  const read = { endpoint, file: 3, start: 100, end: 200, size: 1000, isGeneral: false };
  const lane = pool.start(read, { onEnd: (end) => ends.push(end), onShrunk: () => undefined });
  return { ends, lane };
}
const limitsOf = (thread: PlayedThread | undefined): readonly unknown[] =>
  (thread?.heard ?? []).flatMap((order) => {
    const { kind, bytesPerSecond } = order as { readonly kind: string; readonly bytesPerSecond?: number | null };
    return kind === "limit" ? [bytesPerSecond] : [];
  });

describe("createLanePool() and its threads", () => {
  it("fails the ranges of a thread that crashed, with what they had written, and starts another", () => {
    const one = start();
    positions.received[0] = 180;
    positions.written[0] = 150;
    threads[0]?.crash(new Error("out of memory"));
    expect(one.ends).toEqual([
      {
        kind: "failed",
        position: 150,
        failure: { kind: "network", message: expect.stringContaining("out of memory") },
      },
    ]);
    start();
    expect(threads).toHaveLength(2);
  });

  it("lets a last word of a crashed thread end no range that has its place now", () => {
    start();
    const [crashed] = threads;
    crashed?.crash(new Error("gone"));
    const next = start();
    crashed?.say({ kind: "done", slot: 0, position: 200 });
    crashed?.say({ kind: "shrunk", slot: 0, end: 150 });
    expect(next.ends).toEqual([]);
    threads[1]?.say({ kind: "done", slot: 0, position: 200 });
    expect(next.ends).toEqual([{ kind: "done", position: 200 }]);
  });

  it("tells each end once", () => {
    const one = start();
    threads[0]?.say({ kind: "done", slot: 0, position: 200 });
    threads[0]?.say({ kind: "done", slot: 0, position: 200 });
    threads[0]?.crash(null);
    expect(one.ends).toHaveLength(1);
  });

  it("keeps the process alive while a range is under way, no longer", () => {
    start();
    expect(threads[0]?.isReferenced()).toBe(true);
    threads[0]?.say({ kind: "done", slot: 0, position: 200 });
    expect(threads[0]?.isReferenced()).toBe(false);
  });

  it("spreads lanes over as many threads as their kind is worth", () => {
    for (let lanes = 0; lanes < 4; lanes += 1) start();
    expect(threads).toHaveLength(1);
    for (let lanes = 0; lanes < 4; lanes += 1) start("https");
    expect(threads).toHaveLength(2);
    expect(threads[1]?.heard.length).toBeGreaterThanOrEqual(2);
  });

  it("spreads plain lanes evenly where there are threads for them, and not over those of encrypted ones", () => {
    pool = open({ plain: 2, encrypted: 3 });
    for (let lanes = 0; lanes < 3; lanes += 1) start("https");
    expect(threads.map(({ heard }) => heard.length)).toEqual([1, 1, 1]);
    for (let lanes = 0; lanes < 4; lanes += 1) start();
    expect(threads.map(({ heard }) => heard.length)).toEqual([3, 3, 1]);
  });

  it("gives each thread the part of a limit that its lanes are of all lanes", () => {
    for (let lanes = 0; lanes < 4; lanes += 1) start("https");
    expect(threads).toHaveLength(2);
    pool.limit(1000);
    expect(threads.map((thread) => limitsOf(thread).at(-1))).toEqual([500, 500]);
    // Limited lanes stay with the first thread.
    for (let lanes = 0; lanes < 4; lanes += 1) start("https");
    expect(threads.map((thread) => limitsOf(thread).at(-1))).toEqual([750, 250]);
    threads[1]?.crash(null);
    expect(limitsOf(threads[0]).at(-1)).toBe(1000);
    pool.limit(null);
    expect(limitsOf(threads[0]).at(-1)).toBe(null);
  });

  it("charges bytes that came in elsewhere to the lanes, under a limit alone", () => {
    start();
    pool.spend(500);
    pool.limit(1000);
    pool.spend(700);
    expect(threads[0]?.heard.filter((order) => (order as { readonly kind: string }).kind === "spend")).toEqual([
      { kind: "spend", bytes: 700 },
    ]);
  });

  it("tells a limit before the first range", () => {
    pool.limit(1000);
    start();
    expect((threads[0]?.heard ?? []).map((order) => (order as { readonly kind: string }).kind)).toEqual([
      "limit",
      "read",
    ]);
  });

  it("ends its threads first and their ranges then, where they were", async () => {
    const one = start();
    positions.written[0] = 120;
    const closed = pool.close();
    expect(one.ends).toEqual([]);
    await closed;
    expect(one.ends).toEqual([{ kind: "cancelled", position: 120 }]);
    expect(() => start()).toThrow(/closed/);
  });
});
