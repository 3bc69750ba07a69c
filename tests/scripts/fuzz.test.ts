/** What once broke a reader breaks it no more, and each reader bears a first look by the fuzzer. */
import { afterAll, describe, expect, it } from "vitest";
import { fuzz } from "../../scripts/fuzz/engine.ts";
import { readFixtures } from "../../scripts/fuzz/fixtures.ts";
import { judge } from "../../scripts/fuzz/judge.ts";
import { removeScratch } from "../../scripts/fuzz/scratch.ts";
import { TARGETS } from "../../scripts/fuzz/targets.ts";

const fixtures = readFixtures();

// The test runner ends its processes without a word.
afterAll(removeScratch);

describe("an input that broke a reader", () => {
  it("is kept for a target that exists", () => {
    expect(fixtures.length).toBeGreaterThan(0);
    expect(fixtures.filter(({ target }) => !TARGETS.some(({ name }) => name === target))).toEqual([]);
  });

  it.each(fixtures.map(({ target, name, bytes }) => [`${target}/${name}`, target, bytes] as const))(
    "is borne now: %s",
    async (_, name, bytes) => {
      for (const target of TARGETS.filter((one) => one.name === name)) expect(await judge(target, bytes)).toBeNull();
    },
  );
});

describe("the fuzzer", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))("finds nothing at once in %s", async (_, target) => {
    const limits = { ms: 1000, runs: 400, seed: 7, coverage: null, before: () => undefined };
    const { runs, failures } = await fuzz(target, limits);
    expect(failures.map(({ problem }) => problem)).toEqual([]);
    expect(runs).toBeGreaterThan((await target.seeds()).length);
  });
});
