/** deriveKit(): a kit that loads, with entries for what only workflows declare, and a list of what is left. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeBox, weights } from "./box.ts";

const HUB = "https://huggingface.co/org/repo/resolve/main/new.safetensors";
const loader = (id: number, type: string, value: string, models: readonly object[] = []) => ({
  id,
  type,
  mode: 0,
  inputs: [],
  outputs: [],
  widgets_values: [value],
  properties: { models },
});
const graph = (...nodes: readonly object[]) => ({ version: 0.4, links: [], nodes });
const DECLARED = { name: "new.safetensors", url: HUB, directory: "loras", hash: "a".repeat(64), hash_type: "SHA256" };

describe("deriveKit()", () => {
  it("writes a kit and a manifest that load, and that mean what the workflows mean", async () => {
    await using box = await makeBox();
    const { figures } = await weights("known", 1000);
    await box.catalogue([
      { name: "known", path: "vae/known.safetensors", ...figures, sources: ["hf://o/r/known.safetensors"] },
    ]);
    await writeFile(
      join(box.folder, "one.json"),
      JSON.stringify(
        graph(
          loader(1, "VAELoader", "known.safetensors"),
          loader(2, "LoraLoaderModelOnly", "new.safetensors", [DECLARED]),
        ),
      ),
    );
    const derived = await box.open().deriveKit(["one.json"], { name: "mine", into: "out" });
    expect(derived.kit).toEqual({ name: "mine", description: "What one.json needs", models: ["known", "loras-new"] });
    expect(derived.left).toEqual([]);
    expect(derived.files).toEqual([
      join(box.folder, "out/kits/mine.yaml"),
      join(box.folder, "out/manifests/mine.yaml"),
    ]);
    const places = { kits: ["out/kits"], manifests: [join(box.folder, "manifests"), "out/manifests"] };
    const { models } = await box.open(places).select({ kits: ["mine"] });
    expect(models).toMatchObject([
      { name: "known" },
      {
        name: "loras-new",
        path: "loras/new.safetensors",
        sha256: "a".repeat(64),
        digestFrom: "the workflow",
        sources: ["hf://org/repo@main/new.safetensors"],
      },
    ]);
  });

  it("lists what no kit can hold, with what to do: unknown files, and places that need an alias", async () => {
    await using box = await makeBox();
    await box.catalogue([
      { name: "known", path: "checkpoints/known.safetensors", sources: ["hf://o/r/known.safetensors"] },
    ]);
    const workflow = graph(
      loader(1, "UNETLoader", "known.safetensors"),
      loader(2, "VAELoader", "stranger.safetensors"),
    );
    const derived = await box.open().deriveKit([workflow], { name: "mine", into: "out" });
    expect(derived.kit.models).toEqual(["known"]);
    expect(derived.left).toMatchObject([
      { path: "vae/stranger.safetensors", at: "node 2 (VAELoader)" },
      { path: "diffusion_models/known.safetensors", at: "known" },
    ]);
  });

  it("keeps files that are there unless told to replace them, and writes nothing when dry", async () => {
    await using box = await makeBox();
    await box.catalogue([{ name: "known", path: "vae/known.safetensors", sources: ["hf://o/r/known.safetensors"] }]);
    const workflow = graph(loader(1, "VAELoader", "known.safetensors"));
    const models = box.open();
    await models.deriveKit([workflow], { name: "dry", into: "out", isDryRun: true });
    expect(existsSync(join(box.folder, "out"))).toBe(false);
    await models.deriveKit([workflow], { name: "mine", into: "out", description: "One: # two" });
    const file = join(box.folder, "out/kits/mine.yaml");
    expect(await readFile(file, "utf8")).toContain('description: "One: # two"');
    await expect(models.deriveKit([workflow], { name: "mine", into: "out" })).rejects.toMatchObject({ code: "USAGE" });
    await models.deriveKit([workflow], { name: "mine", into: "out", overwrite: true });
    expect(await readFile(file, "utf8")).toContain("What a graph needs");
    const unsafe = models.deriveKit([workflow], { name: "../evil", into: "out" });
    await expect(unsafe).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
    expect(existsSync(join(box.folder, "evil.yaml"))).toBe(false);
  });
});
