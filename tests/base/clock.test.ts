import { spawn } from "node:child_process";
import { getEventListeners, once } from "node:events";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";

describe("systemClock", () => {
  it("sleeps about as long as it is told", async () => {
    const startMs = systemClock.monotonicMs();
    await systemClock.sleep(30);
    expect(systemClock.monotonicMs() - startMs).toBeGreaterThanOrEqual(29);
  });

  it("sleep() rejects with the signal's own reason, and leaves no listener", async () => {
    const stop = new AbortController();
    const sleeping = systemClock.sleep(60_000, stop.signal);
    stop.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    await expect(systemClock.sleep(60_000, stop.signal)).rejects.toThrow("enough");
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  });

  it("every() runs until it is told to stop", async () => {
    let runs = 0;
    const stop = systemClock.every(2, () => {
      runs += 1;
    });
    while (runs < 3) await systemClock.sleep(2);
    stop();
    const before = runs;
    await systemClock.sleep(15);
    expect(runs).toBe(before);
  });

  it("every() keeps no process alive", async () => {
    const module = new URL("../../dist/base/clock.js", import.meta.url).href;
    const child = spawn(process.execPath, [
      "-e",
      `import(${JSON.stringify(module)}).then((m) => m.systemClock.every(5, () => {}))`,
    ]);
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("random() lies in [0, 1) and unique() never repeats", () => {
    for (let times = 0; times < 100; times += 1) {
      const value = systemClock.random();
      expect(value >= 0 && value < 1).toBe(true);
    }
    expect(new Set(Array.from({ length: 1000 }, systemClock.unique)).size).toBe(1000);
  });
});
