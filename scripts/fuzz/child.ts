/** One target in a process of its own: what it breaks is this process alone. Started by `main.ts`. */
import { createRecorder } from "./black-box.ts";
import { watchCoverage } from "./coverage.ts";
import { fuzz } from "./engine.ts";
import { keepFixture } from "./fixtures.ts";
import { TARGETS } from "./targets.ts";

const [name = "", ms = "0", seed = "0", record = ""] = process.argv.slice(2);
const target = TARGETS.find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no target ${name}`);

const limits = {
  ms: Number(ms),
  runs: Number.POSITIVE_INFINITY,
  seed: Number(seed),
  coverage: watchCoverage(),
  before: createRecorder(record),
};
const { failures, ...figures } = await fuzz(target, limits);
const kept = failures.map(({ bytes, problem }) => ({ path: keepFixture(target.name, bytes), problem }));
process.stdout.write(`${JSON.stringify({ ...figures, failures: kept })}\n`);
process.exit(0);
