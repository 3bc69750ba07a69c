import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shareColumns } from "../../src/report/columns.ts";

describe("shareColumns()", () => {
  it("never hands out more than there is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 400 }), fc.nat({ max: 200 }), (width, longest) => {
        const shown = Object.values(shareColumns(width, longest)).filter((column) => column > 0);
        expect(2 + shown.reduce((sum, column) => sum + column, 0) + 2 * (shown.length - 1)).toBeLessThanOrEqual(width);
      }),
    );
  });
});
