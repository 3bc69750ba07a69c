/** Many at once: eight processes on one root, 64 lanes in one. */
import { describe, expect, it } from "vitest";
import type { Summary } from "../../src/base/events.ts";
import { type Ended, runModels } from "../cli/run-models.ts";
import { bytesOf, startRangeServer } from "../origins/index.ts";
import { makeBox, weights } from "./box.ts";
import { runChild } from "./child.ts";

const SIZES = [200_000, 5_000_000, 20_000_000];
const MB = 1_000_000;

describe("eight processes on one root", () => {
  it("bring each file once, and all of them end well", async () => {
    const made = await Promise.all(SIZES.map((size, index) => weights(`crowd ${index}`, size)));
    const content = Object.fromEntries(made.map((one, index) => [`/m${index}`, one.content]));
    await using server = await startRangeServer(content, { shape: { bytesPerSecond: 15 * MB } });
    await using box = await makeBox();
    await box.catalogue(
      made.map(({ figures }, index) => ({ name: `m${index}`, ...figures, sources: [`${server.url}/m${index}`] })),
    );
    const args = ["sync", "--kit", "all", "--json", "--root", box.root, "--manifests", "manifests", "--kits", "kits"];
    const run = (): Promise<Ended> => runModels(args, { env: box.environment, cwd: box.folder });
    const ended = await Promise.all(Array.from({ length: 8 }, run));
    for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
    const whole = SIZES.reduce((sum, size) => sum + size, 0);
    // Beside the bytes: what each process that had to ask looked at, 64 KiB of each file.
    expect(server.bytesSent()).toBeLessThan(whole * 1.05 + 8 * SIZES.length * 65_536);
    const summaries = ended.map(({ stdout }) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Summary);
    expect(summaries.reduce((sum, { fetchedBytes, wastedBytes }) => sum + fetchedBytes - wastedBytes, 0)).toBe(whole);
    for (const [index, { content: right }] of made.entries()) {
      expect((await box.read(`loras/m${index}.safetensors`)).equals(await bytesOf(right))).toBe(true);
    }
  }, 60_000);
});

describe("two processes on one root", () => {
  it("wait for each other's twenty files without a word from Node", async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => weights(`pair ${index}`, 1000 + index)));
    const content = Object.fromEntries(made.map((one, index) => [`/m${index}`, one.content]));
    await using server = await startRangeServer(content, { shape: { latencyMs: 1500 } });
    await using box = await makeBox();
    await box.catalogue(
      made.map(({ figures }, index) => ({ name: `m${index}`, ...figures, sources: [`${server.url}/m${index}`] })),
    );
    const args = ["sync", "--kit", "all", "--json", "--root", box.root, "--manifests", "manifests", "--kits", "kits"];
    const run = (): Promise<Ended> => runModels(args, { env: box.environment, cwd: box.folder });
    const ended = await Promise.all([run(), run()]);
    expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: "" },
      { code: 0, stderr: "" },
    ]);
    expect(ended.some(({ stdout }) => stdout.includes('"kind":"waiting"'))).toBe(true);
  }, 60_000);
});

describe("one process with many small files", () => {
  it.each([
    { lanes: ["--lanes", "2"], most: 2, least: 1 },
    { lanes: [], most: 32, least: 17 },
  ])("brings them over $most connections at most, with $lanes", async ({ lanes, most, least }) => {
    const made = await Promise.all(Array.from({ length: 70 }, (_, index) => weights(`many ${index}`, 1000 + index)));
    const content = Object.fromEntries(made.map((one, index) => [`/m${index}`, one.content]));
    await using server = await startRangeServer(content, { shape: { latencyMs: 100 } });
    await using box = await makeBox();
    await box.catalogue(
      made.map(({ figures }, index) => ({ name: `m${index}`, ...figures, sources: [`${server.url}/m${index}`] })),
    );
    const args = ["sync", "--kit", "all", "--root", box.root, "--manifests", "manifests", "--kits", "kits", ...lanes];
    const { code, stderr } = await runModels(args, { env: box.environment, cwd: box.folder });
    expect(code, stderr).toBe(0);
    expect(server.acceptedSockets()).toBeLessThanOrEqual(most);
    expect(server.acceptedSockets()).toBeGreaterThanOrEqual(least);
  });
});

describe("one process with 64 lanes", () => {
  it("takes less than 400 MB for a file of 600 MB", async () => {
    const { content, figures } = await weights("lanes", 600 * MB);
    await using server = await startRangeServer({ "/lanes": content });
    await using box = await makeBox();
    await box.catalogue([{ name: "lanes", ...figures, sources: [`${server.url}/lanes`] }]);
    const child = runChild(
      `const models = createModels({ ...BOX.settings, lanes: 64, lanesPerHost: 64, environment: BOX.environment });
       await models.sync({ kits: ["all"] });
       console.log(process.resourceUsage().maxRSS * 1024);
       await models.close();`,
      { settings: box.settings, environment: box.environment },
    );
    const { code, out, err } = await child.ended;
    expect(code, err).toBe(0);
    expect(server.acceptedSockets()).toBeGreaterThan(40);
    expect(Number(out.trim())).toBeLessThan(400 * MB);
  }, 120_000);
});
