/** Plays one world: kills, takes over, lets finish, judges; in the end every mirror is good and every file must come. */
import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { bytesOf, makeSafetensors } from "../../tests/origins/index.ts";
import { type Client, type Ended, startClient } from "./client.ts";
import { journaledBytes, judgeEnd, judgeNames, judgeSecrets, judgeSuccess, type Violation } from "./judge.ts";
import { type Mirrors, type Shared, startMirrors, type WorldFile } from "./origins.ts";
import type { PlannedKill, WorldPlan } from "./plan.ts";
import { fetchedTwice } from "./ranges.ts";

export interface Setting extends Shared {
  /** Where worlds have their folders. */
  readonly folder: string;
  /** PEM file of the authority. */
  readonly caFile: string;
  /** The folder of a world that went wrong is kept. */
  readonly isKeeping: boolean;
}

/** What became of one world. */
export interface WorldReport {
  readonly plan: WorldPlan;
  readonly violations: readonly Violation[];
  /** Processes that were killed. */
  readonly kills: number;
  /** How the last processes ended before the mirrors were healed. */
  readonly codes: readonly (number | null)[];
  readonly sizeBytes: number;
  readonly sentBytes: number;
  /** Per kill of a file large enough to tell: bytes that were fetched twice, as a share of the file. */
  readonly twice: readonly number[];
  /** From each kill of one among several until bytes moved again, or the others had ended. */
  readonly recoveryMs: readonly number[];
  readonly elapsedMs: number;
  /** The world's folder, where it was kept. */
  readonly folder: string | null;
}

/** A sync that gets nowhere gives up after a minute and a half; those that wait for it begin then. */
const PATIENCE_MS = 120_000;
/** A moment that does not come is now. */
const MOMENT_MS = 15_000;
const LOOK_MS = 5;
/** A dead holder is replaced, and a stall is found, within this. */
const RECOVERY_MS = 15_000;
/** Smaller files say nothing about what a kill costs. */
const TELLING_BYTES = 100_000_000;

export async function playWorld(plan: WorldPlan, setting: Setting): Promise<WorldReport> {
  const startedMs = systemClock.monotonicMs();
  const folder = await mkdtemp(join(setting.folder, `world-${plan.index}-`));
  const secret = `s3cr3t${plan.seed}x${plan.index}`;
  const files = await makeFiles(plan);
  const mirrors = await startMirrors(plan, files, { ...setting, secret });
  const stage = await setUp(plan, { files, mirrors, folder, caFile: setting.caFile, secret });
  try {
    for (const kill of plan.kills) await killRound(stage, kill);
    const codes = await finish(stage);
    if (codes.some((code) => code !== 0)) await heal(stage);
    const violations = [...stage.violations, ...(await judgeAll(stage))];
    const isKept = violations.length > 0 && setting.isKeeping;
    if (!isKept) await rm(folder, { recursive: true, force: true });
    return {
      plan,
      violations,
      kills: stage.kills,
      codes,
      sizeBytes: stage.sizeBytes,
      sentBytes: mirrors.bytesSent(),
      twice: twiceIn(stage),
      recoveryMs: stage.recoveryMs,
      elapsedMs: systemClock.monotonicMs() - startedMs,
      folder: isKept ? folder : null,
    };
  } finally {
    await mirrors[Symbol.asyncDispose]();
  }
}

interface Stage {
  readonly plan: WorldPlan;
  readonly files: readonly WorldFile[];
  readonly mirrors: Mirrors;
  readonly folder: string;
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secret: string;
  readonly sizeBytes: number;
  readonly ended: Ended[];
  readonly violations: Violation[];
  readonly recoveryMs: number[];
  /** How many requests there had been when everybody was killed. */
  readonly killedAt: number[];
  kills: number;
}

async function makeFiles({ sizes, seed, index }: WorldPlan): Promise<readonly WorldFile[]> {
  return await Promise.all(
    sizes.map(async (size, at) => {
      const bytes = await bytesOf(makeSafetensors({ size, seed: `${seed} ${index} ${at}` }));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name: `m${at}`, path: `loras/m${at}.safetensors`, bytes, sha256 };
    }),
  );
}

async function setUp(
  plan: WorldPlan,
  {
    files,
    mirrors,
    folder,
    caFile,
    secret,
  }: Pick<Stage, "files" | "mirrors" | "folder" | "secret"> & { readonly caFile: string },
): Promise<Stage> {
  const models = files.map((file) => ({
    name: file.name,
    path: file.path,
    size: file.bytes.length,
    sha256: file.sha256,
    license: "cc0-1.0",
    sources: mirrors.sourcesOf(file),
  }));
  const kit = { version: 1, name: "all", description: "All of them", models: files.map(({ name }) => name) };
  const config = { root: "models", manifests: ["manifest.json"], kits: ["kit.json"], ...mirrors.config };
  await mkdir(join(folder, "home"));
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ version: 1, models }));
  await writeFile(join(folder, "kit.json"), JSON.stringify(kit));
  await writeFile(join(folder, "models.config.yaml"), JSON.stringify(config));
  return {
    plan,
    files,
    mirrors,
    folder,
    root: join(folder, "models"),
    environment: { HOME: join(folder, "home"), NODE_EXTRA_CA_CERTS: caFile, ...mirrors.environment },
    secret,
    sizeBytes: files.reduce((sum, { bytes }) => sum + bytes.length, 0),
    ended: [],
    violations: [],
    recoveryMs: [],
    killedAt: [],
    kills: 0,
  };
}

const start = ({ plan, folder, environment }: Stage): Client =>
  startClient({ cwd: folder, environment, patienceMs: PATIENCE_MS * plan.clients });

const startAll = (stage: Stage): readonly Client[] => Array.from({ length: stage.plan.clients }, () => start(stage));

/** Starts the processes, kills at the planned moment, and looks at what lies there. */
async function killRound(stage: Stage, kill: PlannedKill): Promise<void> {
  const { mirrors, files, root } = stage;
  await makeWork(stage);
  const durable = await journaledBytes(root, files);
  const before = mirrors.bytesSent();
  const clients = startAll(stage);
  await momentOf(stage, kill, { clients, before });
  const victims = (kill.isForAll ? clients : clients.slice(0, 1)).filter((client) => client.isRunning());
  stage.kills += victims.length;
  for (const victim of victims) victim.kill();
  if (!kill.isForAll && clients.length > 1) await watchRecovery(stage, clients);
  const ended: Ended[] = [];
  for (const client of clients) ended.push(await end(stage, client));
  stage.violations.push(...(await judgeNames(root, files)), ...lostIn(stage, ended, durable));
  if (victims.length === clients.length) stage.killedAt.push(mirrors.requests().length);
}

/** Somebody removes a file when there is nothing left to do: then there is again. */
async function makeWork({ files, root, sizeBytes }: Stage): Promise<void> {
  // There it would be counted as fetched twice.
  if (sizeBytes >= TELLING_BYTES) return;
  const isDone = await Promise.all(
    files.map(({ path }) =>
      access(join(root, path)).then(
        () => true,
        () => false,
      ),
    ),
  );
  const [first] = files;
  if (first !== undefined && isDone.every(Boolean)) await rm(join(root, first.path));
}

/** What the journals said must be what the next process began with. */
function lostIn({ files }: Stage, ended: readonly Ended[], durable: ReadonlyMap<string, number>): readonly Violation[] {
  return files.flatMap(({ name, sha256 }): readonly Violation[] => {
    const kept = durable.get(sha256) ?? 0;
    const begun = ended
      .flatMap(({ events }) => events)
      .filter((event) => event.kind === "file-started" && event["model"] === name)
      .sort((one, other) => Number(one["time"]) - Number(other["time"]))[0];
    const resumed = Number(begun?.["resumedBytes"] ?? kept);
    if (resumed >= kept) return [];
    return [{ offence: "lost", what: `${name}: ${kept} bytes were durable, ${resumed} are resumed` }];
  });
}

/** Of each kill of everybody, what was fetched again later; told only where nothing else explains it. */
function twiceIn({ plan, sizeBytes, mirrors, killedAt }: Stage): readonly number[] {
  const isTelling = sizeBytes >= TELLING_BYTES && plan.mirrors.every(({ faults }) => faults.length === 0);
  if (!isTelling) return [];
  const requests = mirrors.requests();
  return killedAt.map((at, index) => {
    const from = killedAt[index - 1] ?? 0;
    return fetchedTwice(requests.slice(from, at), requests.slice(at)) / sizeBytes;
  });
}

async function end(stage: Stage, client: Client): Promise<Ended> {
  const ended = await client.ended;
  stage.ended.push(ended);
  stage.violations.push(...judgeEnd(ended));
  return ended;
}

/** Waits for the moment of a kill, or until every process has ended without one. */
async function momentOf(
  stage: Stage,
  { share, delayMs }: PlannedKill,
  { clients, before }: { readonly clients: readonly Client[]; readonly before: number },
): Promise<void> {
  const wanted = share === null ? 0 : stage.sizeBytes * share;
  const lastMs = systemClock.monotonicMs() + MOMENT_MS;
  const isOver = (): boolean => clients.every((client) => !client.isRunning());
  const isEarly = (): boolean => stage.mirrors.bytesSent() - before < wanted && systemClock.monotonicMs() < lastMs;
  while (share !== null && isEarly() && !isOver()) await systemClock.sleep(LOOK_MS);
  if (!isOver()) await systemClock.sleep(delayMs);
}

/** How long the others need to go on after one was killed. */
async function watchRecovery(stage: Stage, clients: readonly Client[]): Promise<void> {
  const killedMs = systemClock.monotonicMs();
  const sent = stage.mirrors.bytesSent();
  const isOver = (): boolean => clients.every((client) => !client.isRunning());
  const isMoving = (): boolean => stage.mirrors.bytesSent() > sent;
  while (!isOver() && !isMoving() && systemClock.monotonicMs() - killedMs < RECOVERY_MS)
    await systemClock.sleep(LOOK_MS);
  const tookMs = systemClock.monotonicMs() - killedMs;
  stage.recoveryMs.push(tookMs);
  if (tookMs < RECOVERY_MS) return;
  stage.violations.push({ offence: "hung", what: `nothing moved for ${Math.round(tookMs)} ms after a kill` });
}

/** Nobody is killed any more: everyone ends by himself, well or in a defined way. */
async function finish(stage: Stage): Promise<readonly (number | null)[]> {
  const clients = startAll(stage);
  const codes: (number | null)[] = [];
  for (const client of clients) codes.push((await end(stage, client)).code);
  if (stage.plan.mustSucceed && codes.some((code) => code !== 0)) {
    const last = stage.ended.find(({ code }) => code !== 0 && code !== null);
    const what = `a good mirror was there, and processes ended with ${codes.join(", ")}: ${last?.stdout.trim().split("\n").at(-1)}`;
    stage.violations.push({ offence: "undefined", what });
  }
  return codes;
}

/** Whatever went wrong before: with good mirrors everything comes. */
async function heal(stage: Stage): Promise<void> {
  await stage.mirrors.heal();
  const { code, stdout } = await end(stage, start(stage));
  if (code === 0) return;
  const what = `exit code ${code} although every mirror is good: ${stdout.trim().split("\n").at(-1)}`;
  stage.violations.push({ offence: "undefined", what });
}

/** Of links that were signed: for nobody's eyes either. */
const SIGNATURES = [/[?&](?:X-Amz-)?Signature=[0-9a-f]{16}/i];

async function judgeAll({ root, files, ended, secret, mirrors }: Stage): Promise<readonly Violation[]> {
  return [
    ...(await judgeSuccess(root, files)),
    ...(await judgeSecrets(root, ended, [new RegExp(secret), ...SIGNATURES])),
    ...mirrors.leaks().map((what): Violation => ({ offence: "leaked", what })),
  ];
}
