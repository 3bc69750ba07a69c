/** selectModels(): each model once, no two in one place. */
import { describe, expect, it } from "vitest";
import type { Catalog } from "../../src/catalog/model.ts";
import type { Match, UnknownReference } from "../../src/operations/match-references.ts";
import { type Selectors, selectModels } from "../../src/operations/select.ts";
import { catalogOf, model, sha } from "./catalog.ts";

const noWorkflow = async (): Promise<readonly Match[]> => [];
const select = (selectors: Selectors, catalog: Catalog) => selectModels(selectors, catalog, noWorkflow);

const unknown: UnknownReference = {
  name: "ae.safetensors",
  path: "vae/ae.safetensors",
  places: [],
  at: "node 1 (VAELoader)",
  candidates: ["one", "two"],
  fix: "name one",
};
const asks = async (): Promise<readonly Match[]> => [
  {
    reference: {} as Match["reference"],
    models: [model("wanted", { aliases: ["vae/other.safetensors"] })],
    view: null,
    unknown,
  },
];

describe("selectModels()", () => {
  it("takes each model once, kits first, then names, then workflows", async () => {
    const catalog = catalogOf([model("a"), model("b"), model("wanted")], { k: ["b", "a"], l: ["a"] });
    const { models } = await selectModels(
      { kits: ["k", "l"], models: ["a"], workflows: ["graph.json"] },
      catalog,
      asks,
    );
    expect(models.map(({ name }) => name)).toEqual(["b", "a", "wanted"]);
  });

  it("keeps the aliases under which a workflow looks for a model that a kit has, too", async () => {
    const catalog = catalogOf([model("wanted", { aliases: ["unet/wanted.safetensors"] })], { k: ["wanted"] });
    const { models } = await selectModels({ kits: ["k"], workflows: ["graph.json"] }, catalog, asks);
    expect(models[0]?.aliases).toEqual(["unet/wanted.safetensors", "vae/other.safetensors"]);
  });

  it("refuses to guess when nothing is named", async () => {
    await expect(select({}, catalogOf([]))).rejects.toMatchObject({ code: "USAGE" });
  });

  it("says which kit was probably meant", async () => {
    const catalog = catalogOf([model("a")], { flux: ["a"] });
    await expect(select({ kits: ["flxu"] }, catalog)).rejects.toMatchObject({
      code: "KIT_UNKNOWN",
      fix: 'did you mean "flux"?',
    });
  });

  it("takes the variant that is named, and says which there are when no kit has it", async () => {
    const kit = { name: "k", description: "", includes: [], models: ["a"], at: "k.yaml:1:1" };
    const variants = [
      { name: "bf16", models: ["b"] },
      { name: "fp8", models: ["c"] },
    ];
    const catalog = {
      ...catalogOf([model("a"), model("b"), model("c")]),
      kits: new Map([["k", { ...kit, variants }]]),
    };
    const names = async (variant?: string) =>
      (await select({ kits: ["k"], variant }, catalog)).models.map(({ name }) => name);
    expect(await names()).toEqual(["a", "b"]);
    expect(await names("fp8")).toEqual(["a", "c"]);
    await expect(names("fp9")).rejects.toMatchObject({ code: "KIT_UNKNOWN", fix: 'did you mean "fp8"?' });
  });

  it("reports what a workflow asks for and nobody knows, unless a candidate is named", async () => {
    const catalog = catalogOf([model("wanted"), model("one"), model("two")]);
    expect((await selectModels({ workflows: [{}] }, catalog, asks)).unknown).toEqual([unknown]);
    expect((await selectModels({ workflows: [{}], models: ["two"] }, catalog, asks)).unknown).toEqual([]);
  });

  it.each([
    [
      "one path in two spellings",
      model("a", { path: "vae/AE.safetensors" }),
      model("b", { path: "vae/ae.safetensors" }),
    ],
    ["an alias in another's place", model("a", { aliases: ["loras/b.safetensors"] }), model("b")],
    [
      "a file where another needs a folder",
      model("a", { path: "loras/x" }),
      model("b", { path: "loras/x/y.safetensors" }),
    ],
  ])("refuses %s", async (_what, one, other) => {
    const catalog = catalogOf([one, other], { k: ["a", "b"] });
    await expect(select({ kits: ["k"] }, catalog)).rejects.toMatchObject({
      code: "TREE_CONFLICT",
      problems: [{ at: expect.stringMatching(/^(a|b) \(box\.yaml:1:1\)$/) }],
    });
  });

  it("lets two names of the same bytes share a place", async () => {
    const one = model("a", { path: "vae/a.safetensors", aliases: ["vae/b.safetensors"], sha256: sha("a") });
    const other = model("b", { path: "vae/b.safetensors", sha256: sha("a") });
    const { models } = await select({ kits: ["k"] }, catalogOf([one, other], { k: ["a", "b"] }));
    expect(models).toHaveLength(2);
  });
});
