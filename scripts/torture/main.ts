/** Torture: random worlds of mirrors that fail, processes that are killed, and judges that look at what is left. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { startEmulator } from "../../tests/origins/emulator.ts";
import { createAuthority } from "../../tests/origins/index.ts";
import { endClients } from "./client.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { planWorld } from "./plan.ts";
import { tableOf } from "./table.ts";
import { playWorld, type Setting, type WorldReport } from "./world.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), systemClock.random);
  const folder = await mkdtemp(join(tmpdir(), "modelferry-torture-"));
  const clear = (): never => {
    endClients();
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, clear);
  say(`seed ${options.seed}`);
  const startedMs = systemClock.monotonicMs();
  const reports = await playAll(options, folder);
  say("");
  for (const line of tableOf(reports, systemClock.monotonicMs() - startedMs)) say(line);
  const isGood = reports.every(({ violations }) => violations.length === 0);
  if (isGood) await rm(folder, { recursive: true, force: true });
  return isGood ? 0 : 1;
}

async function playAll(options: Options, folder: string): Promise<readonly WorldReport[]> {
  const authority = await createAuthority();
  const caFile = await authority.writeTo(folder);
  await using emulator = await startEmulator();
  const setting: Setting = { authority, emulator, caFile, folder, isKeeping: true };
  const endMs =
    options.minutes === null ? Number.POSITIVE_INFINITY : systemClock.monotonicMs() + options.minutes * 60_000;
  const last = options.only === null ? options.worlds : options.only + 1;
  const reports: WorldReport[] = [];
  let next = options.only ?? 0;
  const playOn = async (): Promise<void> => {
    while (next < last && systemClock.monotonicMs() < endMs) {
      const index = next;
      next += 1;
      const report = await playWorld(planWorld(options.seed, index), setting);
      reports.push(report);
      tell(report, reports.length);
    }
  };
  await Promise.all(Array.from({ length: options.only === null ? options.atOnce : 1 }, playOn));
  return reports;
}

function tell({ plan, violations, folder, kills, codes, elapsedMs }: WorldReport, count: number): void {
  const { seed, index } = plan;
  if (violations.length === 0) {
    if (count % 25 === 0) say(`${count} worlds`);
    return;
  }
  say(`world ${index}: ${kills} kills, ends ${codes.join(" ")}, ${Math.round(elapsedMs)} ms, kept in ${folder}`);
  for (const mirror of plan.mirrors) {
    const faults = mirror.faults.map(({ kind, times }) => `${kind.name} x ${times ?? "always"}`);
    say(`  ${mirror.kind}: ${faults.join(", ") || "good"}`);
  }
  for (const { offence, what } of violations) say(`  ${offence}: ${what}`);
  say(`  again: npm run torture -- --seed ${seed} --only ${index}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError && error.message.startsWith("--");
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${isUsage ? `${USAGE}\n` : ""}`,
  );
  process.exitCode = isUsage ? 2 : 1;
} finally {
  endClients();
}
