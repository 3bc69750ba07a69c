/** The shape of the code, as data, held against every import that exists. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = new URL("../src/", import.meta.url).pathname;

/** Lower may never import higher; folders on one level never import each other. */
const LEVELS: readonly (readonly string[])[] = [
  ["base"],
  ["net", "digest", "settings.ts"],
  ["catalog", "trust", "workflow", "tree", "transfer", "report", "sources"],
  ["operations"],
  ["models.ts"],
  ["index.ts"],
  ["cli"],
];

/** Each risky thing has one door: the only places that may import it. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  undici: ["net/"],
  "@aws-sdk/client-s3": ["net/s3.ts", "net/s3-session.ts"],
  "@aws-sdk/s3-request-presigner": ["net/s3.ts"],
  yaml: ["catalog/yaml.ts"],
  commander: ["cli/"],
  "node:worker_threads": ["base/threads.ts"],
  "p-queue": ["operations/"],
  "xxhash-wasm": ["digest/"],
  "log-update": ["cli/"],
  "fastest-levenshtein": ["base/"],
  "node:child_process": ["transfer/preallocate.ts"],
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isTypeOnly: boolean;
}

function sourceFiles(): readonly string[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(SRC, file), "utf8").replace(/^\s*(\/\*\*?|\*).*$/gm, "");
  const found = text.matchAll(
    /(?:^|[\n;])\s*(?:import|export)\s(type\s)?[^;'"]*?from\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|(?:^|\n)import\s*["']([^"']+)["']/g,
  );
  return [...found].map(([, type, from, dynamic, bare]) => ({
    file,
    target: from ?? dynamic ?? bare ?? "",
    isTypeOnly: type !== undefined,
  }));
}

const placeOf = (file: string): string => file.split("/")[0] ?? file;
const levelOf = (place: string): number => LEVELS.findIndex((level) => level.includes(place));
const files = sourceFiles();
const imports = files.flatMap(importsOf);
const resolved = imports
  .filter(({ target }) => target.startsWith("."))
  .map((one) => ({ ...one, to: new URL(one.target, `file:///${one.file}`).pathname.slice(1) }));

describe("architecture", () => {
  it("sees the code", () => {
    expect(files.length).toBeGreaterThan(10);
    expect(imports.length).toBeGreaterThan(files.length);
    expect(files.map(placeOf).filter((place) => levelOf(place) < 0)).toEqual([]);
  });

  it("resolves every relative import to a file", () => {
    expect(resolved.filter(({ to }) => !files.includes(to)).map(({ file, to }) => `${file} -> ${to}`)).toEqual([]);
  });

  it("imports run one way", () => {
    const wrong = resolved.filter(({ file, to }) => {
      const [from, into] = [placeOf(file), placeOf(to)];
      return from !== into && levelOf(into) >= levelOf(from);
    });
    expect(wrong.map(({ file, to }) => `${file} -> ${to}`)).toEqual([]);
  });

  it("each risky package has one door", () => {
    const wrong = imports.filter(({ file, target }) => {
      const doors = DOORS[target];
      return doors !== undefined && !doors.some((door) => file.startsWith(door));
    });
    expect(wrong.map(({ file, target }) => `${file} -> ${target}`)).toEqual([]);
  });

  it("no file reaches for the process, the clock or the console but the one that owns it", () => {
    const rules: readonly (readonly [RegExp, readonly string[]])[] = [
      [/\bDate\.now\(|\bMath\.random\(|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(/, ["base/clock.ts"]],
      [/\bconsole\./, []],
      [/(?<!\/)\bprocess\./, ["cli/process.ts", "base/process.ts"]],
      [/(?<![.\w])fetch\(/, []],
    ];
    const wrong = files.flatMap((file) => {
      const text = readFileSync(join(SRC, file), "utf8")
        .replace(/\/\*[\s\S]*?\*\//g, "")
        .replace(/^\s*\/\/.*$/gm, "");
      return rules
        .filter(([pattern, doors]) => pattern.test(text) && !doors.includes(file))
        .map(([pattern]) => `${file}: ${pattern.source}`);
    });
    expect(wrong).toEqual([]);
  });

  it("every file says in its first line what it knows", () => {
    const silent = files.filter((file) => !/^(#!.*\n)?\/\*\*\s/.test(readFileSync(join(SRC, file), "utf8")));
    expect(silent).toEqual([]);
  });

  it("exports by name only", () => {
    expect(files.filter((file) => /^export default/m.test(readFileSync(join(SRC, file), "utf8")))).toEqual([]);
  });
});
