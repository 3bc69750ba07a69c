/** The torture: random worlds of real servers, faults, kills and rival processes, each reproducible from its seed. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killClients } from "./client.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { runWorld, type WorldRecord } from "./run-world.ts";
import { openStock, type Stock } from "./stock.ts";
import { linesOf, tableOf } from "./table.ts";
import { planWorld, type WorldPlan } from "./world.ts";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), String(Date.now()));
  const home = await mkdtemp(join(tmpdir(), "modelferry-torture-"));
  say(`seed ${options.seed}, worlds in ${home}`);
  // The bucket's folder goes there too, so that one removal is all.
  process.env["TMPDIR"] = home;
  // At once: whoever else hears the signal ends the process before anything that would be waited for.
  const leave = (): never => {
    killClients();
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, leave);
  await using stock = await openStock();
  const startedMs = performance.now();
  const records = await runAll(options, stock, home);
  say(`\n${tableOf(records, performance.now() - startedMs).join("\n")}`);
  const isRight = records.every(({ complaints }) => complaints.length === 0);
  if (isRight && !options.isKeeping) await rm(home, { recursive: true, force: true });
  return isRight ? 0 : 1;
}

/** Several worlds at a time, until there are enough or the time is over. */
async function runAll(options: Options, stock: Stock, home: string): Promise<readonly WorldRecord[]> {
  const { worlds, minutes, seed, only, parallel } = options;
  const records: WorldRecord[] = [];
  const startedMs = performance.now();
  const most = worlds ?? Infinity;
  const isOver = (): boolean => minutes !== null && performance.now() - startedMs >= minutes * 60_000;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < most && !isOver()) {
      next += 1;
      const plan = planWorld(seed, only ?? next);
      records.push(await runOne(plan, stock, { home, isKeeping: options.isKeeping }));
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return records;
}

async function runOne(
  plan: WorldPlan,
  stock: Stock,
  { home, isKeeping }: { readonly home: string; readonly isKeeping: boolean },
): Promise<WorldRecord> {
  const folder = join(home, `world-${plan.number}`);
  const record = await runWorld(plan, folder, { stock });
  say(linesOf(record, folder).join("\n"));
  if (record.complaints.length === 0 && !isKeeping) await rm(folder, { recursive: true, force: true });
  return record;
}

try {
  process.exitCode = await main();
} catch (error) {
  killClients();
  const isUsage = error instanceof TypeError && /no number|Unknown option|Unexpected/.test(error.message);
  const said = error instanceof Error ? (isUsage ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${said}\n${isUsage ? `\n${USAGE}\n` : ""}`);
  process.exitCode = isUsage ? 2 : 1;
}
