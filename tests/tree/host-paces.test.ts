/** What is remembered of hosts is read back, bounded, and never believed when it is not ours. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { HostPace } from "../../src/base/host-pace.ts";
import { mergePaces, parsePaces, readPaces, rememberPaces } from "../../src/tree/host-paces.ts";
import { seal } from "../../src/tree/sealed.ts";
import { createBench } from "./support.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW = 1_800_000_000_000;
const paceOf = (origin: string, more: Partial<HostPace> = {}): HostPace => ({
  origin,
  bytesPerSecond: 100_000_000,
  laneBytesPerSecond: 12_500_000,
  lanes: 8,
  at: NOW - DAY_MS,
  ...more,
});
const HERE = paceOf("https://models.example.net");
const parsed = (...hosts: readonly unknown[]): readonly HostPace[] => parsePaces({ version: 1, hosts }, NOW);

describe("rememberPaces()", () => {
  it("writes what the next run reads, and keeps what others wrote", async () => {
    const { parts, tree } = await createBench();
    const [one, two] = [
      paceOf("https://one.test", { at: Date.now() }),
      paceOf("http://127.0.0.1:8080", { at: Date.now() }),
    ];
    await rememberPaces(parts, [one]);
    await tree.rememberPaces([two]);
    expect(new Set(await tree.hostPaces())).toEqual(new Set([one, two]));
    await rememberPaces(parts, [{ ...one, lanes: 3 }]);
    expect(await readPaces(parts)).toContainEqual({ ...one, lanes: 3 });
  });

  it("never fails, though there is nowhere to write to", async () => {
    const { parts, root, write } = await createBench();
    await write(join(root, ".modelferry"), "a file");
    await rememberPaces(parts, [paceOf("https://one.test", { at: Date.now() })]);
    expect(await readPaces(parts)).toEqual([]);
  });

  it("writes a file that no sweep takes, no list shows and no prune frees", async () => {
    const { parts, tree } = await createBench();
    await tree.rememberPaces([paceOf("https://one.test", { at: Date.now() })]);
    const before = await readFile(parts.layout.hostPaces);
    await tree.sweep();
    expect(await readFile(parts.layout.hostPaces)).toEqual(before);
    expect([await tree.list(), await tree.usages(), await tree.unfinished()]).toEqual([[], [], []]);
  });
});

describe("readPaces()", () => {
  it.each([
    ["torn", (text: string) => text.slice(0, -20)],
    ["changed by a byte", (text: string) => text.replace(":8,", ":9,")],
    ["without a seal", () => JSON.stringify({ version: 1, hosts: [HERE] })],
    ["larger than 64 KiB", () => seal({ version: 1, hosts: [HERE], more: "x".repeat(64 * 1024) })],
    ["of another version", () => seal({ version: 2, hosts: [HERE] })],
  ])("knows nothing from a file that is %s", async (_, damage) => {
    const { parts, write } = await createBench();
    const at = { ...parts, clock: { ...systemClock, now: () => NOW } };
    const text = seal({ version: 1, hosts: [HERE] });
    await write(parts.layout.hostPaces, text);
    expect(await readPaces(at)).toEqual([HERE]);
    await write(parts.layout.hostPaces, damage(text));
    expect(await readPaces(at)).toEqual([]);
  });
});

describe("parsePaces()", () => {
  it("leaves out what nobody can have measured, and keeps what stands beside it", () => {
    const wrong: readonly Partial<Record<keyof HostPace, unknown>>[] = [
      { lanes: 0 },
      { lanes: 2.5 },
      { lanes: 257 },
      { bytesPerSecond: -1 },
      { bytesPerSecond: 1e13 },
      { laneBytesPerSecond: 0 },
      { laneBytesPerSecond: 100_000_001 },
      { at: NOW - 14 * DAY_MS - 1 },
      { at: NOW + 1 },
      { at: "yesterday" },
      { origin: "file" },
      { origin: "https://user:secret@models.example.net" },
      { origin: "https://models.example.net/path?token=secret" },
      { origin: `https://${"a".repeat(300)}.test` },
    ];
    const other = paceOf("http://127.0.0.1:8080");
    for (const more of wrong) expect(parsed({ ...HERE, ...more }, other)).toEqual([other]);
  });

  it("never throws and gives what it would read again, whatever is in the file", () => {
    const anyPace = fc.record({
      origin: fc.oneof(fc.webUrl(), fc.constantFrom("https://a.test", "http://b.test:81"), fc.anything()),
      bytesPerSecond: fc.oneof(fc.integer(), fc.double(), fc.anything()),
      laneBytesPerSecond: fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.anything()),
      lanes: fc.oneof(fc.integer({ min: -1, max: 300 }), fc.anything()),
      at: fc.oneof(fc.integer({ min: NOW - 20 * DAY_MS, max: NOW + DAY_MS }), fc.anything()),
    });
    const anyContent = fc.record({ version: fc.constant(1), hosts: fc.oneof(fc.array(anyPace), fc.anything()) });
    fc.assert(
      fc.property(fc.oneof(anyContent, fc.dictionary(fc.string(), fc.anything())), (content) => {
        const paces = parsePaces(content, NOW);
        expect(paces.every(({ lanes, at }) => lanes >= 1 && lanes <= 256 && at <= NOW)).toBe(true);
        expect(parsed(...paces)).toEqual(paces);
      }),
    );
  });
});

describe("mergePaces()", () => {
  it("takes the newest word on a host, from whichever side", () => {
    const newer = { ...HERE, lanes: 3, at: NOW };
    expect(mergePaces([HERE], [newer], NOW)).toEqual([newer]);
    expect(mergePaces([newer], [HERE], NOW)).toEqual([newer]);
  });

  it("keeps the 64 newest", () => {
    const many = Array.from({ length: 100 }, (_, index) => paceOf(`https://${index}.test`, { at: NOW - index }));
    expect(mergePaces(many.slice(50), many.slice(0, 50), NOW)).toEqual(many.slice(0, 64));
  });
});
