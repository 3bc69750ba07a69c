/** doctor(): a report about real servers and a real disk, without a secret in it. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { Diagnosis, DoctorReport } from "../../src/operations/doctor.ts";
import { createTree } from "../../src/tree/tree.ts";
import { runModels } from "../cli/run-models.ts";
import { ignoreRange, isRanged, startHub, startRangeServer } from "../origins/index.ts";
import { createTestDigest } from "../tree/digest.ts";
import { makeBox, weights } from "./box.ts";

const COMMIT = "d0".repeat(20);
const SIZE = 500_000;

const named = ({ findings }: DoctorReport, name: string): Diagnosis | undefined =>
  findings.find((finding) => finding.name === name);

/** A box whose one model is on a Hub of its own. */
async function makeScene(token: string | null, granted: readonly string[] = ["hf_right"]) {
  const { content, figures } = await weights("doctor", SIZE);
  const repo = { name: "team/it", commit: COMMIT, files: { "it.safetensors": content }, granted };
  const hub = await startHub({ repos: [repo], tokens: granted });
  const box = await makeBox({ HF_ENDPOINT: hub.endpoint, ...(token === null ? {} : { HF_TOKEN: token }) });
  await box.catalogue([{ name: "it", ...figures, sources: [`hf://team/it@${COMMIT}/it.safetensors`] }]);
  await mkdir(box.root, { recursive: true });
  const host = new URL(hub.endpoint).host;
  return {
    box,
    hub,
    content,
    host,
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

describe("doctor()", () => {
  it("says of the Hub that it answers, serves ranges, and takes the token", async () => {
    await using scene = await makeScene("hf_right");
    const report = await scene.box.open().doctor({ models: ["it"] });
    expect(report.ok).toBe(true);
    expect(named(report, scene.host)).toMatchObject({ status: "ok" });
    expect(named(report, `${scene.host}: DNS`)?.says).toMatch(/^1 addresses \(IPv4\)/);
    expect(named(report, `${scene.host}: HF_TOKEN`)).toMatchObject({ status: "ok", says: "accepted" });
    expect(named(report, `${scene.host}: ranges`)?.says).toBe("yes, with it");
    expect(named(report, `${scene.host}: rate`)?.says).toMatch(/B\/s over one connection$/);
    expect(named(report, "clock")).toMatchObject({ status: "ok" });
  });

  it("says that a token is refused, and never says the token", async () => {
    await using scene = await makeScene("hf_S3CR3T");
    const report = await scene.box.open().doctor();
    expect(report.ok).toBe(false);
    expect(named(report, `${scene.host}: HF_TOKEN`)).toMatchObject({ status: "bad", says: "refused with 401" });
    expect(JSON.stringify(report)).not.toContain("S3CR3T");
  });

  it("asks every mirror of the config for a real file: found or not, in ranges or not", async () => {
    await using scene = await makeScene(null);
    await using good = await startRangeServer({ "/loras/it.safetensors": scene.content }, { host: "127.0.0.3" });
    await using plain = await startRangeServer({ "/loras/it.safetensors": scene.content }, { host: "127.0.0.4" });
    plain.faults.add(isRanged, ignoreRange);
    await using empty = await startRangeServer({}, { host: "127.0.0.5" });
    const mirrors = [good, plain, empty].map(({ url }) => `${url}/{path}?key=S3CR3T`);
    const report = await scene.box
      .open({ mirrors: [...mirrors, "http://127.0.0.6:9/{path}"] })
      .doctor({ models: ["it"] });
    const names = report.findings
      .filter(({ about }) => about === "network")
      .map(({ name, status }) => `${name} ${status}`);
    const nameOf = ({ host, port }: { host: string; port: number }): string => `${host}:${port}`;
    expect(names).toContain(`${nameOf(good)}: ranges ok`);
    expect(names).toContain(`${nameOf(plain)}: ranges warn`);
    expect(names).toContain(`${nameOf(empty)}: it warn`);
    expect(names).toContain("127.0.0.6:9 bad");
    expect(report.ok).toBe(false);
    expect(JSON.stringify(report)).not.toContain("S3CR3T");
  });

  it("says what the state folder holds, and who has a lock", async () => {
    await using scene = await makeScene(null);
    const { box } = scene;
    expect((await box.sync()).error).toBeNull();
    const tree = createTree(box.root, { clock: systemClock, digest: createTestDigest() });
    const signal = new AbortController().signal;
    await using _ = await tree.lease("f".repeat(64), { signal, wait: false, onWait: () => undefined });
    await writeFile(join(box.root, ".modelferry/partial", `${"f".repeat(64)}.part`), Buffer.alloc(4096, 1));
    const report = await box.open().doctor({ isOffline: true });
    expect(named(report, "receipts")?.says).toBe("1");
    expect(named(report, "unfinished downloads")?.says).toBe("1, 4.1 kB");
    expect(named(report, "lock ffffffffffffffffffff")?.says).toMatch(/^process \d+ on .+, which runs$/);
    expect(report.findings.some(({ about }) => about === "network")).toBe(false);
  });

  it("tries the disk out and leaves nothing behind", async () => {
    await using scene = await makeScene(null);
    const report = await scene.box.open().doctor({ isOffline: true });
    for (const name of ["hard links", "symbolic links", "exclusive create", "atomic rename"]) {
      expect(named(report, name)).toMatchObject({ status: "ok", says: "yes" });
    }
    expect(named(report, "write speed")?.says).toMatch(/B\/s$/);
    expect(await readdir(scene.box.root)).toEqual([]);
  });

  it("prints lines that can be pasted, with exit code 3 when something is wrong; a proxy's password is not in them", async () => {
    await using scene = await makeScene(null);
    const { box } = scene;
    const env = { ...box.environment, HTTPS_PROXY: "http://me:S3CR3T@127.0.0.1:9", NO_PROXY: "127.0.0.1" };
    const args = ["doctor", "--root", box.root, "--manifests", "manifests", "--kits", "kits", "--kit", "all"];
    const good = await runModels(args, { env, cwd: box.folder });
    expect(good).toMatchObject({ code: 0, stderr: "" });
    expect(good.stdout).toMatch(/^system\n {2}✓ Node /);
    expect(good.stdout).toMatch(/\n✓ nothing is wrong.* \(modelferry /);
    expect(good.stdout).toContain("HTTPS_PROXY http://127.0.0.1:9/");
    await scene.hub.close();
    const bad = await runModels([...args, "--json"], { env, cwd: box.folder });
    expect(bad.code).toBe(3);
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false });
    expect(good.stdout + bad.stdout).not.toContain("S3CR3T");
  });
});
