/** The catalogue that the project ships: that it loads, and that its facts are the ones that public lists agree on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { collisionKey, treePathProblem } from "../../src/base/paths.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Catalog, Model } from "../../src/catalog/model.ts";
import { modelsOfKit, variantsOfKit } from "../../src/catalog/select.ts";
import { sourceProblem } from "../../src/catalog/source-uri.ts";
import { listKits } from "../../src/operations/kits.ts";
import { proposeVariant } from "../../src/operations/propose-variant.ts";

const MANIFESTS = fileURLToPath(new URL("../../manifests", import.meta.url));
const KITS = fileURLToPath(new URL("../../kits", import.meta.url));

/** Models that no kit needs, each with a reason to list it all the same. */
const WITHOUT_KIT: readonly string[] = [];

/** Written by hand, not copied by a program: the figures that a wrong edit would change unnoticed. */
const WELL_KNOWN: readonly (readonly [name: string, size: number, sha256: string])[] = [
  ["flux1-schnell", 23782506688, "9403429e0052277ac2a87ad800adece5481eecefd9ed334e1f348723621d2a0a"],
  ["flux1-dev", 23802932552, "4610115bb0c89560703c892c59ac2742fa821e60ef5871b33493ba544683abd7"],
  ["clip-l", 246144152, "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd"],
  ["t5xxl-fp16", 9787841024, "6e480b09fae049a72d2a8c5fbccb8d3e92febeb233bbe9dfe7256958a9167635"],
  ["t5xxl-fp8-e4m3fn", 4893934904, "7d330da4816157540d6bb7838bf63a0f02f573fc48ca4d8de34bb0cbfd514f09"],
  ["flux-ae", 335304388, "afc8e28272cd15db3919bacdb6918ce9c1ed22e96cb12c4d5ed0fba823529e38"],
  ["v1-5-pruned-emaonly", 4265146304, "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa"],
  ["sd-xl-base-1.0", 6938078334, "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b"],
  ["sd-xl-refiner-1.0", 6075981930, "7440042bbdc8a24813002c09b6b69b64dc90fded4472613437b7f55f9b7d9c5f"],
  ["sdxl-vae", 334641164, "63aeecb90ff7bc1c115395962d3e803571385b61938377bc7089b36e81e92e2e"],
  ["sdxl-vae-fp16-fix", 334641162, "235745af8d86bf4a4c1b5b4f529868b37019a10f7c0b2e79ad0abca3a22bc6e1"],
  ["illustrious-xl-v1.0", 6938040736, "735cf3fefcbdc4f7817f53247e38b836ffd27c7641af6d8daa21d245242cb4bd"],
  ["qwen-3-4b", 8044982048, "6c671498573ac2f7a5501502ccce8d2b08ea6ca2f661c458e708f36b36edfc5a"],
  ["wan-2.1-vae", 253815318, "2fc39d31359a4b0a64f55876d8ff7fa8d780956ae2cb13463b0223e15148976b"],
  ["flux2-vae", 336213556, "d64f3a68e1cc4f9f4e29b6e0da38a0204fe9a49f2d4053f0ec1fa1ca02f9c4b5"],
  ["antelopev2-glintr100", 260665334, "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf"],
];

const FLUX_PARTS = ["text_encoders/clip_l.safetensors", "text_encoders/t5xxl_fp16.safetensors", "vae/ae.safetensors"];
const SCHNELL = "diffusion_models/flux1-schnell.safetensors";
const DEV = "diffusion_models/flux1-dev.safetensors";

/** What the kits that most people start with put on the disk, and nothing besides. */
const CORE_KITS: readonly (readonly [kit: string, paths: readonly string[]])[] = [
  ["sd15", ["checkpoints/v1-5-pruned-emaonly-fp16.safetensors"]],
  ["sdxl", ["checkpoints/sd_xl_base_1.0.safetensors"]],
  ["illustrious", ["checkpoints/Illustrious-XL-v1.0.safetensors"]],
  ["flux-schnell", [SCHNELL, ...FLUX_PARTS]],
  ["flux-dev", [DEV, ...FLUX_PARTS]],
  ["flux", [SCHNELL, DEV, ...FLUX_PARTS]],
];

/** Folders below `models` that ComfyUI or the custom nodes of a kit read. */
const FOLDERS: ReadonlySet<string> = new Set(
  (
    "animatediff_models checkpoints clip clip_vision controlnet diffusion_models facedetection facerestore_models facexlib insightface " +
    "instantid ipadapter ipadapter-flux liveportrait loras model_patches pulid SEEDVR2 style_models text_encoders " +
    "ultralytics unet upscale_models vae"
  ).split(" "),
);

/** The kit that speaks to servers of this machine only, which has its own tests. */
const DEMO = "demo";

const noNetwork = (url: string): Promise<string> => Promise.reject(new Error(`asked for ${url}`));
const load = (manifests: readonly string[], kits: readonly string[]): Promise<Catalog> =>
  loadCatalog({ manifests, kits }, { fetchText: noNetwork });

const yamlFiles = (folder: string): readonly string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== `${DEMO}.yaml`);

const repeated = (values: readonly string[]): readonly string[] =>
  values.filter((value, index) => values.indexOf(value) !== index);

const hubSource = (source: string): RegExpExecArray | null =>
  /^hf:\/\/(?<repository>[^/]+\/[^/@]+)@(?<revision>[^/]+)\/(?<path>.+)$/.exec(source);

let catalog: Catalog;
let models: readonly Model[];

beforeAll(async () => {
  catalog = await load(
    yamlFiles(MANIFESTS).map((name) => join(MANIFESTS, name)),
    yamlFiles(KITS).map((name) => join(KITS, name)),
  );
  models = [...catalog.models.values()];
});

describe("the catalogue that the project ships", () => {
  it("loadCatalog() reads both folders without a problem and without network", async () => {
    const whole = await load([MANIFESTS], [KITS]);
    for (const { name } of models) expect(whole.models.has(name), name).toBe(true);
    for (const name of catalog.kits.keys()) expect(whole.kits.has(name), name).toBe(true);
    expect(models.length).toBeGreaterThan(100);
    expect(catalog.kits.size).toBeGreaterThan(40);
  });

  it("each manifest and kit begins by naming its schema, so that editors check it", () => {
    for (const name of yamlFiles(MANIFESTS)) {
      expect(firstLine(join(MANIFESTS, name)), name).toBe("# yaml-language-server: $schema=./manifest.schema.json");
    }
    for (const name of yamlFiles(KITS)) {
      expect(firstLine(join(KITS, name)), name).toBe("# yaml-language-server: $schema=./kit.schema.json");
    }
  });

  it("no name stands in two manifests, where the later would hide the earlier", async () => {
    const each = await Promise.all(yamlFiles(MANIFESTS).map((name) => load([join(MANIFESTS, name)], [])));
    expect(repeated(each.flatMap((one) => [...one.models.keys()]))).toEqual([]);
  });

  it("names are short, lower case and safe on a command line", () => {
    for (const { name, at } of models) expect(name, at).toMatch(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/);
    for (const { name, at } of catalog.kits.values()) expect(name, at).toMatch(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/);
  });

  it("no two models claim one place in the tree, aliases included", () => {
    const places = models.flatMap(({ path, aliases }) => [path, ...aliases]);
    for (const place of places) expect(treePathProblem(place), place).toBeNull();
    expect(repeated(places.map(collisionKey))).toEqual([]);
  });

  it("each place lies in a folder that ComfyUI or a custom node reads", () => {
    const places = models.flatMap(({ path, aliases }) => [path, ...aliases]);
    expect(places.filter((place) => !FOLDERS.has(place.split("/")[0] ?? ""))).toEqual([]);
  });
});

describe("the facts of its models", () => {
  it("sizes are whole bytes between 1 kB and 200 GB", () => {
    for (const { size, at } of models) {
      if (size === null) continue;
      expect(Number.isInteger(size), at).toBe(true);
      expect(size, at).toBeGreaterThanOrEqual(1_000);
      expect(size, at).toBeLessThanOrEqual(200_000_000_000);
    }
  });

  it.each(WELL_KNOWN)("%s has the size and digest that public lists agree on", (name, size, sha256) => {
    expect(catalog.models.get(name)).toMatchObject({ size, sha256 });
  });

  it("the same bytes have the same size wherever they lie", () => {
    const sizes = new Map<string, number | null>();
    for (const { sha256, size, at } of models) {
      if (sha256 === null) continue;
      expect(size, at).toBe(sizes.get(sha256) ?? size);
      sizes.set(sha256, size);
    }
  });

  it("a doubt about a digest is never told where there is no digest", () => {
    expect(models.filter(({ sha256, digestFrom }) => sha256 === null && digestFrom !== null)).toEqual([]);
    const doubts = new Set(models.flatMap(({ digestFrom }) => (digestFrom === null ? [] : [digestFrom])));
    expect([...doubts]).toEqual(["single list"]);
  });

  it("files of one name with other bytes never share a digest or a place", () => {
    const original = catalog.models.get("sdxl-vae");
    const fixed = catalog.models.get("sdxl-vae-fp16-fix");
    expect(original?.path).toBe("vae/sdxl_vae.safetensors");
    expect(fixed?.path).not.toBe(original?.path);
    const instantId = catalog.models.get("instantid-ip-adapter");
    expect(instantId?.path).toBe("instantid/ip-adapter.bin");
    expect(catalog.models.get("ipadapter-flux")).toMatchObject({ path: "ipadapter-flux/ip-adapter.bin", sha256: null });
  });

  it("a gated model says so, and only where no open copy is known", () => {
    expect(catalog.models.get("flux1-dev")?.gated).toBe(true);
    expect(catalog.models.get("flux1-schnell")?.gated).toBe(false);
    expect(catalog.models.get("flux-ae")?.gated).toBe(false);
  });
});

describe("the sources of its models", () => {
  it("each model has one at least, and each can be read", () => {
    for (const { sources, at } of models) {
      expect(sources.length, at).toBeGreaterThan(0);
      for (const source of sources) expect(sourceProblem(source), `${at} ${source}`).toBeNull();
    }
  });

  it("a source on the Hub is pinned to a whole commit or follows main", () => {
    const onHub = models.flatMap(({ sources }) => sources.filter((source) => source.startsWith("hf:")));
    for (const source of onHub) {
      const { revision } = hubSource(source)?.groups ?? {};
      expect(revision, source).toMatch(/^(?:main|[0-9a-f]{40})$/);
    }
    expect(onHub.filter((source) => !source.includes("@main/")).length).toBeGreaterThan(40);
  });

  it("no model names one file of one repository twice", () => {
    for (const { sources, at } of models) {
      const files = sources.map((source) => {
        const { repository, path } = hubSource(source)?.groups ?? {};
        return repository === undefined ? source : `${repository}/${path}`;
      });
      expect(repeated(files), at).toEqual([]);
    }
  });

  it("none is an archive, whose bytes are not the model's", () => {
    for (const { sources, at } of models) {
      for (const source of sources) expect(source, at).not.toMatch(/\.(?:tar|zip|gz|7z|rar)(?:[?#]|$)/i);
    }
  });

  it("the file that a source names has the extension of its place in the tree", () => {
    const extension = (name: string): string => name.slice(name.lastIndexOf("."));
    for (const { sources, path, at } of models) {
      for (const source of sources) expect(extension(source), `${at} ${source}`).toBe(extension(path));
    }
  });

  it("the files that several places offer list them all, because racing lives on it", () => {
    const raced = ["flux1-schnell", "clip-l", "t5xxl-fp16", "flux-ae", "sd-xl-base-1.0", "qwen-3-4b", "wan-2.1-vae"];
    for (const name of raced) expect(catalog.models.get(name)?.sources.length, name).toBeGreaterThan(1);
  });
});

describe("its kits", () => {
  it.each(CORE_KITS)("%s holds exactly the files that its workflows need", (kit, paths) => {
    const found = modelsOfKit(catalog, kit).map(({ path }) => String(path));
    expect([...found].sort()).toEqual([...paths].sort());
  });

  it("each one resolves, names itself like its file and lists a model at least", () => {
    for (const { name, at } of catalog.kits.values()) {
      expect(at, name).toContain(`${name}.yaml:`);
      expect(modelsOfKit(catalog, name).length, at).toBeGreaterThan(0);
    }
  });

  it("each one says in a line what it is for and which nodes it needs", () => {
    for (const { description, at } of catalog.kits.values()) {
      expect(description, at).toMatch(/\bnodes\b/);
      expect(description.length, at).toBeLessThan(160);
      expect(description, at).not.toContain("\n");
    }
  });

  it("a kit with a gated model says so", () => {
    for (const { name, description, at } of catalog.kits.values()) {
      if (modelsOfKit(catalog, name).some(({ gated }) => gated)) expect(description, at).toContain("gated");
    }
  });

  it("none lists a model twice, itself or through what it includes", () => {
    for (const { name, models: own, includes, at } of catalog.kits.values()) {
      const inherited = includes.flatMap((other) => modelsOfKit(catalog, other).map((model) => model.name));
      expect(repeated(own), at).toEqual([]);
      expect(
        own.filter((model) => inherited.includes(model)),
        `${at} ${name}`,
      ).toEqual([]);
    }
  });

  it("every variant resolves, and holds no model of another precision than its name says", () => {
    const chosen = [...catalog.kits.values()].flatMap(({ name, variants = [] }) =>
      variants.map((one) => ({ kit: name, ...one })),
    );
    expect(chosen.length).toBeGreaterThan(15);
    for (const { kit, name, models: own } of chosen) {
      const said = modelsOfKit(catalog, kit, name).flatMap(({ name: model, variant }) =>
        own.includes(model) ? (variant ?? []) : [],
      );
      expect(said.length, `${kit} ${name}`).toBeGreaterThan(0);
      expect(
        said.filter((variant) => name.split("-")[0] !== variant),
        `${kit} ${name}`,
      ).toEqual([]);
    }
  });

  it("a card with 12 GB can hold a variant of flux, told from sizes alone", () => {
    const [flux] = listKits(catalog, ["flux"]);
    expect(flux?.variants.map(({ name }) => name)).toEqual(["bf16", "fp8", "gguf", "gguf-q6", "gguf-q4"]);
    expect(proposeVariant(flux?.variants ?? [], 12 * 1024 ** 3)).toMatchObject({ variant: "gguf-q6" });
  });

  it("a rounded size stands only where the exact one is unknown", () => {
    expect(models.filter(({ size, roughSize }) => size !== null && roughSize !== undefined)).toEqual([]);
  });

  it("every model is in one, so that none is listed for nobody", () => {
    const used = new Set(
      [...catalog.kits.keys()].flatMap((kit) =>
        [undefined, ...variantsOfKit(catalog, kit)].flatMap((variant) =>
          modelsOfKit(catalog, kit, variant).map(({ name }) => name),
        ),
      ),
    );
    expect(models.map(({ name }) => name).filter((name) => !used.has(name) && !WITHOUT_KIT.includes(name))).toEqual([]);
  });
});

function firstLine(path: string): string | undefined {
  return readFileSync(path, "utf8").split("\n")[0];
}
