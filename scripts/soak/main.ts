/** Soak: one process that syncs, checks, prunes, verifies and mends for a long time, with mirrors that fail; nothing may grow. */
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { isModelsError } from "../../src/base/errors.ts";
import { createModels, type Models } from "../../src/models.ts";
import {
  bytesOf,
  covers,
  flip,
  isRanged,
  makeSafetensors,
  nth,
  type RangeServer,
  resetAfter,
  retryAfter,
  sha256Of,
  startRangeServer,
  status,
} from "../../tests/origins/index.ts";
import { amountOf, readFlags } from "../flags.ts";
import { writeCatalogue } from "./catalogue.ts";
import { growthOf, type Sample, sampleOf } from "./growth.ts";

const MB = 1_000_000;
const SIZES = [300_000, 3 * MB, 18 * MB];
const SAMPLE_MS = 5_000;
/** A worker that lives long is started again now and then, as services do it. */
const ROUNDS_A_LIFE = 50;

const USAGE = "npm run soak -- [--minutes N]";
const values = readFlags({ options: { minutes: { type: "string", default: "30" } } }, USAGE);
const minutes = amountOf("--minutes", values.minutes, USAGE);

const folder = await mkdtemp(join(tmpdir(), "modelferry-soak-"));
const files = SIZES.map((size, index) => ({
  name: `m${index}`,
  weights: makeSafetensors({ size, seed: `soak ${index}` }),
}));
const content = Object.fromEntries(
  await Promise.all(files.map(async ({ name, weights }) => [`/${name}`, await bytesOf(weights)])),
);
const servers = [await startRangeServer(content), await startRangeServer(content, { host: "127.0.0.2" })];
const places = await writeCatalogue(
  folder,
  await Promise.all(
    files.map(async ({ name, weights }) => ({
      name,
      size: weights.size,
      sha256: await sha256Of(weights),
      sources: servers.map(({ url }) => `${url}/${name}`),
    })),
  ),
);
const root = join(folder, "models");
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** One thing that goes wrong at one of the mirrors, once or twice. */
function breakSomething(server: RangeServer): void {
  server.faults.clear();
  const offset = Math.floor(systemClock.random() * 3 * MB);
  const faults = [resetAfter(offset), flip(offset), status(500), retryAfter(0), status(403)];
  const fault = faults[Math.floor(systemClock.random() * faults.length)];
  if (fault !== undefined) server.faults.add(nth(systemClock.random() < 0.5 ? isRanged : covers(offset), 1, 2), fault);
}

async function rot(name: string): Promise<void> {
  await using file = await open(join(root, "loras", `${name}.safetensors`), "r+").catch(() => null);
  await file?.write(Buffer.from([0x55]), 0, 1, 200_000);
}

/** What an operator, a scrub and an application do to one tree. @returns how often something failed in a defined way */
async function round(models: Models, count: number): Promise<number> {
  let refusals = 0;
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => {
      if (!isModelsError(error)) throw error;
      refusals += 1;
    });
  };
  for (const server of servers) breakSomething(server);
  await attempt(() => models.sync({ kits: ["all"] }));
  await attempt(() => models.check({ kits: ["all"] }));
  if (count % 3 === 0) await rot(files[count % files.length]?.name ?? "");
  await attempt(() => models.repair({ kits: ["all"] }));
  if (count % 2 === 0) await attempt(() => models.prune({ maxBytes: 4 * MB, isSure: true }));
  if (count % 5 === 0) await rm(join(root, "loras", "m0.safetensors"), { force: true });
  return refusals;
}

async function stateOf(): Promise<{ readonly files: number; readonly bytes: number }> {
  const names = await readdir(join(root, ".modelferry"), { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    names
      .filter((one) => one.isFile())
      .map((one) =>
        stat(join(one.parentPath, one.name)).then(
          (seen) => seen.size,
          () => 0,
        ),
      ),
  );
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

const openModels = (): Models =>
  createModels({ root, ...places, environment: { HOME: folder }, reserveBytes: 0, cwd: folder });

const startedMs = systemClock.monotonicMs();
const samples: Sample[] = [];
let [rounds, refusals, nextMs, models] = [0, 0, 0, openModels()];
try {
  while (systemClock.monotonicMs() - startedMs < minutes * 60_000) {
    refusals += await round(models, rounds);
    rounds += 1;
    if (rounds % ROUNDS_A_LIFE === 0) {
      await models.close();
      models = openModels();
    }
    for (const server of servers) (server.requests as unknown[]).length = 0;
    const atMs = systemClock.monotonicMs() - startedMs;
    if (atMs < nextMs) continue;
    nextMs = atMs + SAMPLE_MS;
    samples.push(await sampleOf(atMs, await stateOf()));
  }
} finally {
  await models.close();
  for (const server of servers) await server.close();
  await rm(folder, { recursive: true, force: true });
}
say(`${rounds} rounds in ${minutes} minutes, ${refusals} refused with an error`);
const growth = growthOf(samples);
for (const { what, early, late, most, isGrowing } of growth) {
  say(
    `${isGrowing ? "✗" : "✓"} ${what.padEnd(14)} ${early} in the second quarter, ${late} in the last, at most ${most}`,
  );
}
process.exitCode = growth.some(({ isGrowing }) => isGrowing) ? 1 : 0;
