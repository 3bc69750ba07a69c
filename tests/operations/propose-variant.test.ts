/** proposeVariant(): from sizes alone, and it says so. */
import { describe, expect, it } from "vitest";
import type { VariantEntry } from "../../src/operations/kits.ts";
import { proposeVariant } from "../../src/operations/propose-variant.ts";

const variant = (name: string, size: number | null): VariantEntry => ({
  name,
  models: [`m-${name}`],
  size: size ?? 0,
  unknownSizes: size === null ? 1 : 0,
  largest: size === null ? null : { model: `m-${name}`, size, isRough: name === "gguf" },
});
const ALL = [variant("bf16", 23.8e9), variant("fp8", 11.9e9), variant("gguf", 6.8e9)];

describe("proposeVariant()", () => {
  it.each([
    [32, "bf16"],
    [16, "fp8"],
    [12, "gguf"],
    [6, null],
  ])("for %i GB proposes %s", (gib, expected) => {
    expect(proposeVariant(ALL, gib * 1024 ** 3).variant).toBe(expected);
  });

  it("says which file it measured, against what, and what is unknown", () => {
    const proposal = proposeVariant([variant("bf16", null), ...ALL.slice(1)], 16 * 1024 ** 3);
    expect(proposal.basis.map(({ fits }) => fits)).toEqual([null, true, true]);
    expect(proposal.says).toBe(
      "the largest file of fp8 is m-fp8 with 11.9 GB, which fits into 14.6 GB, 85 % of the memory; of bf16 a size is unknown",
    );
  });

  it("says about of a size that a list rounds", () => {
    expect(proposeVariant(ALL, 12 * 1024 ** 3).says).toContain("m-gguf with about 6.8 GB");
  });

  it("proposes nothing that is not known to fit", () => {
    expect(proposeVariant([variant("fp8", null)], 1024 ** 4)).toMatchObject({ variant: null });
    expect(proposeVariant([], 1024 ** 4).says).toBe("this kit has no variants to choose between");
  });
});
