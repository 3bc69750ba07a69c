/** What several processes remember in one tree at once is all remembered. */
import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { changeAlone } from "../../src/tree/brief-lock.ts";
import { createBench } from "./support.ts";

const CHILD = fileURLToPath(new URL("memory-child.ts", import.meta.url));
const MAKERS = ["a", "b", "c", "d"];
const ROUNDS = 15;

describe("changeAlone()", () => {
  it("loses no host and no digest when four processes remember at once", async () => {
    const { tree, home, root, write, parts } = await createBench();
    const filesOf = (who: string): readonly string[] =>
      Array.from({ length: ROUNDS }, (_, round) => join(home, `${who}-${round}`));
    for (const file of MAKERS.flatMap(filesOf)) await write(file, file);
    const run = promisify(execFile);
    await Promise.all(
      MAKERS.map((who) => run(process.execPath, ["--import", "tsx", CHILD, root, who, ...filesOf(who)])),
    );
    const hosts = MAKERS.flatMap((who) => Array.from({ length: ROUNDS }, (_, round) => `https://${who}-${round}.test`));
    expect(new Set((await tree.hostPaces()).map(({ origin }) => origin))).toEqual(new Set(hosts));
    const known = await Promise.all(MAKERS.flatMap(filesOf).map((file) => tree.rememberedDigest(file)));
    expect(known.filter((digest) => digest === null)).toEqual([]);
    expect(await readdir(dirname(parts.layout.lockOf("any")))).toEqual([]);
  }, 60_000);

  it("lets those of one process take turns, also where one of them fails", async () => {
    const { parts, root } = await createBench();
    await mkdir(root);
    let [inside, most] = [0, 0];
    const change = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await systemClock.sleep(1);
      inside -= 1;
      throw new Error("no");
    };
    const all = Array.from({ length: 5 }, () => changeAlone(parts, join(root, "x.json"), change).catch(() => "failed"));
    expect(await Promise.all(all)).toEqual(Array.from({ length: 5 }, () => "failed"));
    expect(most).toBe(1);
  });
});
