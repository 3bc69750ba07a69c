/** The kit `flux` in its real shape, a hundredth of its size, from two mirrors through the real command line. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Summary } from "../../src/base/events.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import type { Model } from "../../src/catalog/model.ts";
import { modelsOfKit } from "../../src/catalog/select.ts";
import {
  type Bucket,
  type Hub,
  makeSafetensors,
  sha256Of,
  startBucket,
  startHub,
  type Weights,
} from "../origins/index.ts";

const HOME = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(HOME, "dist", "bin", "models.cjs");
const SCALE = 100;
const COMMIT = "f1".repeat(20);

interface Scaled {
  readonly model: Model;
  readonly weights: Weights;
}

let folder: string;
let hub: Hub;
let bucket: Bucket;
let files: readonly Scaled[];
let total: number;

async function fluxModels(): Promise<readonly Model[]> {
  const places = { manifests: [join(HOME, "manifests")], kits: [join(HOME, "kits")] };
  const catalog = await loadCatalog(places, { fetchText: () => Promise.reject(new Error("no network here")) });
  return modelsOfKit(catalog, "flux");
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-flux-"));
  const models = await fluxModels();
  files = models.map((model) => ({
    model,
    weights: makeSafetensors({ size: Math.ceil((model.size ?? 0) / SCALE), seed: model.name }),
  }));
  total = files.reduce((sum, { weights }) => sum + weights.size, 0);
  const byPath = Object.fromEntries(files.map(({ model, weights }) => [model.path as string, weights]));
  hub = await startHub({
    repos: [{ name: "team/flux", commit: COMMIT, files: byPath }],
    cdn: { host: "127.0.0.1", shape: { bytesPerSecond: 110_000_000 } },
  });
  bucket = await startBucket({ objects: byPath, shape: { bytesPerSecond: 38_000_000 } });
  await writeCatalogue();
}, 120_000);

afterAll(async () => {
  await Promise.all([hub?.close(), bucket?.close()]);
  await rm(folder, { recursive: true, force: true });
});

async function writeCatalogue(): Promise<void> {
  const entries = await Promise.all(
    files.map(async ({ model, weights }) => ({
      name: model.name,
      path: model.path,
      size: weights.size,
      sha256: await weights.sha256(),
      sources: [`hf://team/flux@${COMMIT}/${model.path}`, `r2://weights/${model.path}`],
    })),
  );
  await mkdir(join(folder, "home"));
  await writeFile(join(folder, "manifest.yaml"), JSON.stringify({ version: 1, models: entries }));
  const kit = {
    version: 1,
    name: "flux-small",
    description: "flux, a hundredth",
    models: entries.map(({ name }) => name),
  };
  await writeFile(join(folder, "kit.yaml"), JSON.stringify(kit));
  const config = { manifests: ["manifest.yaml"], kits: ["kit.yaml"], buckets: { weights: { publicUrl: bucket.url } } };
  await writeFile(join(folder, "models.config.yaml"), JSON.stringify(config));
}

interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly summary: Summary | null;
  readonly stderr: string;
}

/** Runs the command line in the folder; kills it with SIGKILL when `killWhen` says so. */
function run(args: readonly string[], killWhen: () => boolean = () => false): Promise<Ran> {
  const env = { PATH: process.env["PATH"], HOME: join(folder, "home"), HF_ENDPOINT: hub.endpoint };
  const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let stderr = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const watch = setInterval(() => {
    if (killWhen()) child.kill("SIGKILL");
  }, 10);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearInterval(watch);
      const last = out.trim().split("\n").at(-1) ?? "";
      resolve({ code, signal, summary: last.startsWith('{"kind":"summary"') ? JSON.parse(last) : null, stderr });
    });
  });
}

const sentBytes = (): number => hub.cdn.bytesSent() + bucket.bytesSent();
const sync = ["sync", "--kit", "flux-small", "--json"];

describe("models sync of the flux kit's shape", () => {
  it("has the names and folders of the real kit", () => {
    expect(files.map(({ model }) => model.path)).toEqual([
      "diffusion_models/flux1-schnell.safetensors",
      "text_encoders/clip_l.safetensors",
      "text_encoders/t5xxl_fp16.safetensors",
      "vae/ae.safetensors",
      "diffusion_models/flux1-dev.safetensors",
    ]);
    expect(total).toBeGreaterThan(500_000_000);
  });

  it("is killed in the middle by SIGKILL and resumes with under 5 % of the bytes fetched twice", async () => {
    const killed = await run(sync, () => sentBytes() > total * 0.5);
    expect(killed.signal).toBe("SIGKILL");
    const placed = (await readdir(join(folder, "models"), { recursive: true })).filter((name) =>
      name.endsWith(".safetensors"),
    );
    for (const name of placed) {
      const scaled = files.find(({ model }) => model.path === name);
      expect(await sha256Of({ file: join(folder, "models", name) })).toBe(await scaled?.weights.sha256());
    }

    const resumed = await run(sync);
    expect(resumed.stderr).toBe("");
    expect(resumed.code).toBe(0);
    expect(resumed.summary?.ok).toBe(true);
    expect(sentBytes()).toBeLessThan(total * 1.05);
    expect(hub.cdn.bytesSent()).toBeGreaterThan(total / 2);
    expect(bucket.bytesSent()).toBeGreaterThan(total / 10);
    for (const { model, weights } of files) {
      expect(await sha256Of({ file: join(folder, "models", model.path) })).toBe(await weights.sha256());
    }
  }, 60_000);

  it("fetches nothing and asks nobody the second time", async () => {
    const before = hub.origin.requests.length + hub.cdn.requests.length + bucket.requests.length;
    const again = await run(sync);
    expect(again.code).toBe(0);
    expect(again.summary).toMatchObject({ ok: true, models: 5, fetchedBytes: 0, wastedBytes: 0 });
    expect(hub.origin.requests.length + hub.cdn.requests.length + bucket.requests.length).toBe(before);
    expect((await run(["check", "--kit", "flux-small", "--strict"])).code).toBe(0);
  });
});
