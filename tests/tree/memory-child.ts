/** A process of its own that remembers many hosts in one tree, and the digests of many files, one after the other. */
import { systemClock } from "../../src/base/clock.ts";
import { createTree } from "../../src/tree/tree.ts";
import { createTestDigest } from "./digest.ts";

const [root = "", who = "", ...files] = process.argv.slice(2);
const tree = createTree(root, { clock: systemClock, digest: createTestDigest() });
for (const [round, file] of files.entries()) {
  const rate = { bytesPerSecond: 100, laneBytesPerSecond: 50, lanes: 2, at: systemClock.now() };
  await tree.rememberPaces([{ origin: `https://${who}-${round}.test`, ...rate }]);
  await tree.digestOf(file);
}
