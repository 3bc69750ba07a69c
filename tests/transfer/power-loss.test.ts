/** A power cut at every moment of a real sync, with every kind of luck about what was never synced. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import { hasRange, rangeBytes } from "../../src/base/range.ts";
import { parseJournal } from "../../src/transfer/journal.ts";
import { runModels } from "../cli/run-models.ts";
import { makeBox, weights } from "../operations/box.ts";
import { bytesOf, startRangeServer } from "../origins/index.ts";
import { type Act, compareWith, type Luck, readRecording, textOf } from "./power-loss.ts";

const RECORDER = fileURLToPath(new URL("./disk-recorder.mjs", import.meta.url));
const SIZE = 6_000_000;
/** Slow enough that the journal is committed several times. */
const RATE = 2_500_000;
const PATH = "loras/cut.safetensors";

/** Everything or nothing of what was not synced, each tenth, and chance: repeatable, and another one each. */
function lucks(): readonly Luck[] {
  const mixed = (seed: number, index: number): number =>
    (Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)) >>> 7;
  return [
    () => false,
    () => true,
    ...Array.from(
      { length: 4 },
      (_, seed): Luck =>
        (index) =>
          mixed(seed, index) % 10 === 0,
    ),
    ...Array.from(
      { length: 4 },
      (_, seed): Luck =>
        (index) =>
          mixed(seed, index) % 10 !== 0,
    ),
    ...Array.from(
      { length: 8 },
      (_, seed): Luck =>
        (index) =>
          mixed(seed, index) % 2 === 0,
    ),
  ];
}

/** Syncs one file under the recorder; gives what it did to the disk. */
async function record() {
  const { content, figures } = await weights("cut", SIZE);
  await using server = await startRangeServer({ "/cut.safetensors": content }, { shape: { bytesPerSecond: RATE } });
  await using box = await makeBox();
  await box.catalogue([{ name: "cut", path: PATH, ...figures, sources: [`${server.url}/cut.safetensors`] }]);
  const log = join(box.folder, "acts.jsonl");
  const env = {
    ...box.environment,
    NODE_OPTIONS: `--import=${new URL(`file://${RECORDER}`).href}`,
    RECORD_LOG: log,
    RECORD_ROOT: box.root,
  };
  const places = ["--root", box.root, "--manifests", "manifests", "--kits", "kits"];
  const { code, stderr } = await runModels(["sync", "--kit", "all", "--json", ...places], { env, cwd: box.folder });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const acts = (await readFile(log, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Act);
  return { acts, root: box.root, whole: await bytesOf(content), sha256: parseSha256(figures.sha256) };
}

describe("a power cut", () => {
  it("59: costs no more than what was not yet durable, at whatever moment it comes", async () => {
    const { acts, root, whole, sha256 } = await record();
    const recording = readRecording(acts);
    const subject = { size: SIZE, sha256 };
    const rightIn = compareWith(whole);
    const partial = join(root, ".modelferry", "partial", sha256);
    let [states, claimed, placed, resumable] = [0, 0, 0, 0];
    for (let moment = 0; moment < recording.moments; moment += 1) {
      for (const luck of lucks()) {
        states += 1;
        const names = recording.after(moment, luck);
        const [content, journal] = [names.get(`${partial}.part`), names.get(`${partial}.journal`)];
        // Another length, or no journal: the next run begins anew.
        const known = journal === undefined ? null : parseJournal(textOf(journal), subject, "the boot after the cut");
        if (known !== null && content !== undefined && content.size === SIZE) {
          const right = rightIn(content);
          for (const range of known.done) expect(hasRange(right, range), `moment ${moment}`).toBe(true);
          claimed = Math.max(claimed, rangeBytes(known.done));
          if (known.done.length > 0) resumable += 1;
        }
        const final = names.get(join(root, PATH));
        if (final === undefined) continue;
        placed += 1;
        expect(final.size, `moment ${moment}`).toBe(SIZE);
        expect(rangeBytes(rightIn(final)), `moment ${moment}`).toBe(SIZE);
      }
    }
    // It saw the whole of the run: journals that claim more and more, and the file in its place.
    expect(acts.filter(({ act }) => act === "write").length).toBeGreaterThan(10);
    expect(states).toBeGreaterThan(1000);
    expect(claimed).toBe(SIZE);
    expect(resumable).toBeGreaterThan(100);
    expect(placed).toBeGreaterThan(10);
  }, 120_000);

  it("would be found out: a journal that speaks before its bytes are durable fails", async () => {
    const { acts, root, whole, sha256 } = await record();
    // The same run without the syncs of the content.
    const partial = acts.find((act) => act.act === "create" && act.path.endsWith(".part"));
    const inode = partial?.act === "create" ? partial.inode : -1;
    const careless = acts.filter((act) => !(act.act.startsWith("sync") && "inode" in act && act.inode === inode));
    const recording = readRecording(careless);
    const rightIn = compareWith(whole);
    const stem = join(root, ".modelferry", "partial", sha256);
    const isWrong = Array.from({ length: recording.moments }, (_, moment) => moment).some((moment) => {
      const names = recording.after(moment, () => false);
      const [content, journal] = [names.get(`${stem}.part`), names.get(`${stem}.journal`)];
      if (journal === undefined) return false;
      const known = parseJournal(textOf(journal), { size: SIZE, sha256 }, "the boot after the cut");
      const right = content === undefined ? [] : rightIn(content);
      return known?.done.some((range) => !hasRange(right, range)) === true;
    });
    expect(isWrong).toBe(true);
  }, 60_000);
});
