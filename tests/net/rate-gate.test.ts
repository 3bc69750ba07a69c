import { describe, expect, it } from "vitest";
import { createRateGate, enterTurnstile, type Gated } from "../../src/net/rate-gate.ts";

/** Time that passes when it is told to. */
function handClock() {
  let nowMs = 1000;
  const timers = new Set<{ readonly run: () => void; readonly ms: number; nextMs: number }>();
  return {
    monotonicMs: () => nowMs,
    every: (ms: number, run: () => void) => {
      const timer = { run, ms, nextMs: nowMs + ms };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass: (ms: number): void => {
      for (const end = nowMs + ms; nowMs < end; nowMs += 1) {
        for (const timer of [...timers]) {
          if (timer.nextMs > nowMs) continue;
          timer.nextMs += timer.ms;
          timer.run();
        }
      }
    },
    timers: () => timers.size,
  };
}

describe("createRateGate()", () => {
  interface Lane extends Gated {
    isPaused: boolean;
    bytes: number;
  }
  const lane = (): Lane => {
    const made: Lane = {
      isPaused: false,
      bytes: 0,
      pause: () => {
        made.isPaused = true;
      },
      resume: () => {
        made.isPaused = false;
      },
    };
    return made;
  };

  it("holds every lane back while the budget is overdrawn, also one that enters meanwhile", () => {
    const clock = handClock();
    const gate = createRateGate(clock);
    gate.limit(1000);
    const [one, two, late] = [lane(), lane(), lane()];
    const passage = gate.enter(one);
    gate.enter(two);
    passage.spend(100);
    gate.enter(late);
    expect([one, two, late].map(({ isPaused }) => isPaused)).toEqual([true, true, true]);
    clock.pass(120);
    expect([one, two, late].map(({ isPaused }) => isPaused)).toEqual([false, false, false]);
    expect(clock.timers()).toBe(0);
  });

  it("holds lanes back for bytes that came in elsewhere, and counts none without a limit", () => {
    const clock = handClock();
    const gate = createRateGate(clock);
    const one = lane();
    gate.enter(one);
    gate.spend(1_000_000);
    expect(one.isPaused).toBe(false);
    gate.limit(1000);
    gate.spend(100);
    expect(one.isPaused).toBe(true);
    clock.pass(120);
    expect(one.isPaused).toBe(false);
  });

  it("leaves no lane paused that leaves while all are held back", () => {
    const clock = handClock();
    const gate = createRateGate(clock);
    gate.limit(1000);
    const one = lane();
    const passage = gate.enter(one);
    passage.spend(1000);
    expect(one.isPaused).toBe(true);
    passage.leave();
    expect(one.isPaused).toBe(false);
    gate.limit(null);
    expect(clock.timers()).toBe(0);
  });

  it("shares a small budget evenly among lanes that would all take everything", () => {
    const clock = handClock();
    const gate = createRateGate(clock);
    gate.limit(100_000);
    const lanes = Array.from({ length: 8 }, () => {
      const made = lane();
      // Lanes that may read are served in the order in which they were let through.
      const resume = (): void => {
        made.isPaused = false;
        order.push(made);
      };
      return { made, passage: gate.enter({ pause: made.pause, resume }) };
    });
    const order: Lane[] = [];
    for (let ms = 0; ms < 4_000; ms += 1) {
      clock.pass(1);
      const ready = [...new Set([...order.splice(0), ...lanes.map(({ made }) => made)])];
      for (const one of ready) {
        if (one.isPaused) continue;
        const bytes = gate.stepBytes();
        one.bytes += bytes;
        lanes.find(({ made }) => made === one)?.passage.spend(bytes);
      }
    }
    const bytes = lanes.map(({ made }) => made.bytes);
    expect(Math.max(...bytes) / Math.min(...bytes)).toBeLessThan(1.3);
    const sum = bytes.reduce((all, one) => all + one, 0);
    expect(sum / 400_000).toBeGreaterThan(0.9);
    expect(sum / 400_000).toBeLessThan(1.1);
  });
});

describe("enterTurnstile()", () => {
  it("is open while nobody is held back, and opens again when the budget does, or its owner leaves", async () => {
    const clock = handClock();
    const gate = createRateGate(clock);
    gate.limit(1000);
    const turnstile = enterTurnstile(gate);
    await turnstile.open();
    turnstile.spend(500);
    let isOpen = false;
    const opened = turnstile.open().then(() => {
      isOpen = true;
    });
    clock.pass(400);
    await Promise.resolve();
    expect(isOpen).toBe(false);
    clock.pass(200);
    await opened;
    turnstile.spend(5000);
    const left = turnstile.open();
    turnstile.leave();
    await left;
  });
});
