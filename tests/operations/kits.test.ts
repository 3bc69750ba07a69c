/** listKits(): what is in a kit, and how much of it is known. */
import { describe, expect, it } from "vitest";
import { listKits } from "../../src/operations/kits.ts";
import { catalogOf, model } from "./catalog.ts";

const catalog = catalogOf(
  [model("a"), model("b", { size: null }), model("c", { gated: true, size: 5, path: "vae/c.pth" })],
  {
    small: ["a"],
    mixed: ["a", "b", "c"],
  },
);

describe("listKits()", () => {
  it("lists all by name, with the bytes that are known", () => {
    expect(listKits(catalog)).toEqual([
      {
        name: "mixed",
        description: "mixed",
        includes: [],
        models: ["a", "b", "c"],
        size: 1005,
        unknownSizes: 1,
        gated: 1,
        pickles: ["c"],
        variants: [],
      },
      {
        name: "small",
        description: "small",
        includes: [],
        models: ["a"],
        size: 1000,
        unknownSizes: 0,
        gated: 0,
        pickles: [],
        variants: [],
      },
    ]);
  });

  it("says of each variant what comes with it, its largest file, and what is unknown", () => {
    const models = [
      model("vae", { size: 100 }),
      model("big", { size: 900 }),
      model("small", { size: 300 }),
      model("rough", { size: null, roughSize: 310 }),
      model("odd", { size: null }),
    ];
    const variants = [
      { name: "bf16", models: ["big"] },
      { name: "fp8", models: ["small", "rough"] },
      { name: "gguf", models: ["odd"] },
    ];
    const one = catalogOf(models);
    const kits = new Map([
      ["k", { name: "k", description: "", includes: [], models: ["vae"], variants, at: "k.yaml:1:1" }],
    ]);
    const [kit] = listKits({ ...one, kits }, ["k"], "fp8");
    expect(kit?.models).toEqual(["vae", "small", "rough"]);
    expect(kit?.variants).toEqual([
      {
        name: "bf16",
        models: ["vae", "big"],
        size: 1000,
        unknownSizes: 0,
        largest: { model: "big", size: 900, isRough: false },
      },
      {
        name: "fp8",
        models: ["vae", "small", "rough"],
        size: 400,
        unknownSizes: 1,
        largest: { model: "rough", size: 310, isRough: true },
      },
      { name: "gguf", models: ["vae", "odd"], size: 100, unknownSizes: 1, largest: null },
    ]);
  });

  it("describes only those that are named, and knows no others", () => {
    expect(listKits(catalog, ["small"]).map(({ name }) => name)).toEqual(["small"]);
    expect(() => listKits(catalog, ["smal"])).toThrow(expect.objectContaining({ code: "KIT_UNKNOWN" }));
  });
});
