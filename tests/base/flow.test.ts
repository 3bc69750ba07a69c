import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anySignal, backoffMs, deferred, eitherSignal, inBundles, mapLimit } from "../../src/base/flow.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("deferred()", () => {
  it("is settled from outside", async () => {
    const [good, bad] = [deferred<number>(), deferred<number>()];
    good.resolve(7);
    bad.reject(new Error("no"));
    expect(await good.promise).toBe(7);
    await expect(bad.promise).rejects.toThrow("no");
  });
});

describe("mapLimit()", () => {
  it("keeps the order, calls each once and never more than the limit at a time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 20 }), fc.integer({ min: 1, max: 6 }), async (turns, limit) => {
        const underWay = new Set<number>();
        let most = 0;
        const results = await mapLimit(turns, limit, async (count, index) => {
          underWay.add(index);
          most = Math.max(most, underWay.size);
          for (let waited = 0; waited <= count; waited += 1) await turn();
          underWay.delete(index);
          return `${index}:${count}`;
        });
        expect(results).toEqual(turns.map((count, index) => `${index}:${count}`));
        expect(most).toBeLessThanOrEqual(limit);
        expect(most).toBe(Math.min(limit, turns.length));
      }),
      { numRuns: 50 },
    );
  });

  it("rejects with the first error", async () => {
    const run = mapLimit([1, 2, 3], 2, async (item) => {
      if (item === 2) throw new Error("two");
      return item;
    });
    await expect(run).rejects.toThrow("two");
  });

  it("begins nothing new after an error", async () => {
    const begun: number[] = [];
    const run = mapLimit([1, 2, 3, 4, 5, 6], 2, async (item) => {
      begun.push(item);
      await turn();
      if (item === 1) throw new Error("one");
    });
    await expect(run).rejects.toThrow("one");
    for (let turns = 0; turns < 8; turns += 1) await turn();
    expect(begun.length).toBeLessThanOrEqual(3);
  });
});

describe("backoffMs()", () => {
  it("lies between half and all of a doubling ceiling, and never above the most", () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const ceiling = Math.min(15_000, 250 * 2 ** attempt);
        const waitMs = backoffMs(attempt, { random: () => random });
        expect(waitMs).toBeGreaterThanOrEqual(ceiling / 2);
        expect(waitMs).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});

describe("anySignal()", () => {
  it("ends with the first of them, and takes undefined ones", () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const signal = anySignal(one.signal, undefined, other.signal);
    expect(signal.aborted).toBe(false);
    other.abort("enough");
    expect(signal.reason).toBe("enough");
    expect(anySignal().aborted).toBe(false);
  });
});

describe("eitherSignal()", () => {
  it("ends with the first of them, also where that has ended before", () => {
    const [one, other] = [new AbortController(), new AbortController()];
    using either = eitherSignal(one.signal, other.signal);
    expect(either.signal.aborted).toBe(false);
    other.abort("enough");
    expect(either.signal.reason).toBe("enough");
    using late = eitherSignal(one.signal, other.signal);
    expect(late.signal.reason).toBe("enough");
  });

  it("hears nothing any more once it is disposed of", () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const either = eitherSignal(one.signal, other.signal);
    either[Symbol.dispose]();
    one.abort("enough");
    expect(either.signal.aborted).toBe(false);
  });
});

describe("inBundles()", () => {
  it("hands on together what comes in one moment, in its order", () => {
    const handed: (readonly number[])[] = [];
    const later: (() => void)[] = [];
    const add = inBundles<number>(
      (all) => handed.push(all),
      (run) => later.push(run),
    );
    for (const one of [1, 2, 3]) add(one);
    expect(handed).toEqual([]);
    for (const run of later.splice(0)) run();
    add(4);
    for (const run of later.splice(0)) run();
    expect(handed).toEqual([[1, 2, 3], [4]]);
  });
});
