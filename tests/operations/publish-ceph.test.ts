/** Publishing into a real S3 server: kills at any moment, lists of parts, big and concurrent uploads, memory. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Event } from "../../src/base/events.ts";
import { startModels } from "../cli/run-models.ts";
import { FACTS, md5Of, openDesk } from "../net/s3-harness.ts";
import { CEPH_ACCESS_KEY, CEPH_SECRET_KEY, type Ceph, describeWithCeph, startCeph } from "../origins/ceph.ts";
import { type FaultProxy, isPart, startFaultProxy, startRangeServer } from "../origins/index.ts";
import { type Box, bytesOf, makeBox, weights } from "./box.ts";
import { runChild } from "./child.ts";

const MIB = 1024 * 1024;
const { PUBLISH_TEST_BYTES, MIRROR_TEST_BYTES } = process.env as Readonly<Record<string, string | undefined>> & {
  readonly PUBLISH_TEST_BYTES?: string;
  readonly MIRROR_TEST_BYTES?: string;
};
const SIZE = Number(PUBLISH_TEST_BYTES ?? 256 * MIB);
const MIRRORED = Number(MIRROR_TEST_BYTES ?? 400 * MIB);
const LANES = 4;
const PART = 16 * MIB;

describeWithCeph("publishing into Ceph", () => {
  let ceph: Ceph;

  beforeAll(async () => {
    ceph = await startCeph(SIZE > 1024 * MIB ? 6 : 3);
    await ceph.createBucket("kits");
  }, 120_000);
  afterAll(() => ceph[Symbol.asyncDispose](), 60_000);

  const variables = (endpoint: string): Readonly<Record<string, string>> => ({
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: CEPH_ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: CEPH_SECRET_KEY,
  });

  it(
    `loses no more than the parts in flight to three SIGKILLs, and a box then syncs all ${SIZE / MIB} MiB, signed and public`,
    async () => {
      await using proxy = await startFaultProxy(ceph.endpoint);
      // Slow enough that the whole takes some seconds, so that each kill comes in the midst of it.
      proxy.setRate(SIZE / 8);
      await using box = await makeBox(variables(proxy.url));
      const { content, figures } = await weights("killed", SIZE);
      await content.writeTo(join(box.folder, "killed.safetensors"));
      await configure(box);
      const args = ["publish", "killed.safetensors", "--name", "killed", "--path", "vae/killed.safetensors"];
      args.push("--to", "s3://kits/killed", "--json", "--lanes", String(LANES), "--root", box.root);
      const run = { cwd: box.folder, env: box.environment };
      for (let kills = 0; kills < 3; kills += 1) {
        const atBytes = SIZE * ((kills + Math.random()) / 3.2);
        await killAt(startModels(args, run), proxy, atBytes);
      }
      proxy.setRate(null);
      const { code, stdout, stderr } = await startModels(args, run).ended;
      expect(stderr).toBe("");
      expect(code).toBe(0);
      const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
      expect(last).toMatchObject({ kind: "summary", ok: true });
      expect(last.sentBytes).toBeLessThan(SIZE);
      const uploaded = proxy.requests.filter(isPart).reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
      expect(uploaded).toBeLessThan(SIZE * 1.02 + 3 * LANES * PART);
      await syncsBack(figures, ceph.endpoint);
    },
    Math.max(180_000, SIZE / 5000),
  );

  it("sends a part again that the bucket holds with other bytes, and keeps those that are right", async () => {
    await using proxy = await startFaultProxy(ceph.endpoint);
    const { box, bytes } = await stocked("parts", 50 * MIB, proxy.url);
    await using _box = box;
    const stop = new AbortController();
    proxy.setRate(20 * MIB);
    const onEvent = (event: Event): void => {
      if (event.kind === "progress" && (event.files[0]?.doneBytes ?? 0) > 34 * MIB) stop.abort(new Error("stopped"));
    };
    const request = { kits: ["all"], to: "s3://kits/parts", manifest: null };
    const interrupted = box.open({ lanes: 1 }).publish({ ...request, signal: stop.signal, onEvent });
    await expect(interrupted).rejects.toThrow("stopped");
    proxy.setRate(null);
    await using desk = openDesk(ceph.access(), "kits", "s3");
    const [upload] = (await desk.uploads.unfinished("parts/")) ?? [];
    if (upload === undefined) throw new Error("no upload is unfinished");
    const arrived = (await desk.uploads.parts(upload.key, upload.uploadId)) ?? [];
    if (arrived === "unlisted" || arrived.length < 2) throw new Error("two parts ought to have arrived");
    const [spoiled, kept] = arrived.map(({ number }) => number);
    const other = Buffer.alloc(PART, 9);
    await desk.uploads.sendPart({ ...upload, number: spoiled ?? 1, bytes: other, md5: md5Of(other) });
    const before = proxy.requests.length;
    await box.open({ lanes: 2 }).publish(request);
    const sent = proxy.requests
      .slice(before)
      .filter(isPart)
      .map(({ query }) => query.get("partNumber"));
    expect(sent).toContain(String(spoiled));
    expect(sent).not.toContain(String(kept));
    expect(await desk.store.head(upload.key)).toMatchObject({ size: bytes.length });
    expect(await desk.uploads.unfinished("parts/")).toEqual([]);
  }, 60_000);

  it("begins anew when the bucket has forgotten the upload", async () => {
    const { box, bytes } = await stocked("forgotten", 40 * MIB, ceph.endpoint);
    await using _box = box;
    await using desk = openDesk(ceph.access(), "kits", "s3");
    const request = { kits: ["all"], to: "s3://kits/forgotten", manifest: null };
    const stop = new AbortController();
    const interrupted = box.open({ lanes: 1, maxRate: 20 * MIB }).publish({
      ...request,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === "progress" && (event.files[0]?.doneBytes ?? 0) > PART) stop.abort(new Error("stopped"));
      },
    });
    await expect(interrupted).rejects.toThrow("stopped");
    for (const { key, uploadId } of (await desk.uploads.unfinished("forgotten/")) ?? [])
      await desk.uploads.abandon(key, uploadId);
    await box.open({ lanes: 2 }).publish(request);
    expect(await desk.store.head("forgotten/loras/forgotten.safetensors")).toMatchObject({ size: bytes.length });
  }, 60_000);

  it("lists uploads that nobody finished, and ends them when told to", async () => {
    await using desk = openDesk(ceph.access(), "kits", "s3");
    await desk.uploads.begin({ key: "left/over.bin", ...FACTS });
    await using box = await makeBox(variables(ceph.endpoint));
    const to = "s3://kits/left";
    expect((await box.open().listBucket({ to })).unfinished).toMatchObject([{ key: "left/over.bin" }]);
    await box.open().removeFromBucket({ to, what: [], isUnfinished: true, isSure: true });
    expect(await desk.uploads.unfinished("left/")).toEqual([]);
  });

  it("leaves neither an object nor a part of bytes that are not what was declared", async () => {
    const { content, figures } = await weights("ceph lie", 40 * MIB);
    const wrong = Buffer.from(await bytesOf(content));
    wrong[30 * MIB] = (wrong[30 * MIB] ?? 0) ^ 1;
    await using server = await startRangeServer({ "/m.safetensors": wrong });
    await using box = await makeBox(variables(ceph.endpoint));
    await box.catalogue([{ name: "lie", ...figures, sources: [`${server.url}/m.safetensors`] }]);
    const mirrored = box.open().mirror({ kits: ["all"], to: "s3://kits/lie", manifest: null });
    await expect(mirrored).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await using desk = openDesk(ceph.access(), "kits", "s3");
    expect(await desk.store.head("lie/loras/lie.safetensors")).toBeNull();
    expect(await desk.uploads.unfinished("lie/")).toEqual([]);
  }, 60_000);

  it("publishes several large files side by side", async () => {
    await using box = await makeBox(variables(ceph.endpoint));
    const entries = [];
    for (const name of ["one", "two", "three"]) {
      const { content, figures } = await weights(`side ${name}`, 80 * MIB);
      await box.write(`loras/${name}.safetensors`, await bytesOf(content));
      entries.push({ name, ...figures, sources: [] });
    }
    await box.catalogue(entries);
    const result = await box.open().publish({ kits: ["all"], to: "s3://kits/side", verify: "all", manifest: null });
    expect(result).toMatchObject({ sentBytes: 240 * MIB });
    expect(await box.open().verifyBucket({ to: "s3://kits/side", kits: ["all"] })).toMatchObject({ ok: true });
  }, 120_000);

  it(
    `mirrors ${MIRRORED / MIB} MiB with less than 300 MB of memory and no file`,
    async () => {
      const { content, figures } = await weights("mirror memory", MIRRORED);
      await using one = await startRangeServer({ "/m.safetensors": content });
      await using two = await startRangeServer({ "/m.safetensors": content }, { host: "127.0.0.2" });
      await using box = await makeBox(variables(ceph.endpoint));
      const sources = [one, two].map(({ url }) => `${url}/m.safetensors`);
      await box.catalogue([{ name: "memory", ...figures, sources }]);
      const code = `
        const models = createModels(BOX);
        await models.mirror({ kits: ["all"], to: "s3://kits/memory", manifest: null });
        await models.close();
        console.log(process.resourceUsage().maxRSS * 1024);`;
      const ended = await runChild(code, { ...box.settings }, { env: box.environment }).ended;
      expect(ended.err).toBe("");
      expect(Number(ended.out)).toBeLessThan(300_000_000);
      await using desk = openDesk(ceph.access(), "kits", "s3");
      expect(await desk.store.head("memory/loras/memory.safetensors")).toMatchObject(figures);
    },
    Math.max(120_000, MIRRORED / 5000),
  );

  async function stocked(name: string, size: number, endpoint: string): Promise<{ box: Box; bytes: Buffer }> {
    const box = await makeBox(variables(endpoint));
    const { content, figures } = await weights(name, size);
    const bytes = await bytesOf(content);
    await box.write(`loras/${name}.safetensors`, bytes);
    await box.catalogue([{ name, ...figures, sources: [] }]);
    return { box, bytes: Buffer.from(bytes) };
  }

  /** A new box gets the file by signed addresses, and another one by the bucket's public address. */
  async function syncsBack(
    figures: { readonly size: number; readonly sha256: string },
    endpoint: string,
  ): Promise<void> {
    const entry = { name: "killed", path: "vae/killed.safetensors", ...figures };
    const sources = ["s3://kits/killed/vae/killed.safetensors"];
    await openToAll(endpoint);
    for (const publicUrl of [undefined, `${endpoint}/kits`]) {
      await using other = await makeBox(variables(endpoint));
      await other.catalogue([{ ...entry, sources }]);
      if (publicUrl !== undefined) {
        const config = { buckets: { kits: { endpoint, publicUrl } } };
        await writeFile(join(other.folder, "models.config.yaml"), JSON.stringify(config));
      }
      const { error, summary, events } = await other.sync();
      expect(error).toBeNull();
      expect(summary.fetchedBytes).toBe(figures.size);
      expect(events.find(({ kind }) => kind === "file-finished")).toMatchObject({ sha256: figures.sha256 });
    }
  }
});

/** A manifest of its own, so that an entry can be written. */
async function configure(box: Box): Promise<void> {
  await writeFile(
    join(box.folder, "models.config.yaml"),
    JSON.stringify({ manifests: [join(box.folder, "manifests")] }),
  );
}

async function killAt(
  { child, ended }: ReturnType<typeof startModels>,
  proxy: FaultProxy,
  bytes: number,
): Promise<void> {
  const received = (): number => proxy.requests.filter(isPart).reduce((sum, one) => sum + one.receivedBytes, 0);
  while (received() < bytes && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGKILL");
  expect((await ended).code).toBeNull();
}

async function openToAll(endpoint: string): Promise<void> {
  const credentials = { accessKeyId: CEPH_ACCESS_KEY, secretAccessKey: CEPH_SECRET_KEY };
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  const Resource = ["arn:aws:s3:::kits/*"];
  const Statement = [{ Effect: "Allow", Principal: "*", Action: ["s3:GetObject"], Resource }];
  await client.send(
    new PutBucketPolicyCommand({ Bucket: "kits", Policy: JSON.stringify({ Version: "2012-10-17", Statement }) }),
  );
  client.destroy();
}
