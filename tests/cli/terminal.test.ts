import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { makeBox, weights } from "../operations/box.ts";
import { startHub } from "../origins/index.ts";
import { MAIN, start } from "./run-models.ts";

/** Gives a program a terminal. */
const SCRIPT = "/usr/bin/script";
const SIZE = 3_000_000;
const SHOW_CURSOR = "\u001b[?25h";
const HIDE_CURSOR = "\u001b[?25l";
const COLOUR = /\u001b\[(?:1|2|3[1-6])m/;

/** What a terminal of 100 columns receives from `models sync` with bytes that take a moment, and its exit code. */
async function syncInTerminal(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  const { content, figures } = await weights("one", SIZE);
  await using hub = await startHub({ repos: [{ name: "org/repo", files: { "one.safetensors": content } }] });
  hub.cdn.setShape({ bytesPerSecond: 4_000_000 });
  await using box = await makeBox({ HF_ENDPOINT: hub.endpoint, TERM: "xterm-256color", ...env });
  await box.catalogue([{ name: "one", ...figures, sources: ["hf://org/repo/one.safetensors"] }]);
  const models = [process.execPath, MAIN, "sync", "one", "--manifests", "manifests", "--kits", "kits", ...args];
  const line = `stty columns 100 rows 30; ${models.map((word) => `'${word}'`).join(" ")}; echo "exit $?"`;
  const { stdout } = await start(SCRIPT, ["-qec", line, "/dev/null"], {
    env: { ...box.environment, SHELL: "/bin/sh" },
    cwd: box.folder,
  }).ended;
  return stdout.replaceAll("\r\n", "\n");
}

function hasScript(): boolean {
  try {
    return execFileSync(SCRIPT, ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

describe.skipIf(!hasScript())("models sync in a terminal", () => {
  it("paints bars over themselves, leaves a line for the file and the summary, and gives the cursor back", async () => {
    const seen = await syncInTerminal({});
    expect(seen).toMatch(/one +\S*━.* +\d+%/);
    expect(seen.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(seen.lastIndexOf(HIDE_CURSOR));
    expect(seen.slice(seen.indexOf("1 model present"))).not.toContain("━");
    expect(seen).toMatch(/✓\S* one +3\.0 MB in .+ at .+\/s from 127\.0\.0\.\d:\d+\n/);
    expect(seen).toMatch(/1 model present in .*3\.0 MB fetched/);
    expect(seen).toMatch(/exit 0\n$/);
  });

  it("has colour, unless NO_COLOR or --no-color says otherwise", async () => {
    const [coloured, without, refused] = await Promise.all([
      syncInTerminal({}),
      syncInTerminal({ NO_COLOR: "1" }),
      syncInTerminal({}, "--no-color"),
    ]);
    expect(coloured).toMatch(COLOUR);
    expect(without).not.toMatch(COLOUR);
    expect(refused).not.toMatch(COLOUR);
    expect(refused).toContain("━");
  });

  it("prints plain lines where nobody looks: CI, and a terminal that cannot repaint", async () => {
    const [ci, dumb] = await Promise.all([syncInTerminal({ CI: "true" }), syncInTerminal({ TERM: "dumb" })]);
    for (const seen of [ci, dumb]) {
      expect(seen).toMatch(/^start {3}one {2}3\.0 MB$/m);
      expect(seen).not.toContain(HIDE_CURSOR);
      expect(seen).not.toContain("━");
    }
    expect(dumb).not.toContain("\u001b");
  });
});
