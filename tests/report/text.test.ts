import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countOf, cutText, fitText, padText, printable, textWidth, wrapText } from "../../src/report/text.ts";

const anyText = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" })).map(printable);

describe("printable()", () => {
  it("leaves nothing that steers a terminal", () => {
    expect(printable("a\u001b[2Jb")).toBe("a�[2Jb");
    expect(printable("two\r\nlines\tand a tab")).toBe("two lines and a tab");
    expect(printable("safe\u202etxt.exe")).toBe("safe�txt.exe");
    expect(printable("half \ud83e")).toBe("half �");
  });

  it("keeps what people write", () => {
    expect(printable("Ünïcode 模型 🦊 e\u0301")).toBe("Ünïcode 模型 🦊 e\u0301");
  });

  it("never leaves a control character, whatever comes in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

describe("textWidth()", () => {
  it("counts columns, not code units", () => {
    expect(textWidth("abc")).toBe(3);
    expect(textWidth("模型")).toBe(4);
    expect(textWidth("🦊")).toBe(2);
    expect(textWidth("e\u0301")).toBe(1);
    expect(textWidth("\u001b[32mok\u001b[39m")).toBe(2);
  });
});

describe("fitText() and cutText()", () => {
  it("fitText() keeps both ends of a name", () => {
    expect(fitText("flux1-dev-fp8-e4m3fn", 11)).toBe("flux1…4m3fn");
    expect(fitText("short", 11)).toBe("short");
    expect(fitText("anything", 0)).toBe("");
  });

  it("cutText() keeps the beginning of a sentence", () => {
    expect(cutText("waits for another process", 11)).toBe("waits for…");
  });

  it("never make text wider than asked", () => {
    fc.assert(
      fc.property(anyText, fc.nat({ max: 60 }), (text, width) => {
        expect(textWidth(fitText(text, width))).toBeLessThanOrEqual(width);
        expect(textWidth(cutText(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("padText()", () => {
  it("fills up to the width on either side", () => {
    expect(padText("模", 4)).toBe("模  ");
    expect(padText("9", 3, "right")).toBe("  9");
    expect(padText("longer", 3)).toBe("longer");
  });
});

describe("wrapText()", () => {
  it("breaks at spaces, and words that have none", () => {
    expect(wrapText("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrapText("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
  });

  it("loses nothing and keeps to the width", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 60 }), (text, width) => {
        const lines = wrapText(text, width);
        expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("countOf()", () => {
  it("knows the singular", () => {
    expect([countOf(0, "file"), countOf(1, "file"), countOf(2, "file")]).toEqual(["0 files", "1 file", "2 files"]);
  });
});
