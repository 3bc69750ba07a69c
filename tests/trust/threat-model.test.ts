/** docs/trust.md promises nothing that no test holds. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const at = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = at("docs/trust.md");
const attacks = page.slice(page.indexOf("## A hostile mirror"));
const rows = attacks.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:it|claim) \| test \|$/.test(line));
const cited = [...page.matchAll(/`(tests\/[^`]+\.test\.ts)`: "([^"]+)"/g)].map(([, file = "", title = ""]) => ({
  file,
  title,
}));

describe("docs/trust.md", () => {
  it("names only tests that exist, by the words of their titles", () => {
    expect(cited.length).toBeGreaterThan(40);
    const missing = cited.filter(({ file, title }) => !at(file).includes(`"${title}"`));
    expect(missing).toEqual([]);
  });

  it("has a test for every row that says what somebody cannot do", () => {
    const claims = rows.filter((row) => !row.includes("**can**"));
    expect(claims.length).toBeGreaterThan(35);
    expect(claims.filter((row) => !row.includes(".test.ts`: "))).toEqual([]);
  });

  it("speaks of every attacker", () => {
    for (const who of ["mirror", "manifest", "workflow", "bucket key", "signing key"]) {
      expect(page).toMatch(new RegExp(`^## A (?:hostile|stolen) ${who}`, "m"));
    }
  });
});
