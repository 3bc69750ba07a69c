/** `npm run load`: what a manifest of 100,000 models costs each command, and a kit of 10,000 small models its fetching. */
import { createHash } from "node:crypto";
import { makeSafetensors, startRangeServer } from "../../tests/origins/index.ts";
import { amountOf, readFlags } from "../flags.ts";
import { type LoadModel, makeLoadBox } from "./box.ts";
import { measure } from "./measure.ts";

const USAGE = "npm run load -- [--many N, models of a manifest] [--few N, models of a kit]";
const options = { many: { type: "string", default: "100000" }, few: { type: "string", default: "10000" } } as const;
const values = readFlags({ options }, USAGE);
const many = amountOf("--many", values.many, USAGE);
const few = amountOf("--few", values.few, USAGE);
const SMALLEST = 4000;

async function tell(args: readonly string[], folder: string): Promise<void> {
  const { code, elapsedMs, processorMs, megabytes, lastLine } = await measure(args, folder);
  const figures = `${(elapsedMs / 1000).toFixed(2)} s, processor ${(processorMs / 1000).toFixed(2)} s, ${megabytes.toFixed(0)} MB`;
  process.stdout.write(`  models ${args.join(" ").padEnd(22)} ${figures}, exit ${code}  ${lastLine.slice(0, 100)}\n`);
}

function* entries(count: number): Iterable<LoadModel> {
  for (let index = 0; index < count; index += 1) {
    const sha256 = createHash("sha256").update(String(index)).digest("hex");
    const source = `hf://org/repo-${index}@${sha256.slice(0, 40)}/model-${index}.safetensors`;
    yield { name: `model-${index}`, size: 1000 + index, sha256, source };
  }
}

process.stdout.write(`A manifest of ${many} models\n`);
{
  await using box = await makeLoadBox(entries(many));
  for (const args of [["check", "model-5"], ["ls"], ["kits"], ["check", "--kit", "all"]]) await tell(args, box.folder);
}

process.stdout.write(`A kit of ${few} small models from one server\n`);
{
  const weights = Array.from({ length: few }, (_, index) =>
    makeSafetensors({ size: SMALLEST + index, seed: `${index}` }),
  );
  const files = Object.fromEntries(weights.map((content, index) => [`/model-${index}.safetensors`, content]));
  await using server = await startRangeServer(files);
  const models: LoadModel[] = [];
  for (const [index, content] of weights.entries()) {
    const source = `${server.url}/model-${index}.safetensors`;
    models.push({ name: `model-${index}`, size: content.size, sha256: await content.sha256(), source });
  }
  await using box = await makeLoadBox(models);
  for (const args of [["sync"], ["sync"], ["check"], ["check", "--deep"]])
    await tell([...args, "--kit", "all"], box.folder);
  await tell(["ls"], box.folder);
}
