import { createHash } from "node:crypto";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { isModelsError, ModelsError } from "../../src/base/errors.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import { folderOf, loadFolder, manifest, problemsOf } from "./texts.ts";

const entry = (name: string, path = `loras/${name}.safetensors`): string => `name: ${name}\npath: ${path}`;
const noFetch = { fetchText: async () => "" };

describe("loadCatalog()", () => {
  it("reads every YAML and JSON file of a folder in the order of names, and nothing else", async () => {
    const { models } = await loadFolder({
      "manifests/b.yml": manifest(entry("b")),
      "manifests/a.yaml": manifest(entry("a")),
      "manifests/c.json": JSON.stringify({ version: 1, models: [{ name: "c", path: "c" }] }),
      "manifests/manifest.schema.json": "{}",
      "manifests/x.pieces.json": "{}",
      "manifests/.hidden.yaml": "wrong",
      "manifests/models.lock.yaml": "wrong",
      "manifests/README.md": "# wrong",
      "manifests/deeper/d.yaml": "wrong",
    });
    expect([...models.keys()]).toEqual(["a", "b", "c"]);
  });

  it("lets a later place override an earlier one by name, also at the same path", async () => {
    const folder = await folderOf({
      "one.yaml": manifest(entry("a", "loras/a.safetensors"), entry("b")),
      "two.yaml": manifest(`${entry("a", "loras/a.safetensors")}\nsize: 7`),
      "k1.yaml": "version: 1\nname: k\nmodels: [a]\n",
      "k2.yaml": "version: 1\nname: k\nmodels: [b]\n",
    });
    const at = (names: readonly string[]): readonly string[] => names.map((name) => join(folder, name));
    const places = { manifests: at(["one.yaml", "two.yaml"]), kits: at(["k1.yaml", "k2.yaml"]) };
    const { models, kits } = await loadCatalog(places, noFetch);
    expect([...models.values()].map(({ name, size }) => [name, size])).toEqual([
      ["a", 7],
      ["b", null],
    ]);
    expect(kits.get("k")?.models).toEqual(["b"]);
  });

  it("reads URLs through the port, shows them without their secrets, and lets their errors pass", async () => {
    const url = "https://models.example.net/m.yaml?token=hush";
    const texts = new Map([[url, "version: 1\nmodels: 3\n"]]);
    const fetchText = async (asked: string): Promise<string> => {
      const text = texts.get(asked);
      if (asked.includes("gone")) throw new ModelsError("SOURCE_NOT_FOUND", "Cannot find it");
      if (text === undefined) throw new ModelsError("MIRROR_FAILED", "Cannot reach it");
      return text;
    };
    const load = (place: string): Promise<unknown> => loadCatalog({ manifests: [place], kits: [] }, { fetchText });
    expect(await problemsOf(() => load(url))).toEqual([
      "https://models.example.net/m.yaml?token=***:2:9 models is 3, expected a list",
    ]);
    await expect(load("s3://bucket/m.yaml")).rejects.toMatchObject({ code: "MIRROR_FAILED" });
    expect(await problemsOf(() => load("https://models.example.net/gone.yaml"))).toEqual([
      "https://models.example.net/gone.yaml this does not exist | correct the address of the manifest or kit",
    ]);
    expect(await problemsOf(() => load("ftp://host/m.yaml"))).toEqual([
      "ftp://host/m.yaml no catalogue can be read over this scheme | use https://",
    ]);
  });

  it("refuses a manifest from the network that names files of this box", async () => {
    const text = manifest(`${entry("a")}\nsources: [r2://bucket/key, "file:///etc/passwd"]`);
    const places = { manifests: ["https://models.example.net/m.yaml"], kits: [] };
    expect(await problemsOf(() => loadCatalog(places, { fetchText: async () => text }))).toEqual([
      "https://models.example.net/m.yaml:5:32 a manifest from the network names a file of this box | keep it in a manifest on this box",
    ]);
    expect((await loadFolder({ "manifests/m.yaml": text })).models.size).toBe(1);
  });

  it("reads a file:// place", async () => {
    const folder = await folderOf({ "m.yaml": manifest(entry("a")) });
    const places = { manifests: [pathToFileURL(join(folder, "m.yaml")).href], kits: [] };
    expect((await loadCatalog(places, noFetch)).models.size).toBe(1);
  });

  it("tells the problems of all files at once, a line each", async () => {
    const folder = await folderOf({
      "m/a.yaml": "version: 1\nmodels: [\n",
      "m/b.yaml": "version: 9\n",
      "m/c.yaml": Buffer.from([0xff]),
      "k/k.yaml": "version: 1\nnaem: k\n",
    });
    await mkdir(join(folder, "m/folder.yaml"));
    const places = { manifests: [join(folder, "m"), join(folder, "nowhere")], kits: [join(folder, "k")] };
    const error: unknown = await loadCatalog(places, noFetch).catch((thrown: unknown) => thrown);
    if (!isModelsError(error, "MANIFEST_INVALID")) throw error;
    expect(await problemsOf(() => Promise.reject(error))).toEqual([
      "m/folder.yaml this is no regular file | remove it from the folder",
      expect.stringMatching(/^m\/a\.yaml:3:1 /),
      "m/b.yaml:1:10 version is 9, this modelferry reads version 1 | update modelferry",
      "m/c.yaml:1:1 the bytes here are not UTF-8 | save the file as UTF-8",
      "nowhere this does not exist | correct the path of the manifests or kits",
      'k/k.yaml:1:1 the file has no "name" | add name:',
      'k/k.yaml:2:1 the file has the unknown key "naem" | did you mean "name"?',
    ]);
    const lines = error.message.split("\n");
    expect(lines[0]).toBe("Cannot read the catalogue: 7 problems, expected none");
    expect(lines.slice(1)).toEqual(
      error.problems.map(({ at, message, fix }) => `  ${at}: ${message}; ${fix}`.replace("; undefined", "")),
    );
  });

  it("lists 200 problems in the message and all of them in the list", async () => {
    const models = Array.from({ length: 300 }, (_, index) => ({ name: `m${index}`, path: "/x" }));
    const text = JSON.stringify({ version: 1, models });
    const error: unknown = await loadFolder({ "manifests/m.json": text }).catch((thrown: unknown) => thrown);
    if (!isModelsError(error)) throw error;
    expect(error.problems).toHaveLength(300);
    expect(error.message.split("\n").at(-1)).toBe("  and 100 more");
  });

  it("refuses a name that is twice in one place, in one file or two", async () => {
    const files = {
      "manifests/a.yaml": manifest(entry("a"), entry("a", "x")),
      "manifests/b.yaml": manifest(entry("a", "y")),
    };
    expect(await problemsOf(() => loadFolder(files))).toEqual([
      'manifests/a.yaml:5:5 the model "a" is there already, at manifests/a.yaml:3:5 | rename one of the two',
      'manifests/b.yaml:3:5 the model "a" is there already, at manifests/a.yaml:3:5 | rename one of the two',
    ]);
  });

  it("says how to override a model of another folder whose file a team brings under a name of its own", async () => {
    const ours = await folderOf({ "ours/m.yaml": manifest(entry("flux-ae", "vae/ae.safetensors")) });
    const team = await folderOf({ "team/m.yaml": manifest(entry("our-vae", "vae/ae.safetensors")) });
    const places = { manifests: [join(ours, "ours"), join(team, "team")], kits: [] };
    const [problem] = await problemsOf(() => loadCatalog(places, noFetch));
    expect(problem).toContain('give one of them another path, or call this one "flux-ae" to override it, see');
  });

  it("refuses two models in one place of the tree: same path, other case or composition, alias, folder", async () => {
    const text = manifest(
      entry("a", "loras/Caf\u00e9.safetensors"),
      entry("b", "loras/cafe\u0301.safetensors"),
      `${entry("c", "unet/c")}\naliases: [unet/c, diffusion_models/c]`,
      entry("d", "DIFFUSION_MODELS/C"),
      entry("e", "vae/x"),
      entry("f", "vae/x/y/z"),
    );
    expect(await problemsOf(() => loadFolder({ "manifests/m.yaml": text }))).toEqual([
      'manifests/m.yaml:6:11 "loras/cafe\u0301.safetensors" belongs to "a" already (spelled "loras/Caf\u00e9.safetensors" there, which many file systems take as the same) | give one of them another path, see manifests/m.yaml:3:5',
      'manifests/m.yaml:9:15 "unet/c" belongs to "c" already | remove it',
      'manifests/m.yaml:11:11 "DIFFUSION_MODELS/C" belongs to "c" already (spelled "diffusion_models/c" there, which many file systems take as the same) | give one of them another path, see manifests/m.yaml:7:5',
      'manifests/m.yaml:15:11 "vae/x/y/z" lies in "vae/x", which is a file of "e" | give one of them another path, see manifests/m.yaml:12:5',
    ]);
  });

  it("refuses kits that lead nowhere or name a thing twice", async () => {
    const files = {
      "manifests/m.yaml": manifest(entry("flux1-dev"), entry("clip-l")),
      "kits/flux.yaml":
        "version: 1\nname: flux\nincludes: [sdxll, flux-schnel, sdxl, sdxl]\nmodels:\n  - flux1-dv\n  - clip-l\n  - clip-l\n  - zzzzzzzzzz\n",
      "kits/sdxl.yaml": "version: 1\nname: sdxl\n",
    };
    expect(await problemsOf(() => loadFolder(files))).toEqual([
      'kits/flux.yaml:3:38 "sdxl" is there twice | remove one of the two',
      'kits/flux.yaml:7:5 "clip-l" is there twice | remove one of the two',
      'kits/flux.yaml:3:12 no kit is named "sdxll" | did you mean "sdxl"?',
      'kits/flux.yaml:3:19 no kit is named "flux-schnel" | correct the name, or add what it names',
      'kits/flux.yaml:5:5 no manifest has a model "flux1-dv" | did you mean "flux1-dev"?',
      'kits/flux.yaml:8:5 no manifest has a model "zzzzzzzzzz" | correct the name, or add what it names',
    ]);
  });

  it("prints a circle of includes, each circle once", async () => {
    const kit = (name: string, ...includes: readonly string[]): string =>
      `version: 1\nname: ${name}\nincludes: [${includes.join(", ")}]\n`;
    const files = {
      "kits/a.yaml": kit("a", "b"),
      "kits/b.yaml": kit("b", "c", "d"),
      "kits/c.yaml": kit("c", "a"),
      "kits/d.yaml": kit("d"),
      "kits/e.yaml": kit("e", "e"),
      "kits/f.yaml": kit("f", "a", "d"),
    };
    expect(await problemsOf(() => loadFolder(files))).toEqual([
      "kits/c.yaml:3:12 the kits include each other in a circle: a -> b -> c -> a | remove one of these includes",
      "kits/e.yaml:3:12 the kits include each other in a circle: e -> e | remove one of these includes",
    ]);
  });

  it("says nothing about unknown models while a manifest cannot be read", async () => {
    const files = { "manifests/m.yaml": "version: 1\n", "kits/k.yaml": "version: 1\nname: k\nmodels: [a]\n" };
    expect(await problemsOf(() => loadFolder(files))).toEqual([
      'manifests/m.yaml:1:1 the file has no "models" | add models:',
    ]);
  });

  it.each([
    ["a list of zeros", "0", 1001],
    ["empty entries", "{}", 1001],
    ["one path", '{"name": "a#", "path": "x"}', 1001],
    ["one name", '{"name": "a", "path": "x#"}', 1001],
  ])("survives 150,000 mistakes: %s", async (_, item, count) => {
    const items = Array.from({ length: 150_000 }, (__, index) => item.replace("#", String(index)));
    const text = `{"version": 1, "models": [${items.join(",")}]}`;
    const error: unknown = await loadFolder({ "manifests/m.json": text }).catch((thrown: unknown) => thrown);
    if (!isModelsError(error, "MANIFEST_INVALID")) throw error;
    expect(error.problems).toHaveLength(count);
  });

  it("refuses a folder of more than 10,000 files before it reads one", async () => {
    const files = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`manifests/${index}.yaml`, ""]));
    expect(await problemsOf(() => loadFolder(files))).toEqual([
      "manifests this holds 10001 files, expected at most 10000 | join some of them",
    ]);
  });

  it("refuses a folder whose files have more than 256 MiB together", async () => {
    const folder = await folderOf({ "manifests/.keep": "" });
    const names = ["a", "b", "c", "d", "e"].map((name) => join(folder, "manifests", `${name}.yaml`));
    for (const name of names) {
      await writeFile(name, "");
      await truncate(name, 60 * 1024 * 1024);
    }
    const load = loadCatalog(
      { manifests: [join(folder, "manifests")], kits: [] },
      { fetchText: () => Promise.reject() },
    );
    await expect(load).rejects.toThrow("the files of this folder have more than 268435456 bytes together");
  });

  it("survives 150,000 unknown keys", async () => {
    const keys = Array.from({ length: 150_000 }, (_, index) => `key${index}: 1\n`);
    const problems = await problemsOf(() =>
      loadFolder({ "manifests/m.yaml": `version: 1\nmodels: []\n${keys.join("")}` }),
    );
    expect(problems).toHaveLength(51);
    expect(problems[0]).toBe("manifests/m.yaml:1:1 the file has 149950 more unknown keys | remove them");
    expect(problems[1]).toMatch(/^manifests\/m\.yaml:3:1 the file has the unknown key "key0"/);
  });

  it("refuses more values than memory would hold, where they become too many", async () => {
    const text = `[${"0,".repeat(3_100_000)}0]`;
    expect(await problemsOf(() => loadFolder({ "manifests/m.json": text }))).toEqual([
      "manifests/m.json:1:6000000 here is more than 3000000 values | split the file",
    ]);
  });

  it.each(["yaml", "json"])("loads 100,000 models of %s in seconds", async (kind) => {
    const folder = await folderOf({ [`big.${kind}`]: kind === "json" ? bigJson() : bigYaml() });
    const started = performance.now();
    const places = { manifests: [join(folder, `big.${kind}`)], kits: [] };
    const { models } = await loadCatalog(places, noFetch);
    const elapsedMs = performance.now() - started;
    expect(models.size).toBe(100_000);
    expect(models.get("model-99999")?.at).toMatch(kind === "json" ? /:1:\d+$/ : /:799995:5$/);
    // Far above what it takes on a quiet machine (1.3 s), far below what anything quadratic would take.
    expect(elapsedMs).toBeLessThan(12_000);
  });
});

const big = Array.from({ length: 100_000 }, (_, index) => ({
  name: `model-${index}`,
  path: `loras/folder-${index % 100}/model-${index}.safetensors`,
  size: 1e9 + index,
  sha256: createHash("sha256").update(String(index)).digest("hex"),
  license: "apache-2.0",
  gated: false,
  sources: [`hf://org/repo-${index % 1000}@main/model-${index}.safetensors`],
}));

const bigJson = (): string => JSON.stringify({ version: 1, models: big });

const bigYaml = (): string =>
  manifest(
    ...big.map(({ sources, ...rest }) =>
      [...Object.entries(rest).map(([key, value]) => `${key}: ${value}`), "sources:", `  - ${sources[0]}`].join("\n"),
    ),
  );
