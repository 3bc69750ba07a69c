/** The folder of one world: catalogue, config, a home of its own, and the environment of its clients. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256 } from "../../src/base/artifact.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { formatHolder } from "../../src/tree/holder.ts";
import { createLayout, type Layout } from "../../src/tree/layout.ts";
import { ACCESS_KEY, BUCKET } from "../../tests/origins/emulator.ts";
import type { WorldMirror } from "./origins.ts";
import { SECRETS } from "./secrets.ts";
import { keyOf, type Stock } from "./stock.ts";
import type { WorldPlan } from "./world.ts";

/** One file that the world's kit needs. */
export interface WantedFile {
  readonly name: string;
  readonly stock: number;
  readonly size: number;
  readonly sha256: Sha256;
  /** Its final name. */
  readonly path: string;
  readonly partial: { readonly content: string; readonly journal: string };
}

export interface WorldBox {
  readonly folder: string;
  readonly layout: Layout;
  readonly files: readonly WantedFile[];
  readonly environment: Readonly<Record<string, string>>;
  /** What the torture wrote itself: not searched for secrets. */
  readonly inputs: readonly string[];
}

/** The machine of the planted holder. */
export const DEAD_HOST: string = "another-box";

const INPUTS = ["manifest.json", "kit.json", "models.config.yaml", "ca.pem"] as const;

/** Writes the folder of `plan`. */
export async function makeBox(
  folder: string,
  plan: WorldPlan,
  { mirrors, stock }: { readonly mirrors: readonly WorldMirror[]; readonly stock: Stock },
): Promise<WorldBox> {
  const at = (name: string): string => join(folder, name);
  const layout = createLayout(at("models"));
  const files = plan.files.map(({ name, stock: index }) => wantedFile(layout, stock, { name, index }));
  await mkdir(at("home"), { recursive: true });
  const models = files.map(({ name, size, sha256, stock: index }) => ({
    name,
    path: `loras/${keyOf(index)}`,
    size,
    sha256,
    sources: mirrors.map(({ sourceOf }) => sourceOf(index)),
  }));
  const kit = { version: 1, name: "all", description: "All of them", models: files.map(({ name }) => name) };
  await writeFile(at("manifest.json"), JSON.stringify({ version: 1, models }));
  await writeFile(at("kit.json"), JSON.stringify(kit));
  await writeFile(at("models.config.yaml"), JSON.stringify(configOf(mirrors)));
  await stock.authority.writeTo(folder);
  if (plan.hasDeadHolder) await plantDeadHolder(layout, files);
  return { folder, layout, files, environment: environmentOf(at, mirrors), inputs: INPUTS.map(at) };
}

function wantedFile(
  layout: Layout,
  stock: Stock,
  { name, index }: { readonly name: string; readonly index: number },
): WantedFile {
  const file = stock.files[index];
  if (file === undefined) throw new RangeError(`there is no file ${index}`);
  const path = parseTreePath(`loras/${keyOf(index)}`);
  const { sha256, bytes } = file;
  return {
    name,
    stock: index,
    size: bytes.length,
    sha256,
    path: layout.fileOf(path),
    partial: layout.partialOf({ sha256, path }),
  };
}

function configOf(mirrors: readonly WorldMirror[]): unknown {
  const web = mirrors.filter(({ kind }) => kind === "http" || kind === "https");
  const s3 = mirrors.find(({ kind }) => kind === "s3");
  return {
    manifests: ["manifest.json"],
    kits: ["kit.json"],
    limits: { reserve: 0 },
    hosts: Object.fromEntries(web.map(({ host }) => [host, { token: "TORTURE_TOKEN" }])),
    ...(s3 === undefined ? {} : { buckets: { [BUCKET]: { endpoint: s3.endpoint, region: "auto" } } }),
  };
}

function environmentOf(
  at: (name: string) => string,
  mirrors: readonly WorldMirror[],
): Readonly<Record<string, string>> {
  const hub = mirrors.find(({ kind }) => kind === "hub");
  return {
    HOME: at("home"),
    NODE_EXTRA_CA_CERTS: at("ca.pem"),
    TORTURE_TOKEN: SECRETS.host,
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRETS.s3,
    ...(hub === undefined ? {} : { HF_ENDPOINT: hub.endpoint, HF_TOKEN: SECRETS.hub }),
  };
}

/** The lock of a process on another machine that no longer beats. */
async function plantDeadHolder(layout: Layout, files: readonly WantedFile[]): Promise<void> {
  const holder = { host: DEAD_HOST, pid: 4_242, pidSpace: "another kernel", start: "1", token: "torture" };
  for (const { sha256 } of files) {
    const lock = layout.lockOf(sha256);
    await mkdir(join(lock, ".."), { recursive: true });
    await writeFile(lock, formatHolder(holder, 7));
  }
}
