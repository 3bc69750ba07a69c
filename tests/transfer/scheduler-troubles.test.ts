/** Worlds that a plain one does not show: many hosts, a file in line behind another, servers without ranges that fail. */
import { describe, expect, it } from "vitest";
import { createScheduler } from "../../src/transfer/scheduler.ts";
import type { Action } from "../../src/transfer/world.ts";
import { simulate } from "./simulated-world.ts";

const MB = 1e6;
const SETTINGS = {
  lanes: null,
  lanesPerHost: 16,
  mostLanes: 64,
  maxRate: null,
  remembered: new Map(),
  random: () => 0.5,
};

describe("createScheduler() with many hosts", () => {
  it.each([
    { count: 9, lanes: 8 },
    { count: 10, lanes: null },
    { count: 17, lanes: null },
    { count: 70, lanes: null },
  ])("uses $count of them, with lanes $lanes", ({ count, lanes }) => {
    const hosts = Array.from({ length: count }, () => ({ capacity: 40 * MB, perLane: 2 * MB, latencyMs: 30 }));
    const job = { id: "a", size: 10 * count * MB, hosts: hosts.map((_, index) => index) };
    const run = simulate(hosts, [job], { limitMs: 60_000, lanesPerHost: 16, ...(lanes === null ? {} : { lanes }) });
    expect(run.isWhole).toBe(true);
    expect(run.longestHoleMs).toBeLessThan(1_000);
  });

  it("cuts no lane while there are bytes that nobody fetches, however few lanes are left", () => {
    const hosts = Array.from({ length: 8 }, (_, index) => ({
      capacity: 400 * MB,
      perLane: (4 + index) * MB,
      latencyMs: 30,
    }));
    const job = { id: "a", size: 20_000 * MB, hosts: hosts.map((_, index) => index) };
    const run = simulate(hosts, [job], { limitMs: 100_000, lanesPerHost: 16 });
    expect(run.isWhole).toBe(true);
    expect(run.requests).toBeLessThan(20 * 250);
  });
});

describe("createScheduler() with a host that fell silent", () => {
  it("does not cut the lanes of a slower one again and again for its sake", () => {
    const hosts = [
      { capacity: 10 * MB, perLane: 10 * MB, latencyMs: 0, isBusy: { fromMs: 0, untilMs: 861 } },
      { capacity: 125 * MB, perLane: 125 * MB, latencyMs: 0, hangsAtMs: 361 },
    ];
    const jobs = [
      { id: "a", size: 160 * MB, hosts: [0, 1] },
      { id: "b", size: 20 * MB, hosts: [0, 1] },
    ];
    const run = simulate(hosts, jobs, { limitMs: 60_000 });
    // It asked for the same bytes a hundred times a second, and cut each lane before its first byte.
    expect(run.isWhole).toBe(true);
    expect(run.requests).toBeLessThan(400);
  });
});

type Open = Extract<Action, { kind: "open" }>;

describe("createScheduler() with a file behind another", () => {
  it("does not take it for hopeless while the other has all lanes of a server that is well again", () => {
    const scheduler = createScheduler({ ...SETTINGS, lanes: 4 });
    const open = new Map<number, Open & { position: number }>();
    const act = (nowMs: number): void => {
      for (const action of scheduler.decide(nowMs)) {
        if (action.kind === "resolve")
          scheduler.mirrorOpened(action.job, action.mirror, { key: "host", hasRanges: true }, nowMs);
        if (action.kind === "open") open.set(action.lane, { ...action, position: action.range.start });
      }
    };
    const move = (nowMs: number): void => {
      for (const [lane, one] of [...open]) {
        one.position = Math.min(one.range.end, one.position + 0.6 * MB);
        scheduler.laneMoved(lane, { position: one.position, firstByteMs: 10 }, nowMs);
        if (one.position < one.range.end) continue;
        open.delete(lane);
        scheduler.laneEnded(lane, { kind: "done", position: one.position }, nowMs);
      }
    };
    const mirrors = [{ label: "m" }];
    scheduler.addJob({ id: "small", size: 100 * MB, priority: 1, done: [], mirrors }, 0);
    act(0);
    act(1);
    for (const [lane, { position }] of [...open]) {
      const failure = { kind: "busy", status: 429, waitMs: 1000, message: "it answered 429" } as const;
      scheduler.laneEnded(lane, { kind: "failed", position, failure }, 100);
    }
    open.clear();
    scheduler.addJob({ id: "large", size: 20_000 * MB, priority: 2, done: [], mirrors }, 200);
    let longestMs = 0;
    for (let nowMs = 225; nowMs < 120_000; nowMs += 25) {
      move(nowMs);
      scheduler.tick(nowMs);
      act(nowMs);
      longestMs = Math.max(longestMs, scheduler.hopelessMs("small", nowMs));
    }
    expect(scheduler.isWhole("large")).toBe(false);
    expect(longestMs).toBeLessThan(5_000);
  });
});

describe("createScheduler() with a server without ranges", () => {
  const begin = () => {
    const scheduler = createScheduler(SETTINGS);
    scheduler.addJob(
      { id: "a", size: 1000, priority: 0, done: [{ start: 0, end: 400 }], mirrors: [{ label: "m" }] },
      0,
    );
    return scheduler;
  };

  it("opens no lane before everyone knows that the file begins again", () => {
    const scheduler = begin();
    expect(scheduler.decide(0).map(({ kind }) => kind)).toEqual(["resolve"]);
    scheduler.mirrorOpened("a", 0, { key: "host", hasRanges: false }, 0);
    expect(scheduler.decide(1)).toEqual([{ kind: "restart", job: "a" }]);
    scheduler.spoil("a", { start: 0, end: 1000 });
    expect(scheduler.decide(2)).toMatchObject([{ kind: "open", range: { start: 0, end: 1000 } }]);
    expect(scheduler.decide(3)).toEqual([]);
  });

  it("gives it up when it breaks off each time, though bytes come each time", () => {
    const scheduler = begin();
    let starts = 0;
    for (let nowMs = 0; nowMs < 600_000 && scheduler.hasMirror("a"); nowMs += 25) {
      scheduler.tick(nowMs);
      for (const action of scheduler.decide(nowMs)) {
        if (action.kind === "resolve") scheduler.mirrorOpened("a", 0, { key: "host", hasRanges: false }, nowMs);
        if (action.kind === "restart") scheduler.spoil("a", { start: 0, end: 1000 });
        if (action.kind !== "open") continue;
        starts += 1;
        const failure = { kind: "network", message: "it closed the connection early" } as const;
        scheduler.laneEnded(action.lane, { kind: "failed", position: 500, failure }, nowMs);
      }
    }
    expect(scheduler.hasMirror("a")).toBe(false);
    expect(starts).toBe(5);
  });
});
