import { describe, expect, it } from "vitest";
import type { Catalog } from "../../src/catalog/model.ts";
import { kitNamed, modelNamed, modelsOfKit, variantsOfKit } from "../../src/catalog/select.ts";
import { loadFolder, manifest, problemsOf } from "./texts.ts";

const catalog = (): Promise<Catalog> =>
  loadFolder({
    "manifests/m.yaml": manifest(
      "name: flux1-dev\npath: diffusion_models/flux1-dev.safetensors\naliases: [unet/flux1-dev.safetensors]",
      "name: flux1-schnell\npath: diffusion_models/flux1-schnell.safetensors",
      "name: clip-l\npath: text_encoders/clip_l.safetensors",
      "name: ip-sdxl\npath: ipadapter/sdxl/model.safetensors",
      "name: ip-sd15\npath: ipadapter/sd15/model.safetensors",
    ),
    "kits/text.yaml": "version: 1\nname: text\nmodels: [clip-l]\n",
    "kits/dev.yaml": "version: 1\nname: dev\nincludes: [text]\nmodels: [flux1-dev]\n",
    "kits/flux.yaml": "version: 1\nname: flux\nincludes: [dev, text]\nmodels: [flux1-schnell, clip-l]\n",
  });

describe("modelsOfKit()", () => {
  it("gives the models of included kits first, each model once", async () => {
    const names = modelsOfKit(await catalog(), "flux").map(({ name }) => name);
    expect(names).toEqual(["clip-l", "flux1-dev", "flux1-schnell"]);
  });

  it("follows a chain of 20,000 includes", () => {
    const kits = Array.from({ length: 20_000 }, (_, index) => ({
      name: `k${index}`,
      description: "",
      includes: index === 0 ? [] : [`k${index - 1}`],
      models: [],
      at: "k.yaml:1:1",
    }));
    const chain: Catalog = { models: new Map(), kits: new Map(kits.map((kit) => [kit.name, kit])) };
    expect(modelsOfKit(chain, "k19999")).toEqual([]);
  });

  it("suggests the kit that was meant", async () => {
    const known = await catalog();
    expect(() => modelsOfKit(known, "fulx")).toThrow(
      expect.objectContaining({ code: "KIT_UNKNOWN", fix: 'did you mean "flux"?' }),
    );
    expect(() => kitNamed(known, "wan2.2-i2v")).toThrow(
      expect.objectContaining({
        message: 'Cannot find kit "wan2.2-i2v": no kit has this name',
        fix: "list the kits with `models kits`",
      }),
    );
  });
});

describe("modelNamed()", () => {
  it.each([
    ["flux1-dev", "flux1-dev"],
    ["diffusion_models/flux1-dev.safetensors", "flux1-dev"],
    ["unet/flux1-dev.safetensors", "flux1-dev"],
    ["flux1-dev.safetensors", "flux1-dev"],
    ["sdxl/model.safetensors", "ip-sdxl"],
  ])("takes %s for %s", async (asked, name) => {
    expect(modelNamed(await catalog(), asked).name).toBe(name);
  });

  it("refuses a file name that two models have, and names both", async () => {
    const known = await catalog();
    expect(() => modelNamed(known, "model.safetensors")).toThrow(
      expect.objectContaining({ code: "MODEL_UNKNOWN", fix: "name one of ip-sdxl, ip-sd15" }),
    );
  });

  it("suggests a name or a file name that was meant", async () => {
    const known = await catalog();
    const fixes = { "flux1-dv": '"flux1-dev"', "clip_i.safetensors": '"clip_l.safetensors"' };
    for (const [asked, meant] of Object.entries(fixes)) {
      expect(() => modelNamed(known, asked)).toThrow(
        expect.objectContaining({ code: "MODEL_UNKNOWN", fix: `did you mean ${meant}?` }),
      );
    }
    expect(() => modelNamed(known, "constructor")).toThrow(expect.objectContaining({ code: "MODEL_UNKNOWN" }));
  });
});

describe("variants of kits", () => {
  const files = {
    "manifests/m.yaml": manifest(
      ...["vae", "dev-bf16", "dev-fp8", "schnell-bf16", "schnell-fp8"].map(
        (name) => `name: ${name}\npath: vae/${name}.sft`,
      ),
    ),
    "kits/dev.yaml": "version: 1\nname: dev\nmodels: [vae]\nvariants:\n  bf16: [dev-bf16]\n  fp8: [dev-fp8]\n",
    "kits/schnell.yaml": "version: 1\nname: schnell\nmodels: [vae]\nvariants:\n  bf16: [schnell-bf16]\n",
    "kits/both.yaml": "version: 1\nname: both\nincludes: [dev, schnell]\n",
  };

  it("modelsOfKit() takes the first of each kit unless one is named, also through includes", async () => {
    const known = await loadFolder(files);
    const names = (variant?: string) => modelsOfKit(known, "both", variant).map(({ name }) => name);
    expect(names()).toEqual(["vae", "dev-bf16", "schnell-bf16"]);
    expect(names("fp8")).toEqual(["vae", "dev-fp8", "schnell-bf16"]);
    expect(variantsOfKit(known, "both")).toEqual(["bf16", "fp8"]);
  });

  it("a kit says where a variant names what is not there, or what every variant has", async () => {
    const wrong = "version: 1\nname: dev\nmodels: [vae]\nvariants:\n  fp8: [dev-fp9, vae]\n  x y: []\n";
    expect(await problemsOf(() => loadFolder({ ...files, "kits/dev.yaml": wrong }))).toEqual([
      'kits/dev.yaml:6:3 the key "x y" "x y" is no name | use letters, digits and . _ + @ - and start with a letter or digit, at most 200 characters',
      'kits/both.yaml:3:12 no kit is named "dev" | correct the name, or add what it names',
    ]);
    const names = wrong.replace("  x y: []\n", "");
    expect(await problemsOf(() => loadFolder({ ...files, "kits/dev.yaml": names }))).toEqual([
      'kits/dev.yaml:5:18 "vae" is there twice | remove one of the two',
      'kits/dev.yaml:5:9 no manifest has a model "dev-fp9" | did you mean "dev-fp8"?',
    ]);
  });
});
