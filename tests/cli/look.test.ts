import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { makeBox, weights } from "../operations/box.ts";
import { bytesOf, startComfyui } from "../origins/index.ts";
import { type Ended, runModels } from "./run-models.ts";

const SIZE = 200_000;

/** A box with one model in place that nobody verified, and one that is missing. */
async function makeScene() {
  const box = await makeBox();
  const [here, gone] = await Promise.all([weights("here", SIZE), weights("gone", SIZE)]);
  await box.catalogue([
    { name: "here", ...here.figures, sources: ["https://models.example.net/here.safetensors"] },
    { name: "gone", ...gone.figures, sources: ["https://models.example.net/gone.safetensors"] },
  ]);
  await box.write("loras/here.safetensors", await bytesOf(here.content));
  const run = (command: string, ...args: readonly string[]): Promise<Ended> =>
    runModels([command, "--manifests", "manifests", "--kits", "kits", ...args], {
      env: box.environment,
      cwd: box.folder,
    });
  return { box, run, [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() };
}

describe("models check", () => {
  it("has a line with a fix for each finding, then a verdict", async () => {
    await using scene = await makeScene();
    const { code, stdout, stderr } = await scene.run("check", "--kit", "all");
    expect({ code, stderr }).toEqual({ code: 3, stderr: "" });
    expect(stdout).toMatch(/^! unverified {2}loras\/here\.safetensors {2}fix: .+$/m);
    expect(stdout).toMatch(/^✗ missing {5}loras\/gone\.safetensors {2}fix: .+$/m);
    expect(stdout).toMatch(/\n✗ 0 of 2 models present, 1 unverified, 1 missing in \S+\/models \([\d.]+ ms\)\n$/);
  });

  it("accepts an unverified file, unless it is strict", async () => {
    await using scene = await makeScene();
    expect((await scene.run("check", "here")).code).toBe(0);
    expect((await scene.run("check", "here", "--strict")).code).toBe(3);
  });

  it("--json is one document", async () => {
    await using scene = await makeScene();
    const { code, stdout } = await scene.run("check", "--kit", "all", "--json");
    expect(code).toBe(3);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(report)).toEqual(["ok", "root", "models", "elapsedMs"]);
    expect(report).toMatchObject({
      ok: false,
      root: scene.box.root,
      models: [{ status: "unverified" }, { status: "missing" }],
    });
  });

  it("loads neither network nor worker nor progress bars", async () => {
    await using scene = await makeScene();
    const folder = mkdtempSync(join(tmpdir(), "modelferry-coverage-"));
    const env = { ...scene.box.environment, NODE_V8_COVERAGE: folder };
    const args = ["check", "--manifests", "manifests", "--kits", "kits", "--kit", "all"];
    expect((await runModels(args, { env, cwd: scene.box.folder })).code).toBe(3);
    const ran = readdirSync(folder).flatMap((name) => ranIn(readFileSync(join(folder, name), "utf8")));
    rmSync(folder, { recursive: true });
    const modules = ran.flatMap(modulesIn);
    expect(modules).toContain("dist/cli/commands/check.js");
    expect(ran.filter(({ url }) => /\/node_modules\//.test(url))).toEqual([]);
    expect(modules.filter((path) => /^dist\/(net|transfer|sources|digest)\//.test(path))).toEqual([]);
    expect(modules.filter((path) => /^dist\/cli\/commands\/(?!check)/.test(path))).toEqual([]);
  });
});

/** A function that a process ran, where it stands in its script. */
interface Ran {
  readonly url: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** What a process ran is in the coverage that V8 writes. */
function ranIn(coverage: string): readonly Ran[] {
  const { result } = JSON.parse(coverage) as { result: { url: string; functions: Covered[] }[] };
  return result.flatMap(({ url, functions }) =>
    functions.flatMap(({ functionName, ranges: [range] }) =>
      range === undefined || range.count === 0
        ? []
        : [{ url, name: functionName, start: range.startOffset, end: range.endOffset }],
    ),
  );
}

interface Covered {
  readonly functionName: string;
  /** The first one is the whole function. */
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

/** The modules that were joined into what ran, as the bundler names them. */
function modulesIn({ url, name, start, end }: Ran): readonly string[] {
  if (!url.endsWith("/dist/bin/joined.js") || !name.endsWith(".cjs")) return [];
  const text = readFileSync(fileURLToPath(url), "latin1").slice(start, end);
  return [...text.matchAll(/^\/\/ (dist\/\S+\.js)$/gm)].map(([, path = ""]) => path);
}

describe("models adopt, ls and verify", () => {
  it("adopt takes over a file that is right, ls shows it, verify reads it again", async () => {
    await using scene = await makeScene();
    const adopted = await scene.run("adopt");
    expect(adopted.code).toBe(0);
    expect(adopted.stdout).toMatch(/^✓ adopted {6}loras\/here\.safetensors {2}200 kB\n✓ 1 file adopted, 200 kB, in /);
    expect((await scene.run("check", "here", "--strict")).code).toBe(0);
    const listed = await scene.run("ls");
    expect(listed.stdout).toMatch(
      /^file +size +sha256 +verified +from\nloras\/here\.safetensors {2}200 kB {2}[0-9a-f]{12} {2}.+ ago/,
    );
    expect(listed.stdout).toMatch(/\n1 file, 200 kB in \S+\n$/);
    const verified = await scene.run("verify");
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(verified.stdout).toMatch(/^✓ 1 model verified in /);
  });

  it("verify ends with 3 when a file changed under its receipt", async () => {
    await using scene = await makeScene();
    await scene.run("adopt");
    const bytes = await scene.box.read("loras/here.safetensors");
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await scene.box.write("loras/here.safetensors", bytes);
    const { code, stdout } = await scene.run("verify", "here");
    expect(code).toBe(3);
    expect(stdout).toMatch(/^✗ corrupt {5}loras\/here\.safetensors/);
  });

  it("adopt --from links what another folder has", async () => {
    await using scene = await makeScene();
    const { content } = await weights("gone", SIZE);
    await content.writeTo(join(scene.box.folder, "old", "renamed.safetensors"));
    const { stdout } = await scene.run("adopt", "gone", "--from", "old");
    expect(stdout).toMatch(/^✓ linked {7}loras\/gone\.safetensors {2}200 kB {2}from \S+\/old\/renamed\.safetensors\n/);
    expect((await scene.run("check", "gone", "--strict")).code).toBe(0);
  });

  it("--json prints one document each", async () => {
    await using scene = await makeScene();
    for (const command of ["adopt", "ls", "verify"]) {
      const { stdout } = await scene.run(command, "--json");
      expect(JSON.parse(stdout)).toMatchObject({ root: scene.box.root });
    }
  });
});

describe("models kits", () => {
  it("lists kits with their sizes", async () => {
    await using scene = await makeScene();
    const { code, stdout } = await scene.run("kits");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kit +models +size +what\n/);
    expect(stdout).toMatch(/^all +2 +400 kB {2}All of them$/m);
  });

  it("shows what is in one", async () => {
    await using scene = await makeScene();
    const { stdout } = await scene.run("kits", "show", "all");
    expect(stdout).toMatch(/^all: 2 models, 400 kB\nAll of them\n/);
    expect(stdout).toMatch(/^ {2}here +200 kB {2}loras\/here\.safetensors/m);
  });

  it("--json is an array, or with a name the one kit", async () => {
    await using scene = await makeScene();
    const kits = JSON.parse((await scene.run("kits", "--json")).stdout) as readonly { name: string }[];
    expect(kits.map(({ name }) => name)).toContain("all");
    expect(JSON.parse((await scene.run("kits", "show", "all", "--json")).stdout)).toMatchObject({
      name: "all",
      size: 2 * SIZE,
    });
  });
});

describe("models inspect", () => {
  const graph = JSON.stringify({
    "4": { class_type: "LoraLoader", inputs: { lora_name: "here.safetensors", strength_model: 1 } },
    "5": { class_type: "LoraLoader", inputs: { lora_name: "stranger.safetensors", strength_model: 1 } },
  });

  it("says which node asks for which file, whether it is known and whether it is here", async () => {
    await using scene = await makeScene();
    await writeFile(join(scene.box.folder, "graph.json"), graph);
    const { code, stdout } = await scene.run("inspect", "graph.json");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^node +class and input +file +how +model +status\n/);
    expect(stdout).toMatch(/^4 +LoraLoader\.lora_name +loras\/here\.safetensors +registry +here +unverified$/m);
    expect(stdout).toMatch(/^5 +LoraLoader\.lora_name +loras\/stranger\.safetensors +registry +unknown$/m);
    expect(stdout).toMatch(/^✗ unknown {5}loras\/stranger\.safetensors {2}fix: /m);
    expect(stdout).toMatch(/\n✗ 1 of 2 files of graph\.json present in /);
  });

  it("--comfyui tells what that server would refuse, and --set puts a value in first", async () => {
    await using scene = await makeScene();
    await using comfyui = await startComfyui({
      kinds: { loras: { names: ["here.safetensors"] } },
      classes: { LoraLoader: { required: { lora_name: { files: "loras" } } } },
    });
    await writeFile(join(scene.box.folder, "graph.json"), graph);
    const { stdout } = await scene.run("inspect", "graph.json", "--comfyui", comfyui.url);
    expect(stdout).toContain(`ComfyUI at ${comfyui.url}:\n  stranger.safetensors of node 5 is not in its list\n`);
    const set = await scene.run(
      "inspect",
      "graph.json",
      "--comfyui",
      comfyui.url,
      "--set",
      "5.lora_name=here.safetensors",
    );
    expect(set.stdout).toContain("agrees, and lists every file");
    expect((await scene.run("check", "-w", "graph.json", "--set", "5.lora_name=here.safetensors")).code).toBe(0);
    expect((await scene.run("check", "-w", "graph.json", "--set", "nonsense")).code).toBe(2);
  });

  it("takes several workflows, one JSON document for one and a list for more; --all keeps what is muted", async () => {
    await using scene = await makeScene();
    const muted = { id: 4, type: "LoraLoader", mode: 2, widgets_values: ["here.safetensors", 1, 1] };
    await writeFile(join(scene.box.folder, "graph.json"), graph);
    await writeFile(join(scene.box.folder, "muted.json"), JSON.stringify({ version: 0.4, links: [], nodes: [muted] }));
    const both = await scene.run("inspect", "graph.json", "muted.json", "--json", "--all");
    expect(JSON.parse(both.stdout)).toMatchObject([
      { workflow: "graph.json", references: [{}, {}] },
      { workflow: "muted.json", references: [{ isActive: false }] },
    ]);
    const one = await scene.run("inspect", "muted.json", "--json");
    expect(JSON.parse(one.stdout)).toMatchObject({ workflow: "muted.json", references: [] });
    const set = await scene.run("inspect", "graph.json", "muted.json", "--set", "4.lora_name=x.safetensors");
    expect(set.code).toBe(2);
  });

  it("reads - from standard input, as check does", async () => {
    await using scene = await makeScene();
    const options = { env: scene.box.environment, cwd: scene.box.folder, stdin: graph };
    const places = ["--manifests", "manifests", "--kits", "kits", "--json"];
    const inspected = await runModels(["inspect", "-", ...places], options);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      format: "api",
      references: [{ models: ["here"] }, { models: [] }],
    });
    const checked = await runModels(["check", "-w", "-", ...places], options);
    expect(checked.code).toBe(3);
    expect(JSON.parse(checked.stdout)).toMatchObject({ models: [{ status: "unverified" }, { status: "unknown" }] });
  });

  it("refuses what is no workflow", async () => {
    await using scene = await makeScene();
    await writeFile(join(scene.box.folder, "notes.txt"), "no graph");
    const { code, stderr } = await scene.run("inspect", "notes.txt");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^✗ Cannot read .*notes\.txt/);
    expect((await scene.run("inspect")).code).toBe(2);
  });
});
