import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTable } from "../../src/report/table.ts";
import { printable, textWidth } from "../../src/report/text.ts";

describe("formatTable()", () => {
  const columns = [{ title: "name", minWidth: 6 }, { title: "size", align: "right" as const }, { title: "" }];

  it("aligns columns and leaves no trailing spaces", () => {
    expect(
      formatTable(
        columns,
        [
          ["schnell", "23.8 GB", ""],
          ["ae", "335 MB", "present"],
        ],
        { width: null },
      ),
    ).toEqual(["name        size", "schnell  23.8 GB", "ae        335 MB  present"]);
  });

  it("aligns names of double width", () => {
    expect(
      formatTable(
        [{ title: "" }, { title: "" }],
        [
          ["模型", "x"],
          ["abcd", "y"],
        ],
        { width: null },
      ),
    ).toEqual(["模型  x", "abcd  y"]);
  });

  it("cuts the widest column that may be cut", () => {
    expect(formatTable(columns, [["a-very-long-model-name", "1.0 GB", "x"]], { width: 24 })).toEqual([
      "name             size",
      "a-very…l-name  1.0 GB  x",
    ]);
  });

  it("paints cells without moving them", () => {
    const paint = (text: string): string => `\u001b[32m${text}\u001b[39m`;
    const [, row = ""] = formatTable(columns, [["ae", "1 B", ""]], { width: null, paint });
    expect(textWidth(row)).toBe("ae    1 B".length + 1);
    expect(row).not.toMatch(/ (\u001b\[39m)?$/);
  });

  it("keeps to the width as long as its columns may be cut", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 40 }).map(printable);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), fc.integer({ min: 12, max: 80 }), (rows, width) => {
        const lines = formatTable(
          [
            { title: "a", minWidth: 3 },
            { title: "b", minWidth: 3 },
          ],
          rows,
          { width, indent: 2 },
        );
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});
