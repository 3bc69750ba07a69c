/** Shows the whole of modelferry in half a minute: servers on loopback, the real command line, and a check of its every claim. */
import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { formatBytes, formatRate } from "../src/base/bytes.ts";
import type { Summary } from "../src/base/events.ts";
import { PROBE_BYTES } from "../src/sources/probe.ts";
import { type Bucket, type Hub, sha256Of, startBucket, startHub } from "../tests/origins/index.ts";
import { DEMO_BUCKET, DEMO_COMMIT, DEMO_REPO, type DemoModel, demoModels } from "./demo-weights.ts";

const HOME = fileURLToPath(new URL("..", import.meta.url));
const SCENE = join(HOME, "demo");
const TREE = join(SCENE, "models");
const CONFIG = join(SCENE, "models.config.yaml");
const COMMAND = join("dist", "bin", "models.cjs");
const HUB_RATE = 40_000_000;
const BUCKET_RATE = 15_000_000;
/** What may be on its way, unread, when the end of a slow connection's range is given to a faster one. */
const CUT_BYTES = 6 * 1024 * 1024;

/** Everything that the steps share. */
interface Scene {
  readonly models: readonly DemoModel[];
  readonly hub: Hub;
  readonly bucket: Bucket;
  readonly environment: NodeJS.ProcessEnv;
}

/** Body bytes, by server. */
interface Seen {
  readonly hub: number;
  readonly bucket: number;
}

const { NO_COLOR } = process.env;
const isColoured = process.stdout.isTTY === true && !NO_COLOR;
const bold = (text: string): string => (isColoured ? `\x1b[1m${text}\x1b[22m` : text);
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Ends the demo: something is not as the command line said, or as it should be. */
function surprise(what: string): never {
  throw new Error(what);
}

function expect(isTrue: boolean, otherwise: string): void {
  if (!isTrue) surprise(otherwise);
}

async function openScene(): Promise<Scene> {
  const models = demoModels();
  const shape = { latencyMs: 15, jitterMs: 5 };
  const files = Object.fromEntries(models.map(({ file, weights }) => [file, weights]));
  const hub = await startHub({
    repos: [{ name: DEMO_REPO, commit: DEMO_COMMIT, files }],
    shape,
    cdn: { host: "127.0.0.1", shape: { ...shape, bytesPerSecond: HUB_RATE } },
  });
  const objects = Object.fromEntries(models.map(({ path, weights }) => [path, weights]));
  const bucket = await startBucket({ objects, shape: { ...shape, bytesPerSecond: BUCKET_RATE } });
  await writeFile(CONFIG, configText(bucket.url));
  return { models, hub, bucket, environment: environmentFor(hub.endpoint) };
}

/** Says where the bucket is, and keeps the lockfile out of the folder in which the demo is run. */
function configText(bucket: string): string {
  return `lockfile: models.lock.yaml\nbuckets:\n  ${DEMO_BUCKET}:\n    publicUrl: ${bucket}\n`;
}

/** This machine's environment without what would lead the demo elsewhere, and with its own servers. */
function environmentFor(hub: string): NodeJS.ProcessEnv {
  const isOurs = (name: string): boolean =>
    /^(HF_|HUGGING|AWS_|R2_|CIVITAI_|MODELS_|TRANSFORMERS_|BASE_MODEL_KIT$|PRELOAD_)|_PROXY$/i.test(name);
  const kept = Object.entries(process.env).filter(([name]) => !isOurs(name));
  return {
    ...Object.fromEntries(kept),
    HF_ENDPOINT: hub,
    HF_HOME: join(SCENE, "huggingface"),
    MODELS_CONFIG: CONFIG,
  };
}

interface Step {
  readonly says: string;
  readonly args: readonly string[];
  readonly exits: number;
}

/** Runs one command as a person would; gives what it wrote to standard output where `--json` was asked for. */
async function runStep({ says, args, exits }: Step, { environment }: Scene): Promise<string> {
  say(`\n${bold(says)}`);
  say(`$ node ${COMMAND} ${args.join(" ")}`);
  const isCaptured = args.includes("--json");
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: HOME,
    env: environment,
    stdio: ["inherit", isCaptured ? "pipe" : "inherit", "inherit"],
  });
  const written: Buffer[] = [];
  child.stdout?.on("data", (step: Buffer) => written.push(step));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  expect(code === exits, `"${args.join(" ")}" exited with ${code}, expected ${exits}`);
  return Buffer.concat(written).toString("utf8");
}

function sentBy({ hub, bucket }: Scene): Seen {
  return { hub: hub.cdn.bytesSent(), bucket: bucket.bytesSent() };
}

function sentSince(scene: Scene, before: Seen): Seen {
  const now = sentBy(scene);
  return { hub: now.hub - before.hub, bucket: now.bucket - before.bucket };
}

/** Reads every file back and compares it with what the servers hold. */
async function expectWhole(models: readonly DemoModel[]): Promise<void> {
  for (const { path, weights } of models) {
    const sha256 = await sha256Of({ file: join(TREE, path) });
    expect(sha256 === (await weights.sha256()), `${path} on the disk is not what the servers hold`);
  }
}

function summaryOf(lines: string): Summary {
  const last: unknown = JSON.parse(lines.trim().split("\n").at(-1) ?? "null");
  const summary = last as Summary;
  expect(summary?.kind === "summary" && summary.ok, `the last line is no good summary: ${JSON.stringify(last)}`);
  return summary;
}

/** What the summary says of each mirror. */
function toldBy({ mirrors }: Summary, { hub, bucket }: Scene): Seen {
  const from = (url: string): number =>
    mirrors.filter(({ label }) => label === hostOf(url)).reduce((sum, { bytes }) => sum + bytes, 0);
  return { hub: from(hub.endpoint), bucket: from(bucket.url) };
}

/** Nobody can have fetched more than was sent, and no more may have been sent than was fetched, probed and cut off. */
function expectAgreement(summary: Summary, told: Seen, sent: Seen): void {
  for (const server of ["hub", "bucket"] as const) {
    const rest = sent[server] - told[server];
    const isTrue = rest >= 0 && rest <= PROBE_BYTES + CUT_BYTES;
    expect(isTrue, `the summary says ${told[server]} bytes from the ${server}, which sent ${sent[server]}`);
  }
  const sum = told.hub + told.bucket;
  expect(sum === summary.fetchedBytes, `the mirrors of the summary have ${sum} bytes, not ${summary.fetchedBytes}`);
}

const hostOf = (url: string): string => new URL(url).host;

async function play(scene: Scene): Promise<void> {
  const { models } = scene;
  const kit = ["--kit", "demo", "--root", "./demo/models"];
  const whole = models.reduce((sum, { weights }) => sum + weights.size, 0);

  await runStep({ says: "1. Fetch a kit from both mirrors at once.", args: ["sync", ...kit], exits: 0 }, scene);
  await expectWhole(models);
  const first = sentBy(scene);
  const extra = first.hub + first.bucket - whole;
  expect(extra >= 0 && extra < whole / 10, `the servers sent ${extra} bytes more than the kit's ${whole}`);
  expect(first.hub > 0 && first.bucket > 0, "one of the two mirrors sent nothing");

  await runStep({ says: "2. Prove that everything is there: no network.", args: ["check", ...kit], exits: 0 }, scene);

  const victim = models[1] as DemoModel;
  await rm(join(TREE, victim.path));
  const lost = `3. Someone deletes ${victim.path}: the check says so and exits with 3.`;
  await runStep({ says: lost, args: ["check", ...kit], exits: 3 }, scene);
  expect(sentSince(scene, first).hub + sentSince(scene, first).bucket === 0, "a check used the network");

  const mend = "4. The next sync fetches that one file; with --json a program can follow.";
  const lines = await runStep({ says: mend, args: ["sync", ...kit, "--json"], exits: 0 }, scene);
  const summary = summaryOf(lines);
  say(`${lines.trim().split("\n").length} events, the last one:\n${JSON.stringify(summary)}`);
  await expectWhole(models);
  const mended = sentSince(scene, first);
  const told = toldBy(summary, scene);
  expectAgreement(summary, told, mended);
  expect(
    summary.fetchedBytes - summary.wastedBytes === victim.weights.size,
    "the summary counts other bytes than the file has",
  );

  const before = sentBy(scene);
  await runStep({ says: "5. And again: nothing to do, nothing is fetched.", args: ["sync", ...kit], exits: 0 }, scene);
  const idle = sentSince(scene, before);
  expect(idle.hub + idle.bucket === 0, `a sync of a whole tree fetched ${idle.hub + idle.bucket} bytes`);
  expect(scene.hub.leaks().length === 0, "a credential reached the storage host");

  say(`\n${bold("What the servers sent, by their own logs")}`);
  const others = sentSince(scene, { hub: first.hub + mended.hub, bucket: first.bucket + mended.bucket });
  say(row(["", "the hub's storage", "the bucket"]));
  say(row(["shown above as", hostOf(scene.hub.endpoint), hostOf(scene.bucket.url)]));
  say(row(["limited to", formatRate(HUB_RATE), formatRate(BUCKET_RATE)]));
  say(row(["step 1, four files", formatBytes(first.hub), formatBytes(first.bucket)]));
  say(row(["step 4, one file", formatBytes(mended.hub), formatBytes(mended.bucket)]));
  say(row(["  as its summary says", formatBytes(told.hub), formatBytes(told.bucket)]));
  say(row(["steps 2, 3 and 5", formatBytes(others.hub), formatBytes(others.bucket)]));
  say(
    "\nWhat a server sent beyond the summary is the look at each file's beginning with which mirrors are chosen, and",
  );
  say("what was on its way when a faster mirror took over. Every file has the digest of its manifest.");
  say(`The tree is in ${relative(process.cwd(), TREE) || TREE}; remove ./demo when you are done.`);
}

const row = ([name = "", ...cells]: readonly string[]): string =>
  `  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(20)).join("")}`;

async function main(): Promise<void> {
  await rm(SCENE, { recursive: true, force: true });
  await mkdir(TREE, { recursive: true });
  const scene = await openScene();
  try {
    say("Two servers run on this machine: one speaks like the Hub and its storage, one is a public bucket.");
    say(`HF_ENDPOINT=${scene.hub.endpoint}; the bucket is ${scene.bucket.url}, as ./demo/models.config.yaml says.`);
    await play(scene);
  } finally {
    await Promise.all([scene.hub.close(), scene.bucket.close()]);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`\nTHE DEMO FAILED: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
