/** docs/reliability.md promises nothing that no test holds, and names every fault of its list. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const at = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const page = at("docs/reliability.md");
const rows = page.split("\n").filter((line) => /^\| (?!---|promise|what)/.test(line) && !/^\| \| \*\*/.test(line));
const cited = [...page.matchAll(/`(tests\/[^`]+\.ts)`: "([^"]+)" \|/g)].map(([, file = "", title = ""]) => ({
  file,
  title,
}));
const numbers = rows.map((row) => Number(/^\| (\d+) \|/.exec(row)?.[1] ?? Number.NaN)).filter((number) => number > 0);

describe("docs/reliability.md", () => {
  it("names only tests that exist, by the words of their titles", () => {
    expect(cited.length).toBeGreaterThan(95);
    expect(cited.filter(({ file, title }) => !at(file).includes(`"${title}"`))).toEqual([]);
  });

  it("has a test in every row", () => {
    const claims = rows.filter((row) => !/^\| \| what happens/.test(row));
    expect(claims.filter((row) => !/`tests\/[^`]+\.ts`: "/.test(row))).toEqual([]);
  });

  it("has every line of the list of faults, 1 to 82", () => {
    expect(numbers).toEqual(Array.from({ length: 82 }, (_, index) => index + 1));
  });
});

describe("modelferry", () => {
  it("79 to 82: speaks neither BitTorrent nor aria2's RPC, and listens on nothing", () => {
    const { dependencies } = JSON.parse(at("package.json")) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    expect(Object.keys(dependencies).filter((name) => /torrent|aria2|bittorrent|dht/i.test(name))).toEqual([]);
    const sources = readdirSync(new URL("../src", import.meta.url), { recursive: true, encoding: "utf8" });
    const files = sources.filter((name) => name.endsWith(".ts"));
    expect(files.length).toBeGreaterThan(300);
    const listening = files.filter((name) =>
      /\bcreateServer\b|\.listen\(|infohash|magnet:|jsonrpc/i.test(at(`src/${name}`)),
    );
    expect(listening).toEqual([]);
  });
});
