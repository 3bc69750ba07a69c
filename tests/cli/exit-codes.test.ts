import { describe, expect, it } from "vitest";
import { ModelsError } from "../../src/base/errors.ts";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import { errorLines, errorObject, exitCodeOfError } from "../../src/cli/print-error.ts";
import { plainStyle } from "../../src/report/style.ts";

const pipe = { width: null, style: plainStyle };

describe("exitCodeOf()", () => {
  it("follows the table of the help", () => {
    expect(exitCodeOf("MIRROR_FAILED")).toBe(1);
    expect(exitCodeOf("DISK_FULL")).toBe(1);
    expect(exitCodeOf("MANIFEST_INVALID")).toBe(2);
    expect(exitCodeOf("MODELS_MISSING")).toBe(3);
    expect(exitCodeOf("DIGEST_MISMATCH")).toBe(4);
    expect(exitCodeOf("LOCKED")).toBe(5);
    expect(exitCodeOf("INTERRUPTED")).toBe(130);
  });

  it("gives anything foreign a 1", () => {
    expect(exitCodeOfError(new TypeError("x is not a function"))).toBe(1);
  });
});

describe("errorLines()", () => {
  it("tells the message, each problem with its place, then the fix", () => {
    const error = new ModelsError(
      "MANIFEST_INVALID",
      "Cannot read the catalogue: 2 problems\n  a.yaml:1:2: no\n  b: no",
      {
        fix: "correct them",
        problems: [
          { at: "a.yaml:1:2", message: "no", fix: "yes" },
          { at: "b", message: "no" },
        ],
      },
    );
    expect(errorLines(error, pipe, false)).toEqual([
      "✗ Cannot read the catalogue: 2 problems",
      "  a.yaml:1:2: no",
      "    fix: yes",
      "  b: no",
      "  fix: correct them",
    ]);
  });

  it("wraps under its own beginning", () => {
    const error = new ModelsError("USAGE", "Cannot do it: one two three four", { fix: "five six seven eight" });
    expect(errorLines(error, { ...pipe, width: 26 }, false)).toEqual([
      "✗ Cannot do it: one two",
      "  three four",
      "  fix: five six seven",
      "       eight",
    ]);
  });

  it("does not let a message steer the terminal", () => {
    expect(errorLines(new ModelsError("USAGE", "Cannot read \u001b[2J"), pipe, false)).toEqual([
      "✗ Cannot read \\u001b[2J",
    ]);
  });

  it("calls what nobody foresaw unexpected, and asks for a report", () => {
    expect(errorLines(new TypeError("x is not a function"), pipe, false)).toEqual([
      "✗ Unexpected TypeError: x is not a function",
      "  fix: run it again with MODELS_DEBUG=1 and report what it prints",
    ]);
  });

  it("adds stacks of the error and its causes when debugging", () => {
    const lines = errorLines(new ModelsError("USAGE", "outer", { cause: new Error("inner") }), pipe, true);
    expect(lines.join("\n")).toMatch(/outer\n +at [\s\S]*caused by\nError: inner\n +at /);
  });
});

describe("errorObject()", () => {
  it("leaves out what is not there", () => {
    expect(errorObject(new ModelsError("USAGE", "no"))).toEqual({ code: "USAGE", message: "no" });
  });
});
