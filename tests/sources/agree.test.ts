/** Who is believed when mirrors differ. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { agreeing, type Claim, claimProblem } from "../../src/sources/agree.ts";
import { makeSafetensors } from "../origins/weights.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)] as [Sha256, Sha256];
const head = makeSafetensors({ size: 100_000 }).read(0, 50_000);
const claim = (label: string, size: number, sha256: Sha256 | null = null): Claim => ({
  label,
  source: `https://${label}/m`,
  size,
  sha256,
  head,
});
const kept = (claims: readonly Claim[], sha256: Sha256 | null = null): string[] =>
  agreeing(claims, { sha256 }).kept.map(({ label }) => label);

describe("agreeing()", () => {
  it.each([
    ["everyone who says the same", [claim("x", 1), claim("y", 1)], null, ["x", "y"]],
    ["the majority", [claim("x", 2), claim("y", 1), claim("z", 1)], null, ["y", "z"]],
    ["who was named first, when it is even", [claim("x", 2), claim("y", 1)], null, ["x"]],
    ["who declares a digest", [claim("x", 2), claim("y", 2), claim("z", 1, A)], null, ["z"]],
    ["who declares the wanted digest", [claim("x", 2, B), claim("y", 2, B), claim("z", 1, A)], A, ["z"]],
    [
      "the majority of digests",
      [claim("x", 1, B), claim("y", 1, A), claim("z", 1, A), claim("w", 1)],
      null,
      ["y", "z", "w"],
    ],
    ["nobody, when there is nobody", [], null, []],
  ] as const)("keeps %s", (_title, claims, sha256, labels) => expect(kept(claims, sha256)).toEqual(labels));

  it("blames the others with both figures", () => {
    const { dropped } = agreeing([claim("x", 2), claim("y", 1), claim("z", 1)], { sha256: null });
    expect([...dropped.values()]).toMatchObject([
      { code: "MIRROR_LIED", message: 'Cannot use "https://x/m": x says 2 bytes, y and z says 1' },
    ]);
    const digests = agreeing([claim("x", 1, A), claim("y", 1, B)], { sha256: null });
    expect([...digests.dropped.values()]).toMatchObject([
      { code: "DIGEST_CONTRADICTION", message: expect.stringContaining(`y declares sha256 ${B}, x declares ${A}`) },
    ]);
  });

  it("keeps at least one of any, all of them agreeing, and blames each of the rest once", () => {
    const any = fc.record({ size: fc.nat({ max: 3 }), sha256: fc.constantFrom(null, A, B) });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 8 }), fc.constantFrom(null, A, B), (list, sha256) => {
        const claims = list.map((one, index) => claim(`m${index}`, one.size, one.sha256));
        const result = agreeing(claims, { sha256 });
        expect(result.kept.length).toBeGreaterThan(0);
        expect(result.kept.length + result.dropped.size).toBe(claims.length);
        expect(new Set(result.kept.map(({ size }) => size)).size).toBe(1);
        expect(new Set(result.kept.flatMap((one) => one.sha256 ?? [])).size).toBeLessThan(2);
        const isDeclared = claims.some((one) => one.sha256 === sha256 && sha256 !== null);
        if (isDeclared) expect(result.kept.some((one) => one.sha256 === sha256)).toBe(true);
      }),
    );
  });
});

describe("claimProblem()", () => {
  const expected = { path: "m.safetensors", size: 100_000, sha256: A, allowPickle: false };
  it("finds nothing wrong with a mirror that fits, or says nothing", () => {
    expect(claimProblem(claim("x", 100_000, A), expected)).toBe(null);
    expect(claimProblem(claim("x", 100_000), expected)).toBe(null);
    expect(claimProblem(claim("x", 100_000), { ...expected, size: null, sha256: null })).toBe(null);
  });

  it("names the digest before the size", () => {
    expect(claimProblem(claim("x", 5, B), expected)?.code).toBe("DIGEST_CONTRADICTION");
    expect(claimProblem(claim("x", 5), expected)?.code).toBe("MIRROR_LIED");
  });

  it("sees a file whose tensors do not fill it, when no digest will", () => {
    const unpinned = { ...expected, size: null, sha256: null };
    expect(claimProblem(claim("x", 100_001), unpinned)).toMatchObject({ code: "NOT_WEIGHTS" });
  });
});
