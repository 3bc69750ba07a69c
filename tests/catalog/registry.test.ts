/** The files that say what classes of nodes load: the ones that ship, and every mistake in one at its place. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { treePathProblem } from "../../src/base/paths.ts";
import { parseLoaderLine } from "../../src/catalog/loader-line.ts";
import { loadRegistry } from "../../src/catalog/registry.ts";

const SHIPPED = new URL("../../registry", import.meta.url).pathname;
const OUTSIDE = /^(?:~|custom_nodes|hub:)/;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "registry-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(text: string) {
  await writeFile(join(folder, "one.yaml"), text);
  return loadRegistry([folder]);
}

describe("loadRegistry() of what ships", () => {
  it("knows hundreds of classes, ComfyUI's own first", async () => {
    const packages = await loadRegistry([SHIPPED]);
    const classes = new Set(packages.flatMap((one) => one.loaders.map((loader) => loader.class)));
    expect(packages[0]?.name).toBe("core");
    expect(classes.size).toBeGreaterThan(350);
  });

  it("says nothing twice about one input of one class in one package", async () => {
    for (const one of await loadRegistry([SHIPPED])) {
      const inputs = one.loaders.map((loader) => `${loader.class} > ${loader.input}`);
      expect(inputs.filter((input, index) => inputs.indexOf(input) !== index)).toEqual([]);
    }
  });

  it("names files of presets as paths in the tree, or in a known place outside of it", async () => {
    const files = (await loadRegistry([SHIPPED])).flatMap((one) => one.presets.flatMap((preset) => preset.files));
    const wrong = files.filter((file) => !OUTSIDE.test(file) && treePathProblem(file.replace(/\/$/, "")) !== null);
    expect(files.length).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
  });
});

describe("loadRegistry()", () => {
  it("reads a node from one line", async () => {
    expect(
      await load("version: 1\npackage: a/b\nloaders:\n  - My Loader > model name > 2 > loras, lycoris\n"),
    ).toMatchObject([
      { name: "a/b", loaders: [{ class: "My Loader", input: "model name", index: 2, folders: ["loras", "lycoris"] }] },
    ]);
  });

  it.each([
    ["a line with too few parts", "  - Loader > model", ":4:5: ", "has 2 parts, expected 4 or 5"],
    ["a place that is no number", "  - Loader > model > x > loras", ":4:5: ", 'has "x" as place'],
    ["a folder outside of the tree", "  - Loader > model > 0 > ../x", ":4:5: ", 'has the folder "../x"'],
    ["an unknown way of writing", "  - Loader > model > 0 > loras > maybe", ":4:5: ", 'has "maybe"'],
    ["an unknown key", "  - Loader > model > 0 > loras\nloader: []", ":5:1: ", 'did you mean "loaders"?'],
    [
      "a preset without files",
      "  - Loader > model > 0 > loras\npresets:\n  - classes: [A]",
      ":6:5: ",
      'has no "files"',
    ],
  ])("says where %s is", async (_, lines, place, message) => {
    const loading = load(`version: 1\npackage: a/b\nloaders:\n${lines}\n`);
    await expect(loading).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(place);
  });
});

describe("parseLoaderLine()", () => {
  it("reads how a value is written and what gates it", () => {
    expect(parseLoaderLine("Stack > lora_{n} > - > loras > rows, until count@1")).toEqual({
      class: "Stack",
      input: "lora_{n}",
      index: null,
      folders: ["loras"],
      written: "rows",
      gate: { kind: "until", input: "count", index: 1 },
    });
    expect(parseLoaderLine("Stack > a > 3 > loras > if switch_1@2")).toMatchObject({
      written: "name",
      gate: { kind: "if", input: "switch_1", index: 2 },
    });
  });
});
