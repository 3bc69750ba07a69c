/** matchReferences(): digest, then place, then alias, then a unique name; never a guess. */
import { describe, expect, it } from "vitest";
import type { Model } from "../../src/catalog/model.ts";
import { matchReferences } from "../../src/operations/match-references.ts";
import type { Reference } from "../../src/workflow/reference.ts";
import { catalogOf, model, sha } from "./catalog.ts";

function reference(name: string, given: Partial<Reference> = {}): Reference {
  const { folders = ["loras"], ...rest } = given;
  return {
    nodes: [{ id: "12", class: "LoraLoader", input: "lora_name" }],
    input: "lora_name",
    folder: folders[0] ?? null,
    folders,
    name,
    raw: name,
    how: "registry",
    isActive: true,
    ...rest,
  };
}

const match = (one: Reference, models: readonly Model[]) => matchReferences([one], catalogOf(models))[0];
const namesOf = (one: Reference, models: readonly Model[]) => match(one, models)?.models.map(({ name }) => name);
const declared = (digit: string) => ({
  declared: { url: "https://x.example/y", sha256: sha(digit), directory: "loras" },
});

describe("matchReferences()", () => {
  it("believes a declared digest before any name", () => {
    const models = [model("named"), model("meant", { sha256: sha("a") })];
    expect(namesOf(reference("named.safetensors", declared("a")), models)).toEqual(["meant"]);
  });

  it("never takes a model of another digest than the declared one", () => {
    const found = match(reference("named.safetensors", declared("a")), [model("named", { sha256: sha("b") })]);
    expect(found?.unknown).toMatchObject({ candidates: [], path: "loras/named.safetensors" });
    expect(found?.unknown?.fix).toContain("with the source https://x.example/y");
  });

  it("finds by folder and name, in any case, with any folder that the node searches", () => {
    const unet = model("flux", { path: "unet/FLUX.safetensors" });
    const asked = reference("flux.safetensors", { folders: ["diffusion_models", "unet"] });
    expect(namesOf(asked, [unet])).toEqual(["flux"]);
  });

  it("finds by alias, and leaves the model as it is", () => {
    const one = model("flux", { path: "diffusion_models/flux.safetensors", aliases: ["unet/flux.safetensors"] });
    expect(match(reference("flux.safetensors", { folders: ["unet"] }), [one])?.models).toEqual([one]);
  });

  it("takes a name that only one model has, and shows it where the node looks", () => {
    const one = model("vae", { path: "vae/ae.safetensors" });
    const found = match(reference("ae.safetensors", { folders: ["vae_approx"] }), [one]);
    expect(found?.models).toMatchObject([{ name: "vae", aliases: ["vae_approx/ae.safetensors"] }]);
    expect(found?.view).toEqual({ model: "vae", path: "vae_approx/ae.safetensors" });
  });

  it("lists several candidates and picks none", () => {
    const models = [
      model("one", { path: "vae/sdxl/ae.safetensors" }),
      model("two", { path: "vae/flux/ae.safetensors" }),
    ];
    const found = match(reference("ae.safetensors", { folders: ["vae"] }), models);
    expect(found?.models).toEqual([]);
    expect(found?.unknown).toMatchObject({ candidates: ["one", "two"], at: "node 12 (LoraLoader)" });
  });

  it("does not call two names of the same bytes a choice", () => {
    const models = [
      model("one", { path: "vae/sdxl/ae.safetensors", sha256: sha("a") }),
      model("two", { path: "vae/flux/ae.safetensors", sha256: sha("a") }),
    ];
    expect(namesOf(reference("ae.safetensors", { folders: ["vae"] }), models)).toEqual(["one"]);
  });

  it("adds the ending that an embedding or a tag leaves out", () => {
    const asked = reference("easynegative", { folders: ["embeddings"], endings: [".safetensors", ".pt"] });
    const one = model("neg", { path: "embeddings/easynegative.pt" });
    expect(match(asked, [one])?.models).toEqual([one]);
  });

  it("takes every model below a name that stands for a folder", () => {
    const models = [
      model("a", { path: "diffusers/x/unet.safetensors" }),
      model("b", { path: "diffusers/x/vae/v.safetensors" }),
    ];
    expect(namesOf(reference("x", { folders: ["diffusers"], isFolder: true }), models)).toEqual(["a", "b"]);
  });

  it("is not led out of the tree by a name", () => {
    const found = match(reference("../../etc/passwd"), [model("a")]);
    expect(found?.models).toEqual([]);
    expect(found?.unknown?.places).toEqual([]);
  });
});
