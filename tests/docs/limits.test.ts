/** The page of limits says what the code does: every constant that it names, and none left out. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const SRC = new URL("../../src/", import.meta.url);
const page = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8");

interface Row {
  readonly most: string;
  readonly name: string;
  readonly file: string;
}

const rows = [...page.matchAll(/^\|[^|]+\| ([^|]+) \|[^|]+\| `([A-Z_]+)` \| `([a-z0-9/.-]+)` \|$/gm)].map(
  ([, most = "", name = "", file = ""]): Row => ({ most, name, file }),
);

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  MB: 1e6,
  ms: 1,
  s: 1e3,
  min: 6e4,
  days: 864e5,
};

/** `64 MiB`, `10,000`, `2^53 - 1`, `10 min` (in milliseconds). */
function figureOf(text: string): number {
  if (text === "2^53 - 1") return Number.MAX_SAFE_INTEGER;
  const [, digits, unit = ""] = /^([\d,]+)(?: ([A-Za-z]+))?$/.exec(text) ?? [];
  return Number(digits?.replaceAll(",", "")) * (UNITS[unit] ?? Number.NaN);
}

/** What the code gives a constant: a number, or a product, a sum or a shift of numbers and of constants of `document.ts`. */
function figureIn({ name, file }: Row): number {
  const text = readFileSync(new URL(file, SRC), "utf8");
  const found = new RegExp(`^(?:export )?const ${name}(?:: number)? = ([^;]+);`, "m").exec(text)?.[1] ?? "";
  if (found === "Number.MAX_SAFE_INTEGER") return Number.MAX_SAFE_INTEGER;
  const plain = found.replaceAll("_", "").replace("MAXDEPTH", "64");
  return /^[\d\s*+<]+$/.test(plain) ? (new Function(`return ${plain}`)() as number) : Number.NaN;
}

describe("docs/limits.md", () => {
  it("has rows", () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(rows).toHaveLength([...(page.split("## Load")[0] ?? "").matchAll(/^\| (?!what)[^|]+\|/gm)].length);
  });

  it.each(rows.map((row) => [`${row.name} of ${row.file}`, row] as const))("says what the code does: %s", (_, row) => {
    expect(figureIn(row)).toBe(figureOf(row.most));
  });

  it("leaves out no constant that is called MAX_…", () => {
    const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const all = files.flatMap((file) => {
      const text = readFileSync(new URL(file, SRC), "utf8");
      return [...text.matchAll(/^(?:export )?const (MAX_[A-Z_]+)\b/gm)].map(([, name]) => `${name} of ${file}`);
    });
    const told = new Set(rows.map(({ name, file }) => `${name} of ${file}`));
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter((one) => !told.has(one))).toEqual([]);
  });
});
