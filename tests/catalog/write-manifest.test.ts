/** One entry of a manifest is written, and nothing else in the file changes. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeManifestEntry } from "../../src/catalog/write-manifest.ts";

const MANIFESTS = fileURLToPath(new URL("../../manifests/", import.meta.url));
const SHA = "ab".repeat(32);
const TO = "r2://kits/loras/a.safetensors";
const change = { name: "a", size: 7, sha256: SHA, sources: [TO], pieces: `${TO}.pieces` };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-manifest-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(
  name: string,
  text: string | null,
  entry: Parameters<typeof writeManifestEntry>[1],
): Promise<string> {
  const file = join(folder, name);
  await rm(file, { force: true });
  if (text !== null) await writeFile(file, text);
  await writeManifestEntry(file, entry);
  return await readFile(file, "utf8");
}

describe("writeManifestEntry()", () => {
  it("keeps comments, order, quotes and styles, and puts new fields where they belong", async () => {
    const text = `# who keeps this file
version: 1
models:
  # the one that matters
  - name: a # trailing
    path: "loras/a.safetensors"
    # why these
    sources: [hf://o/r@main/a.safetensors, 'https://x.example/a']

  - name: b
    path: vae/b.safetensors
    size: 1 # guessed
`;
    expect(await written("comments.yaml", text, change)).toBe(`# who keeps this file
version: 1
models:
  # the one that matters
  - name: a # trailing
    path: "loras/a.safetensors"
    size: 7
    sha256: ${SHA}
    # why these
    sources: [hf://o/r@main/a.safetensors, 'https://x.example/a', ${TO}]
    pieces: ${TO}.pieces

  - name: b
    path: vae/b.safetensors
    size: 1 # guessed
`);
  });

  it("replaces figures, and adds no source twice", async () => {
    const text = `version: 1\nmodels:\n  - name: a\n    path: loras/a.safetensors\n    size: 1 # old\n    sources:\n      - ${TO}\n`;
    const once = await written("twice.yaml", text, change);
    expect(once).toContain("size: 7 # old");
    expect(once.match(/ {6}- r2:/g)).toHaveLength(1);
    await writeManifestEntry(join(folder, "twice.yaml"), change);
    expect(await readFile(join(folder, "twice.yaml"), "utf8")).toBe(once);
  });

  it("adds an entry that is not there, in the form of those that are", async () => {
    const text = "version: 1\nmodels:\n- name: b\n  path: vae/b.safetensors\n  aliases: [x/b.safetensors]\n";
    expect(await written("form.yaml", text, { ...change, path: "loras/a.safetensors" })).toBe(
      `${text}- name: a\n  path: loras/a.safetensors\n  size: 7\n  sha256: ${SHA}\n  sources:\n  - ${TO}\n  pieces: ${TO}.pieces\n`,
    );
  });

  it.each([
    ["new.yaml", null],
    ["empty.yaml", "version: 1\nmodels: []\n"],
  ])("begins a list: %s", async (name, text) => {
    expect(await written(name, text, { ...change, path: "loras/a.safetensors" })).toBe(
      `version: 1\nmodels:\n  - name: a\n    path: loras/a.safetensors\n    size: 7\n    sha256: ${SHA}\n    sources:\n      - ${TO}\n    pieces: ${TO}.pieces\n`,
    );
  });

  it("writes JSON as it is indented", async () => {
    const text = '{\n    "version": 1,\n    "models": []\n}\n';
    const after = await written("a.json", text, { ...change, path: "loras/a.safetensors" });
    expect(after).toMatch(/^\{\n {4}"version": 1,/);
    expect(JSON.parse(after).models).toEqual([{ ...change, path: "loras/a.safetensors" }]);
  });

  it.each([
    ["no list", "version: 1\nkits: []\n"],
    ["a mistake elsewhere", "version: 1\nmodels:\n  - name: b\n    pth: x\n"],
    ["no YAML", "version: [1\n"],
    ["two documents", "version: 1\nmodels: []\n---\nversion: 1\nmodels: []\n"],
  ])("leaves a file alone that is wrong: %s", async (_title, text) => {
    await expect(written("wrong.yaml", text, { ...change, path: "loras/a.safetensors" })).rejects.toMatchObject({
      code: "MANIFEST_INVALID",
    });
    expect(await readFile(join(folder, "wrong.yaml"), "utf8")).toBe(text);
  });

  it("refuses an entry that would be wrong", async () => {
    const entry = { ...change, path: "../a.safetensors" };
    await expect(written("unsafe.yaml", "version: 1\nmodels: []\n", entry)).rejects.toMatchObject({
      code: "MANIFEST_INVALID",
    });
  });

  it("changes nothing in a real manifest but what it is told to", async () => {
    const names = (await readdir(MANIFESTS)).filter((name) => name.endsWith(".yaml"));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const file = join(folder, name);
      await copyFile(join(MANIFESTS, name), file);
      const before = await readFile(file, "utf8");
      await writeManifestEntry(file, { ...change, name: "brand-new", path: "loras/brand-new.safetensors" });
      const after = await readFile(file, "utf8");
      expect(after.startsWith(before), name).toBe(true);
    }
  });
});
