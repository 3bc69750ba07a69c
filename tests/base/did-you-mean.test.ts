import { describe, expect, it } from "vitest";
import { didYouMean, nearestTo } from "../../src/base/did-you-mean.ts";

describe("nearestTo()", () => {
  it.each([
    ["fulx", "flux"],
    ["FLUX", "flux"],
    ["sdxll", "sdxl"],
    ["flux-shnell-fp8", "flux-schnell-fp8"],
    ["wan", null],
    ["something-else", null],
    ["", null],
    ["x".repeat(10_000), null],
  ])("takes %s for %s", (word, meant) => {
    expect(nearestTo(word, ["flux", "sdxl", "flux-schnell-fp8"])).toBe(meant);
  });

  it("prefers the nearest, and of equals the first", () => {
    expect(nearestTo("sdxl-vaa", ["sdxl-vax", "sdxl-vae", "sdxl-vaa"])).toBe("sdxl-vaa");
    expect(nearestTo("sdxl-vaa", ["sdxl-vax", "sdxl-vae"])).toBe("sdxl-vax");
  });
});

describe("didYouMean()", () => {
  it("asks, or says nothing", () => {
    expect(didYouMean("fulx", ["flux"])).toBe('did you mean "flux"?');
    expect(didYouMean("fulx", [])).toBeUndefined();
  });
});
