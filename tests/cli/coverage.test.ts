/** `models coverage` over a service of 21 endpoints in 7 groups, and `models kits derive`, from the built files. */
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { CoverageReport } from "../../src/operations/coverage.ts";
import { makeBox } from "../operations/box.ts";
import { type Ended, runModels } from "./run-models.ts";

const SERVICE = fileURLToPath(new URL("../../examples/service", import.meta.url));
const ENDPOINTS = join(SERVICE, "endpoints.yaml");

interface Scene extends AsyncDisposable {
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  /** Makes a file of this size that takes no room, as a stand-in for the real one. */
  readonly put: (path: string, size: number) => Promise<void>;
}

async function makeScene(): Promise<Scene> {
  const box = await makeBox();
  return {
    run: (...args) => runModels(args, { env: box.environment, cwd: box.folder }),
    put: async (path, size) => {
      await mkdir(dirname(join(box.root, path)), { recursive: true });
      const file = await open(join(box.root, path), "w");
      await file.truncate(size);
      await file.close();
    },
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

describe("models coverage", () => {
  it("--json counts 21 endpoints in 7 groups, what is ready and what is shared", async () => {
    await using scene = await makeScene();
    await scene.put("diffusion_models/flux1-schnell.safetensors", 23782506688);
    await scene.put("text_encoders/clip_l.safetensors", 246144152);
    await scene.put("clip/t5xxl_fp16.safetensors", 9787841024);
    await scene.put("vae/ae.safetensors", 335304388);
    await scene.put("upscale_models/RealESRGAN_x4plus.pth", 67040989);
    const { code, stdout } = await scene.run("coverage", "--endpoints", ENDPOINTS, "--json");
    const report = JSON.parse(stdout) as CoverageReport;
    expect(code).toBe(3);
    expect(report.endpoints).toHaveLength(21);
    expect(report.groups.map(({ name, endpoints }) => [name, endpoints])).toEqual([
      ["flux", 5],
      ["face consistency", 4],
      ["qwen image", 3],
      ["qwen edit", 2],
      ["z-image", 2],
      ["video", 3],
      ["upscaling", 2],
    ]);
    expect(report.endpoints.filter(({ isReady }) => isReady).map(({ name }) => name)).toEqual([
      "flux-schnell",
      "upscale",
    ]);
    expect(report.endpoints.filter(({ problem }) => problem !== undefined)).toEqual([]);
    const lora = report.endpoints.find(({ name }) => name === "flux-lora");
    expect(lora?.lacks.map(({ path, status }) => [path, status])).toEqual([
      ["diffusion_models/flux1-dev.safetensors", "missing"],
      ["loras/house-style.safetensors", "unknown"],
    ]);
    expect(report.endpoints.find(({ name }) => name === "flux-schnell")).toMatchObject({
      ownBytes: 23782506688,
      lackingBytes: 0,
    });
  });

  it("a table for people: one line an endpoint, one a group, and for each that is not ready what it lacks", async () => {
    await using scene = await makeScene();
    const { code, stdout } = await scene.run("coverage", "--endpoints", ENDPOINTS);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^group +endpoint +state +files +size +own +lacking\n/);
    expect(stdout).toMatch(/^flux +flux-dev +lacks 4 +4 +34\.2 GB +0 B +34\.2 GB$/m);
    expect(stdout).toMatch(/^✗ video: 0 of 3 endpoints ready, /m);
    expect(stdout).toMatch(/^flux-lora lacks\n(?: {2}.*\n)+ {2}✗ unknown +loras\/house-style\.safetensors +fix: /m);
    expect(stdout).toMatch(/\n✗ 0 of 21 endpoints ready: \d+ files, > \d+ GB, > \d+ GB lacking, in /);
  });

  it("--markdown is a page", async () => {
    await using scene = await makeScene();
    const { stdout } = await scene.run("coverage", "--endpoints", ENDPOINTS, "--markdown");
    const rows = stdout.split("\n").filter((line) => line.startsWith("| "));
    expect(rows).toHaveLength(21 + 2);
    expect(rows[1]).toBe("| --- | --- | --- | ---: | ---: | ---: | ---: |");
    expect(stdout).toContain("\n## Lacking\n\n- **flux-dev**\n  - `diffusion_models/flux1-dev.safetensors` is missing");
  });

  it("says what is wrong with its file or its flags", async () => {
    await using scene = await makeScene();
    expect((await scene.run("coverage")).code).toBe(2);
    expect((await scene.run("coverage", "--endpoints", "absent.yaml")).code).toBe(2);
  });
});

describe("models kits derive", () => {
  it("writes a kit that can be synced, and says what is not in it with exit code 3", async () => {
    await using scene = await makeScene();
    const graph = join(SERVICE, "workflows/flux-lora.json");
    const { code, stdout } = await scene.run("kits", "derive", graph, "--name", "mine", "--out", "mine");
    expect(code).toBe(3);
    expect(stdout).toContain("mine: 4 models of the catalogue");
    expect(stdout).toContain("not in it: loras/house-style.safetensors (node 4 (LoraLoaderModelOnly))");
    const shown = await scene.run("kits", "show", "mine", "--json", "--kits", "mine/kits");
    expect(JSON.parse(shown.stdout)).toMatchObject({ models: ["flux1-dev", "clip-l", "t5xxl-fp16", "flux-ae"] });
    expect((await scene.run("kits", "derive", graph, "--name", "mine", "--out", "mine")).code).toBe(2);
    expect((await scene.run("kits", "derive", graph)).code).toBe(2);
    expect((await scene.run("kits", "derive", "--name", "mine")).code).toBe(2);
  });

  it("kits show takes a variant and proposes one for a card", async () => {
    await using scene = await makeScene();
    const { stdout } = await scene.run("kits", "show", "flux-dev", "--vram", "16", "--variant", "gguf");
    expect(stdout).toMatch(/^ {2}flux1-dev-q8-0 +unknown +diffusion_models\/flux1-dev-Q8_0\.gguf/m);
    expect(stdout).toMatch(/^proposed gguf: the largest file of gguf is flux1-dev-q8-0 with about 12\.7 GB/m);
    expect((await scene.run("kits", "show", "flux-dev", "--vram", "lots")).code).toBe(2);
    const picked = await scene.run("check", "--kit", "flux-dev", "--variant", "fp8", "--json");
    expect(JSON.parse(picked.stdout)).toMatchObject({ models: [{ name: "flux1-dev-fp8" }] });
    expect((await scene.run("check", "--kit", "flux-dev", "--variant", "fp9")).code).toBe(2);
  });
});
