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
      },
    ]);
  });

  it("describes only those that are named, and knows no others", () => {
    expect(listKits(catalog, ["small"]).map(({ name }) => name)).toEqual(["small"]);
    expect(() => listKits(catalog, ["smal"])).toThrow(expect.objectContaining({ code: "KIT_UNKNOWN" }));
  });
});
