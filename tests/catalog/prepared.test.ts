import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCatalog } from "../../src/catalog/load.ts";
import { formatPrepared, readPrepared } from "../../src/catalog/prepared.ts";
import { folderOf, manifest, problemsOf } from "./texts.ts";

const noFetch = { fetchText: async () => "" };

/** A catalogue of two folders, and the file that a build made of it. */
async function prepare() {
  const folder = await folderOf({
    "manifests/a.yaml": manifest("name: a\npath: loras/a.safetensors\nsize: 7", "name: b\npath: loras/b.safetensors"),
    "kits/k.yaml": "version: 1\nname: k\nmodels: [a, b]\n",
  });
  const folders = { manifests: join(folder, "manifests"), kits: join(folder, "kits") };
  const places = { manifests: [folders.manifests], kits: [folders.kits] };
  const file = join(folder, "catalog.json");
  const catalog = await loadCatalog(places, noFetch);
  await writeFile(file, formatPrepared(catalog, folders));
  return { folder, folders, places, file, catalog };
}

describe("readPrepared()", () => {
  it("gives the same catalogue as the texts", async () => {
    const { folders, places, file, catalog } = await prepare();
    const prepared = readPrepared(file, folders);
    expect(prepared).not.toBeNull();
    expect(await loadCatalog(places, { ...noFetch, prepared })).toEqual(catalog);
  });

  it.each<readonly [string, (folder: string) => Promise<void>]>([
    [
      "says something else in as many bytes",
      async (at) => {
        const text = await readFile(join(at, "manifests/a.yaml"), "utf8");
        await writeFile(join(at, "manifests/a.yaml"), text.replace("size: 7", "size: 8"));
      },
    ],
    ["was added", (at) => writeFile(join(at, "kits/l.yaml"), "version: 1\nname: l\n")],
    ["is gone", (at) => rm(join(at, "kits/k.yaml"))],
    ["was written to", (at) => appendFile(join(at, "manifests/a.yaml"), "\n")],
  ])("gives nothing when a text %s", async (_, change) => {
    const { folder, folders, file } = await prepare();
    await change(folder);
    expect(readPrepared(file, folders)).toBeNull();
  });

  it("gives nothing where no build was, or its file is torn", async () => {
    const { folders, file } = await prepare();
    await writeFile(file, '{"texts":');
    expect(readPrepared(file, folders)).toBeNull();
    expect(readPrepared(`${file}.none`, folders)).toBeNull();
  });
});

describe("loadCatalog() with what a build prepared", () => {
  it("takes it instead of the texts, without leave to read them", async () => {
    const { folders, places, file, catalog } = await prepare();
    const prepared = readPrepared(file, folders);
    await rm(folders.manifests, { recursive: true });
    const admit = async (): Promise<never> => expect.fail("nothing is read");
    expect(await loadCatalog(places, { ...noFetch, admit, prepared })).toEqual(catalog);
  });

  it("says where it stands what later places contradict", async () => {
    const { folder, folders, places, file } = await prepare();
    await writeFile(join(folder, "own.yaml"), manifest("name: c\npath: loras/b.safetensors"));
    const all = { ...places, manifests: [...places.manifests, join(folder, "own.yaml")] };
    const plain = await problemsOf(() => loadCatalog(all, noFetch));
    expect(plain).toEqual([
      expect.stringMatching(/^own\.yaml:4:11 .*belongs to "b" already.* see manifests\/a\.yaml:6:5/),
    ]);
    const prepared = readPrepared(file, folders);
    expect(await problemsOf(() => loadCatalog(all, { ...noFetch, prepared }))).toEqual(plain);
  });
});
