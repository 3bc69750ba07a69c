import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PruneFact, type PruneRules, planPrune } from "../../src/operations/plan-prune.ts";

const DAY = 86_400_000;
const NOW = 1000 * DAY;
const NO_RULES: PruneRules = { olderThanMs: null, maxBytes: null, isUnneeded: false, isForeign: false };

function fact(path: string, more: Partial<PruneFact> = {}): PruneFact {
  const size = more.size ?? 100;
  return {
    path,
    sha256: null,
    size,
    freesBytes: size,
    usedAt: NOW - DAY,
    isOurs: true,
    isOpen: false,
    neededBy: null,
    ...more,
  };
}

const removed = (facts: readonly PruneFact[], rules: Partial<PruneRules>): readonly string[] =>
  planPrune(facts, { ...NO_RULES, ...rules }, NOW)
    .lines.filter(({ action }) => action === "remove")
    .map(({ path }) => path);

describe("planPrune()", () => {
  const old = fact("old", { usedAt: NOW - 40 * DAY });
  const young = fact("young", { usedAt: NOW - 2 * DAY });

  it("removes what was not used for so long", () => {
    expect(removed([young, old], { olderThanMs: 30 * DAY })).toEqual(["old"]);
  });

  it("removes the least recently used first, until the tree has the size", () => {
    const facts = [young, old, fact("new", { usedAt: NOW })];
    expect(removed(facts, { maxBytes: 300 })).toEqual([]);
    expect(removed(facts, { maxBytes: 299 })).toEqual(["old"]);
    expect(removed(facts, { maxBytes: 100 })).toEqual(["old", "young"]);
    expect(removed(facts, { maxBytes: 0 })).toEqual(["old", "young", "new"]);
  });

  it("takes both rules together: only the old ones, only as far as it has to be", () => {
    expect(removed([young, old], { olderThanMs: 30 * DAY, maxBytes: 0 })).toEqual(["old"]);
    expect(removed([young, old], { olderThanMs: 30 * DAY, maxBytes: 200 })).toEqual([]);
  });

  it("keeps what is needed, open or not ours, and says why", () => {
    const facts = [
      fact("needed", { neededBy: "the lockfile" }),
      fact("open", { isOpen: true }),
      fact("foreign", { isOurs: false }),
    ];
    const { lines, keepBytes, removeBytes } = planPrune(facts, { ...NO_RULES, maxBytes: 0 }, NOW);
    expect(lines.map(({ path, why }) => [path, why])).toEqual([
      ["foreign", "not ours"],
      ["needed", "needed by the lockfile"],
      ["open", "a process has it open"],
    ]);
    expect([keepBytes, removeBytes]).toEqual([300, 0]);
    expect(removed(facts, { maxBytes: 0, isForeign: true })).toEqual(["foreign"]);
  });

  it("never removes more than the size asks for, nor anything that is protected", () => {
    const anyFact = fc.record({
      size: fc.integer({ min: 0, max: 1000 }),
      age: fc.integer({ min: 0, max: 100 }),
      isOurs: fc.boolean(),
      isOpen: fc.boolean(),
      isNeeded: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 20 }), fc.integer({ min: 0, max: 8000 }), (worlds, maxBytes) => {
        const facts = worlds.map(({ size, age, isOurs, isOpen, isNeeded }, index) =>
          fact(`f${index}`, { size, isOurs, isOpen, usedAt: NOW - age * DAY, neededBy: isNeeded ? "it" : null }),
        );
        const { lines, keepBytes } = planPrune(facts, { ...NO_RULES, maxBytes }, NOW);
        const gone = lines.filter(({ action }) => action === "remove");
        expect(lines).toHaveLength(facts.length);
        expect(gone.every(({ isOurs, isOpen, neededBy }) => isOurs && !isOpen && neededBy === null)).toBe(true);
        // Without the last one it would not have fitted.
        const last = gone.at(-1);
        if (last !== undefined) expect(keepBytes + last.size).toBeGreaterThan(maxBytes);
        const isStuck = lines.every(
          (one) => one.action === "remove" || !one.isOurs || one.isOpen || one.neededBy !== null,
        );
        expect(keepBytes <= maxBytes || isStuck).toBe(true);
      }),
    );
  });
});
