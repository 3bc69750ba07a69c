import { isAbsolute, relative, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collisionKey, joinUnder, parseTreePath, type TreePath, treePathProblem } from "../../src/base/paths.ts";

const HOSTILE: readonly (readonly [string, readonly string[]])[] = [
  ["climbs out", ["../../.ssh/authorized_keys", "..", "../a", "a/..", "a/../../b", "loras/../../../etc/passwd"]],
  ["absolute", ["/etc/x", "/", "//host/share"]],
  ["of Windows", ["C:\\x", "D:x", "C:/x", "\\\\host\\share", "\\x", "a\\..\\b", "\\\\?\\C:\\x", "a\\b"]],
  ["odd parts", ["a//b", "./a", "a/", ".", "a/.", "a/./b", ""]],
  ["control characters", ["a\0b", "a\nb", "a\r\nb", "a\tb", "a\x7fb", "a\x9bb", "\x1b[31mred"]],
  [
    "invisible or turning characters",
    ["a\u202eb", "a\u200bb", "a\u200fb", "a\u2066b", "\ufeffa", "a\u2028b", "a\u00adb"],
  ],
  ["more invisible characters", ["a\u061cb", "a\u180eb", "a\u3164b", "a\u115fb", "a\u{e0041}b"]],
  ["half a character", ["a\ud800b", "\udc00"]],
  ["too long", ["a".repeat(256), `${"é".repeat(128)}`, `${"a/".repeat(600)}b`, "x".repeat(4097)]],
  [
    "reserved names",
    ["CON", "nul", "aux.txt", "loras/NUL.safetensors", "com1", "LPT9.x", "COM¹", "prn.a.b", "con .txt"],
  ],
  ["reserved consoles", ["CONIN$", "conout$.x"]],
  ["ends that Windows drops", ["a.", "a ", "a./b", "a /b", "..."]],
  ["streams and wildcards", ["a:stream", "a*", "a?", 'a"', "a<b", "a|b"]],
  ["modelferry's own folder", [".modelferry", ".modelferry/x", ".ModelFerry/partial/x"]],
];

describe("treePathProblem()", () => {
  it.each(
    HOSTILE.flatMap(([name, paths]) => paths.map((path) => [name, JSON.stringify(path).slice(0, 60), path] as const)),
  )("refuses what is %s: %s", (_, __, path) => {
    expect(treePathProblem(path)).toEqual(expect.any(String));
    expect(() => parseTreePath(path)).toThrow(expect.objectContaining({ code: "PATH_UNSAFE" }));
  });

  it.each([
    "checkpoints/flux1-dev.safetensors",
    "loras/Wan2.2 (high noise) v1.0 [fp8].safetensors",
    "text_encoders/日本語/é.gguf",
    "a/...b",
    "a/..b",
    ".hidden/x",
    "console/x",
    "com10",
    "loras/.modelferry/x",
    "a".repeat(255),
  ])("takes %s", (path) => {
    expect(parseTreePath(path)).toBe(path);
  });

  it("what it refuses never reaches the terminal raw", () => {
    try {
      parseTreePath("a\x1b[2J\u202eb");
    } catch (error) {
      expect((error as Error).message).not.toContain("\x1b");
    }
  });
});

describe("joinUnder()", () => {
  it("stays under the root for every path that parseTreePath() takes", () => {
    const root = resolve("/srv/models");
    const anyText = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc
        .array(fc.constantFrom("..", ".", "", "a", "b.c", "...", "~", "\\", "C:", " "), { maxLength: 6 })
        .map((parts) => parts.join("/")),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        fc.pre(treePathProblem(text) === null);
        const back = relative(root, joinUnder(root, parseTreePath(text)));
        expect(back.startsWith("..") && /^\.\.([/\\]|$)/.test(back)).toBe(false);
        expect(isAbsolute(back) || back === "").toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses on its own too what got past the parser", () => {
    expect(() => joinUnder("/srv/models", "../x" as TreePath)).toThrow(
      expect.objectContaining({ code: "PATH_UNSAFE" }),
    );
    expect(() => joinUnder("/srv/models", "a/.." as TreePath)).toThrow(
      expect.objectContaining({ code: "PATH_UNSAFE" }),
    );
  });
});

describe("collisionKey()", () => {
  it("is the same for what some file system takes for the same", () => {
    expect(collisionKey(parseTreePath("loras/É.bin"))).toBe(collisionKey(parseTreePath("LORAS/e\u0301.bin")));
    expect(collisionKey(parseTreePath("a"))).not.toBe(collisionKey(parseTreePath("b")));
  });
});
