/** What was learned of files is remembered by all, however many learn at once. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createKnownDigests } from "../../src/tree/known-digests.ts";
import { type Bench, createBench, seededBytes, sha256Of } from "./support.ts";

const FILES = 20;

async function withFiles(): Promise<Bench & { readonly paths: readonly string[] }> {
  const bench = await createBench();
  const paths = Array.from({ length: FILES }, (_, index) => join(bench.home, "old", `${index}.safetensors`));
  await Promise.all(paths.map((path, index) => bench.write(path, seededBytes(index, 1000 + index))));
  return { ...bench, paths };
}

describe("createKnownDigests()", () => {
  it("remembers everything that was learned at once, also for whoever opens the memory anew", async () => {
    const { tree, parts, paths, digest } = await withFiles();
    await Promise.all(paths.map((path) => tree.digestOf(path)));
    const anew = createKnownDigests(parts);
    const recalled = await Promise.all(paths.map((path) => anew.recall(path)));
    expect(recalled.map((file) => file?.sha256)).toEqual(
      paths.map((_, index) => sha256Of(seededBytes(index, 1000 + index))),
    );
    expect(digest.paths).toHaveLength(FILES);
  });

  it("sees what another one learned meanwhile, and forgets nothing of it", async () => {
    const { parts, paths } = await withFiles();
    const [one = "", two = "", three = ""] = paths;
    const [mine, other] = [createKnownDigests(parts), createKnownDigests(parts)];
    await mine.learn(one, {});
    await other.learn(two, {});
    expect(await mine.recall(two)).toMatchObject({ path: two });
    await mine.learn(three, {});
    expect(await createKnownDigests(parts).recall(two)).toMatchObject({ path: two });
  });
});
