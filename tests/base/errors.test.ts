/** What may stand in an error, whoever wrote the text that it quotes. */
import { describe, expect, it } from "vitest";
import { ModelsError } from "../../src/base/errors.ts";
import { parseTreePath } from "../../src/base/paths.ts";

describe("ModelsError", () => {
  it("spells out control characters and turned text, so that a manifest cannot steer the terminal that shows it", () => {
    const error = new ModelsError("USAGE", "Cannot x \u001b[2J\r\u009b\u202e", {
      fix: "a\u0007",
      problems: [{ at: "f\u0008:1:1", message: "\u007f", fix: "\u2066" }],
    });
    expect(error.message).toBe("Cannot x \\u001b[2J\\u000d\\u009b\\u202e");
    expect(error.fix).toBe("a\\u0007");
    expect(error.problems).toEqual([{ at: "f\\u0008:1:1", message: "\\u007f", fix: "\\u2066" }]);
  });

  it("keeps the lines of a list of problems, and letters of every language", () => {
    expect(new ModelsError("USAGE", "größe 日本\n  two").message).toBe("größe 日本\n  two");
  });

  it("of a path with a control character that JSON does not escape is harmless", () => {
    expect(() => parseTreePath("a\u009b2J")).toThrow(/a\\u009b2J/);
  });
});
