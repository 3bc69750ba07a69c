/** Publishing as people and scripts run it: what is printed where, exit codes, the short door. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { object, openDesk } from "../net/s3-harness.ts";
import { bytesOf, makeBox, weights } from "../operations/box.ts";
import { bucketVariables, prefixFor } from "../operations/bucket-box.ts";
import { type Emulator, startEmulator } from "../origins/emulator.ts";
import { startHub } from "../origins/index.ts";
import { type Ended, runModels, start } from "./run-models.ts";

const MB = 1024 * 1024;
const UPLOAD_TO_R2 = fileURLToPath(new URL("../../scripts/upload-to-r2", import.meta.url));
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
}, 60_000);
afterAll(() => emulator[Symbol.asyncDispose]());

/** A box with two models in its tree, which its catalogue knows. */
async function makeScene() {
  const box = await makeBox({ ...bucketVariables(emulator), R2_SECRET_ACCESS_KEY: "SK" });
  const made = await Promise.all(["one", "two"].map((name) => weights(`cli ${name}`, 2 * MB)));
  const entries = made.map(({ figures }, index) => ({ name: index === 0 ? "one" : "two", ...figures, sources: [] }));
  await box.catalogue(entries);
  for (const [index, { content }] of made.entries()) {
    await box.write(`loras/${entries[index]?.name}.safetensors`, await bytesOf(content));
  }
  const places = ["--manifests", "manifests", "--kits", "kits", "--root", "models"];
  const options = { env: box.environment, cwd: box.folder };
  const run = (command: string, ...args: readonly string[]): Promise<Ended> =>
    runModels([command, ...args, ...places], options);
  return { box, run, options, places, [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() };
}

describe("models publish", () => {
  it("shows the plan on standard output, and sends nothing, with --dry-run", async () => {
    await using scene = await makeScene();
    const to = prefixFor("cli-dry");
    const { code, stdout, stderr } = await scene.run("publish", "--kit", "all", "--to", to, "--dry-run");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^loras\/one\.safetensors +2\.1 MB +send +r2:\/\/kits\/cli-dry\/loras\/one\.safetensors$/m);
    expect(stdout).toMatch(/\nto send {2}4\.2 MB into r2:\/\/kits\/cli-dry\n$/);
  });

  it("tells its progress on standard error and the outcome on standard output", async () => {
    await using scene = await makeScene();
    const to = prefixFor("cli-plain");
    const { code, stdout, stderr } = await scene.run("publish", "--kit", "all", "--to", to, "--lanes", "3");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^✓ 2 models present in r2:\/\/kits\/cli-plain: 4\.2 MB sent in .* at .*\n {2}noted in \S+box\.json\n$/,
    );
    expect(stderr).toMatch(/^2 of 2 models to bring into r2:\/\/kits\/cli-plain: 4\.2 MB to send$/m);
    expect(stderr).toMatch(/^done {4}one {2}2\.1 MB in .*$/m);
    const again = await scene.run("publish", "--kit", "all", "--to", to);
    expect(again.stdout).toMatch(/^✓ 2 models present in r2:\/\/kits\/cli-plain: nothing to send/);
  });

  it("gives a script one event a line, the summary last, and no secret anywhere", async () => {
    await using scene = await makeScene();
    const { code, stdout, stderr } = await scene.run("publish", "one", "--to", prefixFor("cli-json"), "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly kind: string });
    expect(events.at(-1)).toMatchObject({ kind: "summary", ok: true, models: 1, sentBytes: 2 * MB });
    const written = await Promise.all(
      (await readdir(scene.box.folder, { recursive: true, withFileTypes: true }))
        .filter((one) => one.isFile() && /json|yaml/.test(one.name))
        .map((one) => readFile(join(one.parentPath ?? one.path, one.name), "utf8")),
    );
    expect([stdout, ...written].join("\n")).not.toMatch(/"SK"|X-Amz-Signature/);
  });

  it("ends with 1 for another content under the key, and says how to replace it", async () => {
    await using scene = await makeScene();
    await using desk = openDesk(emulator.access());
    await desk.store.put(object("cli-conflict/loras/one.safetensors", Buffer.alloc(7)), { kind: "any" });
    const to = prefixFor("cli-conflict");
    const { code, stderr } = await scene.run("publish", "one", "--to", to);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Cannot publish "one" to "r2:\/\/kits\/cli-conflict\/loras\/one\.safetensors": .*\n.*--force/,
    );
    const dry = await scene.run("publish", "one", "--to", to, "--dry-run");
    expect(dry.stdout).toMatch(/refuse/);
    expect((await scene.run("publish", "one", "--to", to, "--force")).code).toBe(0);
  });

  it.each([
    [["publish"], /nothing|no file, model or kit is named/],
    [["publish", "one"], /Cannot tell where to publish.*\n.*--to r2:\/\/bucket\/prefix/],
    [["publish", "one", "--to", "kits"], /it is no bucket/],
    [["publish", "one", "--to", "r2://kits", "--layout", "flat"], /expected the layout tree or sha256/],
    [["publish", "one", "--to", "r2://kits", "--name", "x"], /--name or --path/],
    [["bucket", "lss", "r2://kits"], /did you mean "ls"/],
    [["bucket", "rm"], /no object is named/],
    [["add"], /missing required argument/],
  ])("ends with 2 for %j", async (args, message) => {
    await using scene = await makeScene();
    const [command = "", ...rest] = args;
    const { code, stderr } = await scene.run(command, ...rest);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe("models bucket", () => {
  it("compares with exit code 3, and verifies with 0", async () => {
    await using scene = await makeScene();
    const to = prefixFor("cli-bucket");
    await scene.run("publish", "one", "--to", to, "--no-manifest");
    const diff = await scene.run("bucket", "diff", to, "--kit", "all");
    expect(diff.code).toBe(3);
    expect(diff.stdout).toMatch(/cli-bucket\/loras\/two\.safetensors +missing +models publish two/);
    expect(diff.stdout).toMatch(/✗ 1 of 2 objects as they ought to be in r2:\/\/kits\/cli-bucket\n$/);
    expect((await scene.run("bucket", "verify", to)).code).toBe(0);
    const listing = await scene.run("bucket", "ls", to);
    expect(listing.stdout).toMatch(/^cli-bucket\/loras\/one\.safetensors +2\.1 MB +one +pieces$/m);
    const json = JSON.parse((await scene.run("bucket", "verify", to, "--json")).stdout);
    expect(json).toMatchObject({ ok: true, objects: [{ name: "one", status: "proven" }] });
    expect((await scene.run("bucket", "rm", `${to}/loras/one.safetensors`)).code).toBe(2);
    const removed = await scene.run("bucket", "rm", `${to}/loras/one.safetensors`, "--yes");
    expect(removed.stdout).toMatch(/^removed {3}cli-bucket\/loras\/one\.safetensors\n1 object removed/);
  });
});

describe("models mirror and models add", () => {
  it("adds a file of the Hub and brings it into the bucket", async () => {
    const { content } = await weights("cli hub", 2 * MB);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "vae/fine.safetensors": content } }] });
    await using scene = await makeScene();
    const env = { ...scene.box.environment, HF_ENDPOINT: hub.endpoint };
    const run = (...args: readonly string[]): Promise<Ended> =>
      runModels([...args, ...scene.places], { ...scene.options, env });
    const added = await run("add", "hf://org/repo@main/vae/fine.safetensors", "--path", "vae/fine.safetensors");
    expect(added.stderr).toBe("");
    expect(added.stdout).toMatch(
      /^✓ fine is in \S+manifests\/added\.yaml\n {2}vae\/fine\.safetensors {2}2\.1 MB {2}sha256 [0-9a-f]{12}/,
    );
    const mirrored = await run("mirror", "fine", "--to", prefixFor("cli-mirror"), "--lanes", "3");
    expect(mirrored.code).toBe(0);
    expect(mirrored.stdout).toMatch(/^✓ 1 model present in r2:\/\/kits\/cli-mirror: 2\.1 MB sent/);
    expect(await readFile(join(scene.box.folder, "manifests/added.yaml"), "utf8")).toContain(
      "- r2://kits/cli-mirror/vae/fine.safetensors",
    );
  });
});

describe("scripts/upload-to-r2", () => {
  it("is a door to publish: --model, --all, and the bucket of R2_BUCKET", async () => {
    await using scene = await makeScene();
    await writeFile(
      join(scene.box.folder, "models.config.yaml"),
      "version: 1\nmanifests: [manifests]\nkits: [kits]\nroot: models\n",
    );
    const env = { ...scene.box.environment, R2_BUCKET: "kits/cli-door" };
    const door = (...args: readonly string[]): Promise<Ended> =>
      start(UPLOAD_TO_R2, args, { env, cwd: scene.box.folder }).ended;
    const one = await door("--model", "one", "--no-manifest");
    expect(one.stdout).toMatch(/^✓ 1 model present in r2:\/\/kits\/cli-door: 2\.1 MB sent/);
    const all = await door("--all", "--no-manifest", "--dry-run");
    expect(all.stdout).toMatch(/one\.safetensors +2\.1 MB +present[\s\S]*two\.safetensors +2\.1 MB +send/);
    expect((await door("--model")).code).toBe(2);
  });
});
