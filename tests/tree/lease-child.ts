/** A process of its own that takes leases: `hold` keeps one until it is killed or told to go, `rounds` takes many. */
import { appendFile, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../src/base/clock.ts";
import { createTree } from "../../src/tree/tree.ts";
import { createTestDigest } from "./digest.ts";

const [root = "", key = "", mode = "", count = "1"] = process.argv.slice(2);
const tree = createTree(root, { clock: systemClock, digest: createTestDigest() });
const options = { signal: new AbortController().signal, wait: true, onWait: () => undefined };
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function hold(): Promise<void> {
  await using lease = await tree.lease(key, options);
  lease.lost.addEventListener("abort", () => say("lost"));
  say("held");
  for await (const line of createInterface({ input: process.stdin })) if (line === "go") return;
}

async function round(): Promise<void> {
  await using lease = await tree.lease(key, options);
  const inside = join(root, "inside");
  try {
    await (await open(inside, "wx")).close();
    await appendFile(join(root, "rounds"), `${process.pid}\n`);
    if (lease.lost.aborted) say("lost");
    await rm(inside);
  } catch {
    say("two inside");
  }
}

if (mode === "hold") await hold();
else for (let done = 0; done < Number(count); done += 1) await round();
say("done");
process.exit(0);
