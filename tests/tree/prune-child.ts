/** A process of its own that fills a tree and empties it, in turn, until it is killed. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createTree } from "../../src/tree/tree.ts";
import { createTestDigest } from "./digest.ts";
import { seededBytes, wantedOf } from "./seeded.ts";

const [root = ""] = process.argv.slice(2);
const tree = createTree(root, { clock: systemClock, digest: createTestDigest() });
const bytes = seededBytes(7, 100_000);

process.stdout.write("pruning\n");
for (;;) {
  const wanted = wantedOf("diffusion_models/x.safetensors", bytes, ["unet/x.safetensors"]);
  const { content } = tree.partialOf(wanted);
  await mkdir(dirname(content), { recursive: true });
  await writeFile(content, bytes);
  await tree.place(content, wanted, { mirrors: ["mirror.test"], how: "fetched", replace: true });
  await tree.linkAliases(wanted);
  await tree.remove(wanted.path);
}
