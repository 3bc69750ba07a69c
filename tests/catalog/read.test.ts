import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_TEXT_BYTES, readDocument, readJsonDocument } from "../../src/catalog/read.ts";

async function problems(file: string, content: string | Uint8Array): Promise<readonly string[]> {
  const read = await readDocument(file, content);
  return read.kind === "ok"
    ? []
    : read.problems.map(({ at, message, fix }) => `${at} ${message}${fix ? ` | ${fix}` : ""}`);
}

async function rootOf(file: string, content: string | Uint8Array): Promise<unknown> {
  const read = await readDocument(file, content);
  return read.kind === "ok" ? read.document.root : read.problems;
}

describe("readDocument()", () => {
  it("reads YAML with comments, quotes, flow and block lists", async () => {
    const text = `# c\nversion: 1 # one\nlist: [a, 'b', "c"]\nblock:\n- x\n-   - y\nempty:\ntext: |\n  two\n  lines\n`;
    const expected = {
      version: 1,
      list: ["a", "b", "c"],
      block: ["x", ["y"]],
      empty: null,
      text: "two\nlines\n",
    };
    expect(await rootOf("m.yaml", text)).toEqual(expected);
  });

  it("reads JSON, in a .json and in a .yaml", async () => {
    const text = `{"a": [1, -2.5e3, true, null, "x\\u00e9\\n"], "b": {}}`;
    const expected = { a: [1, -2500, true, null, "xé\n"], b: {} };
    expect(await rootOf("m.json", text)).toEqual(expected);
    expect(await rootOf("m.yaml", text)).toEqual(expected);
  });

  it("takes YAML's flow form in a .yaml and refuses it in a .json", async () => {
    expect(await rootOf("m.yaml", "{a: 1, b: [2,], }")).toEqual({ a: 1, b: [2] });
    expect(await problems("m.json", "{a: 1}")).toEqual(['m.json:1:2 expected a key in double quotes at "a"']);
  });

  it("ignores a byte order mark, and counts columns without it", async () => {
    expect(await rootOf("m.yaml", Buffer.from("\ufeffa: 1"))).toEqual({ a: 1 });
    expect(await problems("m.json", "\ufeff[")).toEqual(["m.json:1:2 expected a JSON value, but the file ends here"]);
  });

  it("refuses bytes that are not UTF-8 at their place", async () => {
    const bytes = Buffer.concat([Buffer.from("a: 1\nb: é"), Buffer.from([0xff]), Buffer.from("x")]);
    expect(await problems("m.yaml", bytes)).toEqual([
      "m.yaml:2:5 the bytes here are not UTF-8 | save the file as UTF-8",
    ]);
    const utf16 = Buffer.from("\ufeffa: 1", "utf16le");
    expect(await problems("m.yaml", utf16)).toEqual([
      "m.yaml:1:1 the bytes here are not UTF-8 | save the file as UTF-8",
    ]);
  });

  it("refuses a key that is there twice, at the second, in both languages", async () => {
    const twice = 'the key "a" is there twice | keep one of the two';
    expect(await problems("m.yaml", "a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")).toEqual([
      'm.yaml:4:3 the key "c" is there twice | keep one of the two',
      `m.yaml:5:1 ${twice}`,
    ]);
    expect(await problems("m.json", '{"a": 1,\n "a": 2}')).toEqual([`m.json:2:2 ${twice}`]);
    expect(await problems("m.json", '{"a": 1, "\\u0061": 2}')).toEqual([`m.json:1:10 ${twice}`]);
  });

  it("takes constructor and toString for keys like others, and refuses __proto__", async () => {
    const refused = 'the key "__proto__" is not allowed | remove it';
    const root = await rootOf("m.json", '{"constructor": 1, "toString": 2}');
    expect(Object.entries(root as object)).toEqual([
      ["constructor", 1],
      ["toString", 2],
    ]);
    expect(await problems("m.json", '{"__proto__": {"x": 1}}')).toEqual([`m.json:1:2 ${refused}`]);
    expect(await problems("m.yaml", "__proto__:\n  x: 1\n")).toEqual([`m.yaml:1:1 ${refused}`]);
    expect(await problems("m.yaml", "{__proto__: 1}")).toEqual([`m.yaml:1:2 ${refused}`]);
  });

  it("says where YAML is wrong", async () => {
    expect(await problems("m.yaml", "a: [1, 2\nb: 3\n")).toEqual([
      "m.yaml:2:1 flow sequence in block collection must be sufficiently indented and end with a ] | check the indentation and quotes here",
    ]);
    expect(await problems("m.yaml", "a: 1\n  b: 2\n")).toEqual([expect.stringMatching(/^m\.yaml:1:4 nested mappings/)]);
    expect(await problems("m.yaml", 'a: "x\n')).toEqual([expect.stringMatching(/^m\.yaml:2:1 missing closing "quote/)]);
    expect(await problems("m.yaml", "a: !thing x\n")).toEqual([
      "m.yaml:1:4 unresolved tag: !thing | check the indentation and quotes here",
    ]);
    expect(await problems("m.yaml", "a: 1\n---\nb: 2\n")).toEqual([
      "m.yaml:2:1 a second document starts here | keep one document a file",
    ]);
    expect(await problems("m.yaml", "[a]: 1\n")).toEqual(["m.yaml:1:1 a key must be a single word"]);
  });

  it("says where JSON is wrong", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["", "1:1 expected a JSON value, but the file ends here"],
      ['{"a": 1,}', '1:9 expected a key in double quotes at "}"'],
      ['{"a" 1}', '1:6 expected ":" after the key "a" at "1"'],
      ["[1 2]", '1:4 expected "," or "]" at "2"'],
      ["[01]", '1:3 expected "," or "]" at "1"'],
      ['["a\nb"]', '1:2 this text in double quotes has no end, a raw line break or an unknown escape at "\\""'],
      ["[1]\n x", '2:2 expected the end of the file at "x"'],
      ["// c\n1", '1:1 expected a JSON value at "/"'],
    ];
    for (const [text, problem] of cases) expect(await problems("m.json", text)).toEqual([`m.json:${problem}`]);
  });

  it("knows the marks of an unfinished merge", async () => {
    expect(await problems("m.yaml", "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n")).toEqual([
      "m.yaml:2:1 an unfinished merge left its marks | finish the merge",
    ]);
  });

  it("reads aliases, and gives them the place of their anchor", async () => {
    const read = await readDocument("m.yaml", "a: &x\n  k: [1, 2]\nb: *x\n");
    if (read.kind === "bad") throw new Error("refused");
    expect(read.document.root).toEqual({ a: { k: [1, 2] }, b: { k: [1, 2] } });
    expect(read.document.placeOf(["b", "k", 1])).toBe("m.yaml:2:10");
  });

  it("refuses an alias to nothing, to what is not complete, and a billion laughs", async () => {
    const nothing = "stands for nothing that is complete before it";
    expect(await problems("m.yaml", "a: *x\n")).toEqual([`m.yaml:1:4 the alias *x ${nothing}`]);
    expect(await problems("m.yaml", "a: &x [*x]\n")).toEqual([`m.yaml:1:8 the alias *x ${nothing}`]);
    const laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i += 1)
      laughs.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    expect(await problems("m.yaml", laughs.join("\n"))).toEqual([
      expect.stringMatching(/^m\.yaml:\d+:\d+ the aliases stand for more than 10000 values \| write them out$/),
    ]);
  });

  it.each([
    ["m.json", "[".repeat(10_000), "m.json:1:66"],
    ["m.json", '{"a":'.repeat(10_000), "m.json:1:326"],
    ["m.yaml", "[".repeat(10_000), "m.yaml:1:66"],
    ["m.yaml", "- ".repeat(10_000), "m.yaml:1:131"],
    ["m.yaml", "? ".repeat(10_000), "m.yaml:1:131"],
  ])("refuses the depth of 10,000 levels in a %s of %.3s", async (file, text, at) => {
    expect(await problems(file, text)).toEqual([`${at} this is nested deeper than 64 levels`]);
  });

  it("refuses what is larger than 64 MiB before it reads it", async () => {
    const [problem] = await problems("m.yaml", new Uint8Array(MAX_TEXT_BYTES + 1));
    expect(problem).toBe("m.yaml:1:1 this is larger than 64 MiB | split it into several files");
  });

  it("wants the plain form of a YAML file that is large, and says where it is left", async () => {
    const text = `a: 1\nb: |\n  x\n${"# padding that makes it large\n".repeat(300_000)}`;
    expect(await problems("m.yaml", text)).toEqual([
      "m.yaml:2:4 this is wrong, or not the plain form of YAML that a file of this size must have | write one plain `key: value` a line, or JSON",
    ]);
  });

  it("compares the keys of a mapping with 70,000 keys in linear time", async () => {
    const keys = Array.from({ length: 70_000 }, (_, index) => `k${index}: ${index}`);
    const started = performance.now();
    expect(Object.keys((await rootOf("m.yaml", `{${keys.join(", ")}}`)) as object)).toHaveLength(70_000);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it("reads half a megabyte of blanks inside of a line in no time", async () => {
    const started = performance.now();
    expect(await rootOf("m.yaml", `a: b${" ".repeat(500_000)}c  # x`)).toEqual({ a: `b${" ".repeat(500_000)}c` });
    expect(performance.now() - started).toBeLessThan(1500);
  });

  it("refuses lists in lists, 1,400 deep, before the yaml package closes them by recursion", async () => {
    const text = `a:\n${Array.from({ length: 1400 }, (_, level) => `${" ".repeat(level)}- k:`).join("\n")}`;
    expect(await problems("m.yaml", text)).toEqual([expect.stringMatching(/^m\.yaml:\d+:\d+ this is nested deeper/)]);
  });

  it("quotes no more than a line of a megabyte that it does not understand", async () => {
    const said = await problems("m.yaml", `a: 1\n b${"f".repeat(1_000_000)}\n`);
    expect(Math.max(...said.map((one) => one.length))).toBeLessThan(1000);
  });

  it("never throws, whatever the bytes are", async () => {
    const files = fc.constantFrom("m.yaml", "m.json");
    await fc.assert(
      fc.asyncProperty(files, fc.uint8Array({ maxLength: 200 }), async (file, bytes) => {
        expect((await readDocument(file, bytes)).kind).toMatch(/ok|bad/);
      }),
      { numRuns: 300 },
    );
    const pieces = fc.constantFrom(
      ..."{}[]:,-?&*!|>'\"%@`#\n\t \r\\~.0aé\ufeff\u0000",
      "- ",
      ": ",
      "&a ",
      "*a",
      "<<: ",
      "!!map ",
      "...\n",
      "---\n",
    );
    await fc.assert(
      fc.asyncProperty(files, fc.array(pieces, { maxLength: 40 }), async (file, parts) => {
        expect((await readDocument(file, parts.join(""))).kind).toMatch(/ok|bad/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("readJsonDocument()", () => {
  it("reads what JSON.parse reads and refuses what it refuses", () => {
    const pieces = fc.constantFrom(
      ...'{}[]:,"\\-+.eE01 \n\t',
      '"a"',
      "true",
      "null",
      "1.5",
      "\\u00e9",
      "\u0001",
      "0x1",
      "NaN",
    );
    const texts = fc.oneof(
      fc.json(),
      fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = readJsonDocument("m.json", text);
        const isOurs =
          read.kind === "bad" && read.problems.some(({ message }) => /^the key|nested deeper/.test(message));
        if (isOurs) return;
        expect(read.kind === "ok" ? { root: read.document.root } : null).toEqual(parsed(text));
      }),
      { numRuns: 3000 },
    );
  });
});

function parsed(text: string): { readonly root: unknown } | null {
  try {
    return { root: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}
