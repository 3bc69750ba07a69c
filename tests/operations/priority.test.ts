/** What goes first. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prioritiesOf } from "../../src/operations/priority.ts";

const size = fc.option(fc.nat(Number.MAX_SAFE_INTEGER), { nil: null });

describe("prioritiesOf()", () => {
  it("puts what is awaited before a kit's rest, and both before what is fetched ahead, whatever their sizes", () => {
    fc.assert(
      fc.property(size, size, size, (one, two, three) => {
        const now = prioritiesOf({ awaited: new Set(["waited"]) }, false);
        const ahead = prioritiesOf({ awaited: new Set(["waited"]) }, true);
        expect(now({ name: "waited", size: one })).toBeGreaterThan(now({ name: "rest", size: two }));
        expect(now({ name: "rest", size: two })).toBeGreaterThan(ahead({ name: "waited", size: three }));
      }),
    );
  });

  it("puts the largest first among equals", () => {
    const priorityOf = prioritiesOf({ awaited: new Set() }, false);
    expect(priorityOf({ name: "a", size: 23_000_000_000 })).toBeGreaterThan(
      priorityOf({ name: "b", size: 22_999_999_999 }),
    );
    expect(priorityOf({ name: "a", size: 1 })).toBeGreaterThan(priorityOf({ name: "b", size: null }));
  });
});
