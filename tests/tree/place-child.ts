/** A process of its own that places two artifacts in one place in turn until it is killed. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createTree } from "../../src/tree/tree.ts";
import { createTestDigest } from "./digest.ts";
import { seededBytes, wantedOf } from "./seeded.ts";

const [root = "", path = ""] = process.argv.slice(2);
const tree = createTree(root, { clock: systemClock, digest: createTestDigest() });

process.stdout.write("placing\n");
for (let round = 0; ; round += 1) {
  const bytes = seededBytes(1 + (round % 2), 100_000);
  const wanted = wantedOf(path, bytes, ["unet/alias.safetensors"]);
  const { content, journal } = tree.partialOf(wanted);
  await mkdir(dirname(content), { recursive: true });
  await writeFile(content, bytes);
  await writeFile(journal, "journal");
  await tree.place(content, wanted, { mirrors: ["mirror.test"], how: "fetched", replace: true });
  await tree.linkAliases(wanted);
}
