/** sweepTemporary(): what killed processes left goes, what anybody may still need stays. */
import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { systemClock } from "../../src/base/clock.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { isProcessGone, processName } from "../../src/base/process.ts";
import { describeSelf, formatHolder } from "../../src/tree/holder.ts";
import { createLayout } from "../../src/tree/layout.ts";
import { sweepTemporary } from "../../src/tree/sweep.ts";
import { createBench, makeHome } from "./support.ts";

/** A process that names itself, and is killed. */
async function nameOfTheDead(): Promise<string> {
  const code = `import { isProcessGone, processName } from ${JSON.stringify(new URL("../../dist/base/process.js", import.meta.url).href)};
    process.stdout.write(processName()); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const name = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text))));
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
  return name;
}

describe("sweepTemporary()", () => {
  it("removes what a killed process left, and nothing of this one or of another machine", async () => {
    const layout = createLayout(await makeHome());
    const own = layout.temporaryOf("own");
    await mkdir(layout.temporaryFolder, { recursive: true });
    const reused = processName().replace(/\d+$/, "1");
    const names = [
      basename(own),
      `${await nameOfTheDead()}.left`,
      // The number is ours by now, the process was another.
      `${reused}.left`,
      "0123456789ab-17-99.elsewhere",
      "of an earlier version",
    ];
    for (const name of names) await writeFile(join(layout.temporaryFolder, name), "x");
    await sweepTemporary(layout, systemClock);
    expect((await readdir(layout.temporaryFolder)).sort()).toEqual(
      [basename(own), "0123456789ab-17-99.elsewhere", "of an earlier version"].sort(),
    );
  });

  it("takes a process that ended without being waited for as gone", async () => {
    const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const pid = await new Promise<string>((resolve) =>
        parent.stdout.once("data", (text) => resolve(String(text).trim())),
      );
      const stat = async (): Promise<readonly string[]> =>
        (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
      await expect.poll(async () => (await stat())[0]).toBe("Z");
      const [space = ""] = processName().split("-");
      expect(isProcessGone(`${space}-${pid}-${(await stat())[19]}`)).toBe(true);
    } finally {
      parent.kill();
    }
  });

  it("removes after a day what nobody here can tell anything about", async () => {
    const layout = createLayout(await makeHome());
    await mkdir(layout.temporaryFolder, { recursive: true });
    const old = join(layout.temporaryFolder, "0123456789ab-17-99.elsewhere");
    await writeFile(old, "x");
    await utimes(old, 1, 1);
    const tomorrow = { now: () => systemClock.now() + 25 * 60 * 60 * 1000 };
    await sweepTemporary(layout, systemClock);
    expect(await readdir(layout.temporaryFolder)).toHaveLength(1);
    await sweepTemporary(layout, tomorrow);
    expect(await readdir(layout.temporaryFolder)).toEqual([]);
  });

  it("does nothing in a tree that was never written to", async () => {
    await expect(sweepTemporary(createLayout("/nowhere"), systemClock)).resolves.toBeUndefined();
  });
});

describe("tree.sweep()", () => {
  it("removes the lock and the journal that a process left which was killed as its file got its name", async () => {
    const { tree, parts } = await createBench();
    const { layout } = parts;
    await (await tree.lease("begun", { signal: new AbortController().signal, wait: false, onWait: () => undefined }))[
      Symbol.asyncDispose
    ]();
    const [placed, begun] = ["a".repeat(64), "b".repeat(64)].map((hex) => parseSha256(hex));
    const path = parseTreePath("loras/a.safetensors");
    const left = layout.partialOf({ sha256: placed ?? null, path });
    const kept = layout.partialOf({ sha256: begun ?? null, path });
    for (const file of [left.journal, kept.journal, kept.content]) await writeFile(file, "x");
    const self = await describeSelf("token");
    const [dead, alive, far] = ["dead", "alive", "far"].map((name) => layout.lockOf(name));
    await writeFile(dead ?? "", formatHolder({ ...self, start: "1" }, 3));
    await writeFile(alive ?? "", formatHolder(self, 3));
    await writeFile(far ?? "", formatHolder({ ...self, host: "another-box", start: "1" }, 3));
    await tree.sweep();
    expect(await namesIn(left.journal)).toEqual([basename(kept.journal), basename(kept.content)].sort());
    expect(await namesIn(alive ?? "")).toEqual(["alive.lock", "far.lock"]);
  });
});

async function namesIn(path: string): Promise<readonly string[]> {
  return (await readdir(dirname(path))).sort();
}
