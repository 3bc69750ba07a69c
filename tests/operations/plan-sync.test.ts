/** planSync(): every action by table, and the sums by property. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { planSync, type SyncFact, type SyncFacts } from "../../src/operations/plan-sync.ts";

const sha = (digit: string) => parseSha256(digit.repeat(64));

function fact(over: Partial<SyncFact> = {}): SyncFact {
  return {
    model: "flux",
    path: "unet/flux.safetensors",
    size: 1000,
    sha256: sha("a"),
    sources: ["hf://a/b@c/flux.safetensors"],
    presence: "absent",
    replaces: null,
    reusable: null,
    partial: { durableBytes: 0, allocatedBytes: 0 },
    ...over,
  };
}

const facts = (models: readonly SyncFact[], over: Partial<SyncFacts> = {}): SyncFacts => ({
  root: "/models",
  models,
  freeBytes: 5000,
  reserveBytes: 100,
  ...over,
});

describe("planSync()", () => {
  it.each([
    ["leaves a proven file alone", fact({ presence: "present" }), "present", 0, []],
    ["proves an unverified file where it stands", fact({ presence: "unverified" }), "reuse", 0, [fact().path]],
    [
      "reuses the same bytes from elsewhere",
      fact({ reusable: { path: "/hub/blob", diskBytes: 0 } }),
      "reuse",
      0,
      ["/hub/blob"],
    ],
    [
      "resumes after the durable bytes",
      fact({ partial: { durableBytes: 300, allocatedBytes: 1000 } }),
      "resume",
      700,
      fact().sources,
    ],
    ["fetches what is absent", fact(), "fetch", 1000, fact().sources],
    ["does not guess an unknown size", fact({ size: null }), "fetch", null, fact().sources],
  ])("%s", (_claim, one, action, fetchBytes, from) => {
    expect(planSync(facts([one])).lines[0]).toMatchObject({ action, fetchBytes, from });
  });

  it("says what would lose its place, and nothing where nothing stands", () => {
    const replaces = { size: 7, status: "wrong-size" } as const;
    const [line, other] = planSync(facts([fact({ replaces }), fact({ sha256: sha("b") })])).lines;
    expect(line).toMatchObject({ action: "fetch", replaces });
    expect(other).not.toHaveProperty("replaces");
  });

  it("does not show what the query of an address may hide", () => {
    const signed = fact({ sources: ["https://origin.example/a?X-Amz-Signature=secret", "r2://bucket/a"] });
    expect(planSync(facts([signed])).lines[0]?.from).toEqual([
      "https://origin.example/a?X-Amz-Signature=***",
      "r2://bucket/a",
    ]);
  });

  it("fetches an artifact once and links the second model to it", () => {
    const plan = planSync(facts([fact(), fact({ model: "twin", path: "vae/twin.safetensors" })]));
    expect(plan.lines.map((line) => line.action)).toEqual(["fetch", "link"]);
    expect(plan.lines[1]?.from).toEqual(["unet/flux.safetensors"]);
    expect(plan).toMatchObject({ fetchBytes: 1000, reuseBytes: 1000 });
  });

  it("prefers an unverified twin over fetching", () => {
    const plan = planSync(
      facts([fact(), fact({ model: "twin", path: "vae/twin.safetensors", presence: "unverified" })]),
    );
    expect(plan.lines.map((line) => line.action)).toEqual(["link", "reuse"]);
    expect(plan.fetchBytes).toBe(0);
  });

  it("needs the disk only for bytes that are not allocated yet, and the reserve", () => {
    const resumed = fact({ partial: { durableBytes: 300, allocatedBytes: 800 } });
    const copied = fact({ sha256: sha("b"), reusable: { path: "/other/disk", diskBytes: 1000 } });
    expect(planSync(facts([resumed, copied])).neededBytes).toBe(200 + 1000 + 100);
  });

  it("needs nothing from the disk, not even the reserve, when nothing is written", () => {
    expect(planSync(facts([fact({ presence: "present" })])).neededBytes).toBe(0);
  });

  it("counts lines of unknown size", () => {
    expect(planSync(facts([fact({ size: null }), fact({ sha256: sha("c") })]))).toMatchObject({
      unknownSizes: 1,
      fetchBytes: 1000,
    });
  });

  it("adds up: fetched + reused + resumed + present is the whole, and nothing is negative", () => {
    const bytes = fc.integer({ min: 0, max: 1e12 });
    const anyFact = fc.record<SyncFact>({
      model: fc.string(),
      path: fc.string(),
      size: bytes,
      sha256: fc.constantFrom(sha("a"), sha("b"), sha("c"), null),
      sources: fc.constant(["hf://a/b@c/d"]),
      presence: fc.constantFrom("present", "unverified", "absent"),
      replaces: fc.constantFrom(null, { size: 3, status: "corrupt" as const }),
      reusable: fc.option(fc.record({ path: fc.string(), diskBytes: bytes }), { nil: null }),
      partial: fc.record({ durableBytes: bytes, allocatedBytes: bytes }),
    });
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), bytes, (models, reserveBytes) => {
        const plan = planSync(facts(models, { reserveBytes }));
        expect(plan.lines).toHaveLength(models.length);
        let whole = 0;
        for (const [index, line] of plan.lines.entries()) {
          const one = models[index] as SyncFact;
          const size = one.size ?? 0;
          const resumed = line.action === "resume" ? Math.min(size, one.partial.durableBytes) : 0;
          const local = line.action === "fetch" || line.action === "resume" ? resumed : size;
          expect(line.fetchBytes).toBeGreaterThanOrEqual(0);
          expect((line.fetchBytes ?? 0) + local).toBe(size);
          whole += line.fetchBytes ?? 0;
        }
        expect(plan.fetchBytes).toBe(whole);
        expect(plan.neededBytes).toBeGreaterThanOrEqual(0);
        expect(plan.reuseBytes).toBeGreaterThanOrEqual(0);
        const linked = plan.lines.filter((line) => line.action === "link");
        for (const line of linked) {
          const target = plan.lines.find((other) => other.path === line.from[0] && other.action !== "link");
          expect(target).toBeDefined();
        }
      }),
    );
  });
});
