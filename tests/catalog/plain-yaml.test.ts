import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Parsed } from "../../src/catalog/document.ts";
import { readPlainYaml } from "../../src/catalog/plain-yaml.ts";
import { readYaml } from "../../src/catalog/yaml.ts";

const EXAMPLES = [
  `version: 1
models:
  - name: flux
    path: loras/a.safetensors
    aliases: [unet/x.y, b]
    size: 123
    sources:
      - hf://a/b@c/d
      - "quo ted"  # c
  - name: 'single'
    note: it is text, with (things) # comment
    gated: true
kits: []
`,
  "a: b\nc:\n- x\n- - y\n  - z\n-\nd: null\n",
  "- 1\n- a: 2\n  b:\n    c: d\n- [a, b]\n",
];

const EDITS = [
  ...[
    " ",
    "  ",
    ":",
    ": ",
    "-",
    "- ",
    "#",
    " #",
    "\n",
    "\n  ",
    "\n    ",
    '"',
    "'",
    "[",
    "]",
    ",",
    "{",
    "}",
    "&a ",
    "*a",
  ],
  ...[
    "!x ",
    "|",
    ">",
    "%",
    "@",
    "a",
    "1",
    ".",
    "~",
    "?",
    "? ",
    "null",
    "true",
    "0x1f",
    "1e3",
    ".5",
    "é",
    "=",
    "<<",
    "`",
  ],
  ...["---\n", "...\n", "\\", "(", "+1", "_", "\u00a0", "\u2028", "😀", "\t", "\r\n", "__proto__", "1_0", "0o7", "-5"],
];

const edit = fc.record({ at: fc.nat(400), removed: fc.nat(5), added: fc.constantFrom("", ...EDITS) });
const edited = fc.tuple(fc.constantFrom(...EXAMPLES), fc.array(edit, { maxLength: 5 })).map(([text, edits]) =>
  edits.reduce((before, { at, removed, added }) => {
    const start = at % (before.length + 1);
    return before.slice(0, start) + added + before.slice(start + removed);
  }, text),
);

const shapeOf = (parsed: Parsed): unknown => [parsed.root, parsed.rootAt, [...parsed.marks.values()]];

describe("readPlainYaml()", () => {
  it("reads the plain form: blocks, lists of words, quotes, comments", () => {
    for (const text of EXAMPLES.slice(0, 1)) expect(readPlainYaml(text)).toHaveProperty("root");
    expect(readPlainYaml("a:\n- b: 1 # one\n\n  # two\n  c: [x, 7]\n- 'd'\n")).toMatchObject({
      root: { a: [{ b: 1, c: ["x", 7] }, "d"] },
    });
  });

  it("leaves everything else to the whole language, and says where", () => {
    const cases: readonly (readonly [text: string, stoppedAt: number])[] = [
      ["", 0],
      ["a: {}", 3],
      ["a: |\n  x", 3],
      ["a: b\n c: d", 6],
      ["a: 1\na: 2", 5],
      ["a: -5", 3],
      ["a: 1.5", 3],
      ["a: b: c", 3],
      ["a:\tb", 2],
      ["a: 1\r\n", 4],
      ["a: 1\n---\nb: 2", 5],
      ['a: "x\\n"', 3],
      ["a: [b\n, c]", 5],
    ];
    for (const [text, stoppedAt] of cases) expect([text, readPlainYaml(text)]).toEqual([text, { stoppedAt }]);
  });

  it("reads what it accepts exactly as the yaml package does, places included", () => {
    let accepted = 0;
    fc.assert(
      fc.property(edited, (text) => {
        const plain = readPlainYaml(text);
        if ("stoppedAt" in plain) return;
        accepted += 1;
        const whole = readYaml(text);
        expect("root" in whole ? shapeOf(whole) : whole).toEqual(shapeOf(plain));
      }),
      { numRuns: 4000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });
});

describe("readPlainYaml() of a long key", () => {
  it("leaves keys of more than 1,000 characters to the whole language, which allows 1,024", () => {
    expect(readPlainYaml(`${"k".repeat(1001)}: 1\n`)).toHaveProperty("root");
    expect(readPlainYaml(`${"k".repeat(1002)}: 1\n`)).toEqual({ stoppedAt: 0 });
    expect(readYaml(`${"k".repeat(1025)}: 1\n`)).toHaveProperty("length");
  });
});
