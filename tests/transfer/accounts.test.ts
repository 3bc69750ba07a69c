import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteRange, RangeSet } from "../../src/base/range.ts";
import { createAccounts } from "../../src/transfer/accounts.ts";

const entry = (mirror: string, start: number, end: number) => ({ mirror, range: { start, end } });
const none: ReadonlyMap<string, RangeSet> = new Map();
const bytesOf = (set: RangeSet): readonly number[] =>
  set.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index));

describe("createAccounts()", () => {
  it("begins with what an earlier run left, which is neither fetched nor wasted", () => {
    const accounts = createAccounts(new Map([["a", [{ start: 0, end: 50 }]]]));
    expect(accounts.served().get("a")).toEqual([{ start: 0, end: 50 }]);
    expect(accounts.fresh().get("a")).toEqual([]);
    accounts.spoiled({ start: 0, end: 50 });
    expect([accounts.fetchedBytes(), accounts.wastedBytes()]).toEqual([0, 0]);
    expect(accounts.shares((source) => source)).toEqual([]);
  });

  it("counts what this run fetched in vain", () => {
    const accounts = createAccounts(none);
    accounts.fetched([entry("a", 0, 100), entry("b", 100, 150)]);
    accounts.spoiled({ start: 90, end: 120 });
    expect([accounts.fetchedBytes(), accounts.wastedBytes()]).toEqual([150, 30]);
    expect(accounts.served().get("a")).toEqual([{ start: 0, end: 90 }]);
    expect(accounts.served().get("b")).toEqual([{ start: 120, end: 150 }]);
  });

  it("what is fetched over what was there replaces it", () => {
    const accounts = createAccounts(none);
    accounts.fetched([entry("a", 0, 100), entry("b", 50, 100)]);
    expect(accounts.served().get("a")).toEqual([{ start: 0, end: 50 }]);
    expect(accounts.wastedBytes()).toBe(50);
  });

  it("makes one share of two sources of one host", () => {
    const accounts = createAccounts(none);
    accounts.fetched([entry("h/1", 0, 1000), entry("h/2", 1000, 3000), entry("k", 3000, 4000)]);
    accounts.active(["h/1", "h/2"], 1_000);
    accounts.active(["h/2"], 500);
    const [reset, gone] = [
      { code: "MIRROR_FAILED", message: "reset" },
      { code: "SOURCE_NOT_FOUND", message: "it answered 404" },
    ] as const;
    accounts.error("h/1", reset);
    accounts.error("gone", reset);
    accounts.error("gone", gone);
    expect(accounts.shares((source) => source.split("/")[0] ?? "")).toEqual([
      { label: "h", bytes: 3000, bytesPerSecond: 2000, errors: 1, lastError: reset },
      { label: "k", bytes: 1000, bytesPerSecond: 0, errors: 0 },
      { label: "gone", bytes: 0, bytesPerSecond: 0, errors: 2, lastError: gone },
    ]);
  });

  it("says the later error of two sources of one host", () => {
    const accounts = createAccounts(none);
    const said = (message: string) => ({ code: "MIRROR_FAILED", message }) as const;
    accounts.error("h/1", said("first"));
    accounts.error("h/2", said("second"));
    accounts.error("h/1", said("third"));
    expect(accounts.shares(() => "h")).toMatchObject([{ errors: 3, lastError: { message: "third" } }]);
  });

  it("every byte has one sender, and what was fetched either counts or was in vain", () => {
    const anyRange = fc
      .tuple(fc.nat(39), fc.integer({ min: 1, max: 20 }))
      .map(([start, length]): ByteRange => ({ start, end: start + length }));
    const anyStep = fc.record({ mirror: fc.option(fc.constantFrom("a", "b", "c")), range: anyRange });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
        const accounts = createAccounts(none);
        const owner = new Map<number, string>();
        for (const { mirror, range } of steps) {
          if (mirror === null) accounts.spoiled(range);
          else accounts.fetched([{ mirror, range }]);
          for (const byte of bytesOf([range])) mirror === null ? owner.delete(byte) : owner.set(byte, mirror);
        }
        for (const mirror of ["a", "b", "c"]) {
          const own = [...owner].filter(([, one]) => one === mirror).map(([byte]) => byte);
          expect(bytesOf(accounts.served().get(mirror) ?? [])).toEqual(own.sort((one, other) => one - other));
        }
        expect(accounts.fetchedBytes() - accounts.wastedBytes()).toBe(owner.size);
        expect(accounts.shares((source) => source).reduce((sum, { bytes }) => sum + bytes, 0)).toBe(
          accounts.fetchedBytes(),
        );
      }),
    );
  });
});
