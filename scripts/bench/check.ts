/** Measures what `models check` costs in the tree: 100 placed files, one receipt and one look each. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseSha256, type Sha256 } from "../../src/base/artifact.ts";
import { systemClock } from "../../src/base/clock.ts";
import { mapLimit } from "../../src/base/flow.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import type { WantedArtifact } from "../../src/tree/terms.ts";
import { createTree, type Tree } from "../../src/tree/tree.ts";

const FILES = 100;
const ROUNDS = 20;
const FILES_AT_ONCE = 16;

const refuseToRead = async (): Promise<Sha256> => {
  throw new Error("a check must not read files");
};

function wantedOf(index: number): WantedArtifact {
  const content = `weights ${index}`;
  const sha256 = parseSha256(createHash("sha256").update(content).digest("hex"));
  const path = parseTreePath(`loras/style-${index}.safetensors`);
  return { name: `style-${index}`, path, aliases: [], size: content.length, sha256 };
}

async function fill(tree: Tree, wanted: readonly WantedArtifact[]): Promise<void> {
  for (const [index, one] of wanted.entries()) {
    const { content } = tree.partialOf(one);
    await mkdir(dirname(content), { recursive: true });
    await writeFile(content, `weights ${index}`);
    await tree.place(content, one, { mirrors: ["bench"], how: "fetched" });
  }
}

async function measure(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = systemClock.monotonicMs();
    await run();
    times.push(systemClock.monotonicMs() - start);
  }
  return times.sort((one, other) => one - other)[Math.floor(ROUNDS / 2)] ?? 0;
}

async function main(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "modelferry-bench-"));
  try {
    const tree = createTree(root, { clock: systemClock, digest: { sha256File: refuseToRead } });
    const wanted = Array.from({ length: FILES }, (_, index) => wantedOf(index));
    await fill(tree, wanted);
    const findings = await Promise.all(wanted.map((one) => tree.check(one)));
    if (findings.some(({ status }) => status !== "present")) throw new Error("expected every file to be present");
    const atOnceMs = await measure(() => mapLimit(wanted, FILES_AT_ONCE, (one) => tree.check(one)));
    const inTurnMs = await measure(() => mapLimit(wanted, 1, (one) => tree.check(one)));
    for (const [how, ms] of [
      [`${FILES_AT_ONCE} at once`, atOnceMs],
      ["one by one", inTurnMs],
    ] as const) {
      console.log(`${FILES} files, ${how}: ${ms.toFixed(1)} ms in all, ${(ms / FILES).toFixed(3)} ms per file`);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

await main();
