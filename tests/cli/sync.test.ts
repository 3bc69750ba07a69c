import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Box, makeBox, weights } from "../operations/box.ts";
import { type Hub, onPath, startHub, status } from "../origins/index.ts";
import { type Ended, type Running, runModels, startModels } from "./run-models.ts";

const SIZE = 3_000_000;

interface Scene extends AsyncDisposable {
  readonly box: Box;
  readonly hub: Hub;
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  readonly start: (...args: readonly string[]) => Running;
}

/** A box whose two models lie on a hub; the command line runs in its folder. */
async function makeScene(): Promise<Scene> {
  const [one, two] = await Promise.all([weights("one", SIZE), weights("two", SIZE)]);
  const hub = await startHub({
    repos: [{ name: "org/repo", files: { "one.safetensors": one.content, "two.safetensors": two.content } }],
  });
  const box = await makeBox({ HF_ENDPOINT: hub.endpoint });
  await box.catalogue([
    { name: "one", ...one.figures, sources: ["hf://org/repo/one.safetensors"] },
    { name: "two", ...two.figures, sources: ["hf://org/repo/two.safetensors"] },
  ]);
  const places = ["--manifests", "manifests", "--kits", "kits"];
  const options = { env: box.environment, cwd: box.folder };
  return {
    box,
    hub,
    run: (command = "", ...args) => runModels([command, ...places, ...args], options),
    start: (command = "", ...args) => startModels([command, ...places, ...args], options),
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

const linesOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("models sync", () => {
  it("brings a kit, tells it in plain lines on standard error and sums it up on standard output", async () => {
    await using scene = await makeScene();
    const { code, stdout, stderr } = await scene.run("sync", "--kit", "all");
    expect(code).toBe(0);
    expect(stderr).toMatch(/^2 of 2 models to bring into \S+\/models: 6\.0 MB to fetch, /);
    expect(stderr).toMatch(/^done {4}one {2}3\.0 MB in .+ from 127\.0\.0\.\d:\d+$/m);
    expect(stdout).toMatch(
      /^✓ 2 models present in \S+: 6\.0 MB fetched in .+ at .+\/s\n {2}mirror +bytes +share +rate +errors\n/,
    );
    expect(stdout + stderr).not.toContain("\u001b");
    const sha256 = createHash("sha256")
      .update(await scene.box.read("loras/one.safetensors"))
      .digest("hex");
    expect(sha256).toBe((await weights("one", SIZE)).figures.sha256);
  });

  it("fetches nothing the second time, and says so in one line", async () => {
    await using scene = await makeScene();
    await scene.run("sync", "one", "two");
    const { code, stdout, stderr } = await scene.run("sync", "one", "two");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^✓ 2 models present in \S+: nothing to fetch \([\d.]+ ms\)\n$/);
  });

  it("takes BASE_MODEL_KIT when nothing is selected", async () => {
    await using scene = await makeScene();
    const args = ["sync", "--manifests", "manifests", "--kits", "kits"];
    const env = { ...scene.box.environment, BASE_MODEL_KIT: "all" };
    expect(await runModels(args, { env, cwd: scene.box.folder })).toMatchObject({ code: 0 });
  });

  it("--json gives one event a line, the last one the summary", async () => {
    await using scene = await makeScene();
    const { code, stdout, stderr } = await scene.run("sync", "--kit", "all", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const events = linesOf(stdout);
    expect(events[0]).toMatchObject({ kind: "plan", fetchBytes: 2 * SIZE });
    expect(events.every(({ kind, time }) => typeof kind === "string" && typeof time === "number")).toBe(true);
    expect(events.filter(({ kind }) => kind === "summary")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({
      kind: "summary",
      ok: true,
      models: 2,
      fetchedBytes: 2 * SIZE,
      reusedBytes: 0,
    });
  });

  it("--json ends in a summary that says why, also when nothing could begin", async () => {
    await using scene = await makeScene();
    const { code, stdout } = await scene.run("sync", "--kit", "al", "--json");
    expect(code).toBe(2);
    expect(linesOf(stdout)).toEqual([
      expect.objectContaining({ kind: "summary", ok: false, error: expect.objectContaining({ code: "KIT_UNKNOWN" }) }),
    ]);
  });

  it("--dry-run prints the plan as a table and fetches nothing", async () => {
    await using scene = await makeScene();
    const { code, stdout, stderr } = await scene.run("sync", "--kit", "all", "--dry-run");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^file +size +action +from\nloras\/one\.safetensors {2}3\.0 MB {2}fetch +hf:\/\/org\/repo\/one/,
    );
    expect(stdout).toMatch(/\nto fetch {2}6\.0 MB\nto reuse {2}0 B\npresent {3}0 of 2 models\nfree {6}\S+ .B in /);
    expect(scene.hub.cdn.requests).toEqual([]);
    const events = linesOf((await scene.run("sync", "--kit", "all", "--dry-run", "--json")).stdout);
    expect(events.map(({ kind }) => kind)).toEqual(["plan", "summary"]);
  });

  it("--quiet leaves the result alone", async () => {
    await using scene = await makeScene();
    const { code, stdout, stderr } = await scene.run("sync", "--kit", "all", "-q");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^✓ 2 models present/);
  });

  it("tells each failure once, with its fix, and goes on with the others", async () => {
    await using scene = await makeScene();
    scene.hub.origin.faults.add(onPath("two.safetensors"), status(404));
    const { code, stdout, stderr } = await scene.run("sync", "--kit", "all");
    expect(code).toBe(1);
    expect(stderr.match(/answers 404/g)).toHaveLength(1);
    expect(stderr).toMatch(/^failed {2}two {2}.*\n {8}fix: /m);
    expect(stdout).toMatch(/^✗ 1 of 2 models failed in \S+: 3\.0 MB fetched/);
    expect(existsSync(join(scene.box.root, "loras/one.safetensors"))).toBe(true);
  });

  it("--offline fails at once with what is missing", async () => {
    await using scene = await makeScene();
    const { code, stderr } = await scene.run("sync", "--kit", "all", "--offline");
    expect(code).toBe(1);
    expect(stderr).toMatch(/offline/i);
    expect(scene.hub.origin.requests).toEqual([]);
  });

  it("Ctrl-C ends with 130, keeps what came, and the next run resumes", async () => {
    await using scene = await makeScene();
    scene.hub.cdn.setShape({ bytesPerSecond: 1_500_000 });
    const running = scene.start("sync", "--kit", "all");
    await running.saw(/^start /m);
    await waitFor(() => scene.hub.cdn.bytesSent() > 1_000_000);
    running.child.kill("SIGINT");
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/Interrupted by Ctrl-C.*\n {2}fix: .*the next run resumes/);
    scene.hub.cdn.setShape({});
    expect(await scene.run("sync", "--kit", "all")).toMatchObject({ code: 0 });
  });

  it("--no-wait ends with 5 while another process fetches; without it the second one waits and finds all there", async () => {
    await using scene = await makeScene();
    // Slow enough to be under way still when a busy machine has started two more processes.
    scene.hub.cdn.setShape({ bytesPerSecond: 200_000 });
    const first = scene.start("sync", "--kit", "all");
    await first.saw(/^start /m);
    const refused = await scene.run("sync", "--kit", "all", "--no-wait");
    expect(refused.code).toBe(5);
    expect(refused.stderr).toMatch(/^failed {2}\w+ {2}.*\n {8}fix: /m);
    const second = scene.start("sync", "--kit", "all");
    await second.saw(/^wait /m);
    scene.hub.cdn.setShape({});
    expect((await first.ended).code).toBe(0);
    const { code, stdout } = await second.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✓ 2 models present/);
  });

  it("a second Ctrl-C quits at once", async () => {
    await using scene = await makeScene();
    scene.hub.cdn.setShape({ bytesPerSecond: 100_000 });
    const running = scene.start("sync", "--kit", "all");
    await running.saw(/^start /m);
    running.child.kill("SIGTERM");
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
  });

  it("goes on in silence when the reader of its output is gone", async () => {
    await using scene = await makeScene();
    const running = scene.start("sync", "--kit", "all", "--json");
    running.child.stdout?.destroy();
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(existsSync(join(scene.box.root, "loras/two.safetensors"))).toBe(true);
  });

  it("never shows a token", async () => {
    await using scene = await makeScene();
    const env = { ...scene.box.environment, HF_TOKEN: "hf_averysecrettoken", MODELS_DEBUG: "1" };
    scene.hub.origin.faults.add(onPath("two.safetensors"), status(401));
    const args = ["sync", "--manifests", "manifests", "--kits", "kits", "--kit", "all"];
    const plain = await runModels(args, { env, cwd: scene.box.folder });
    const json = await runModels([...args, "--json"], { env, cwd: scene.box.folder });
    expect(JSON.stringify([plain, json])).not.toContain("averysecret");
    expect(plain.code).toBe(1);
  });
});

async function waitFor(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
