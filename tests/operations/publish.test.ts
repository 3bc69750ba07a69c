/** Publishing into R2's emulator: what is sent, what is refused, what is noted, and what a box then gets. */
import { writeFileSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePieceTable } from "../../src/catalog/pieces.ts";
import type { Event } from "../../src/index.ts";
import { listed, md5Of, object, openDesk } from "../net/s3-harness.ts";
import { BUCKET, type Emulator, startEmulator } from "../origins/emulator.ts";
import { isPart, slowDown, startFaultProxy } from "../origins/index.ts";
import { bytesOf, makeBox, weights } from "./box.ts";
import { bucketVariables, makePublisher, prefixFor } from "./bucket-box.ts";
import { pieceTableOf } from "./piece-table.ts";

const MB = 1024 * 1024;
const LANES = { lanes: 3 };
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
}, 60_000);
afterAll(() => emulator[Symbol.asyncDispose]());

/** A box whose tree has the given models, known to its catalogue. */
async function stocked(sizes: Readonly<Record<string, number>>): Promise<{
  readonly box: Awaited<ReturnType<typeof makePublisher>>;
  readonly made: ReadonlyMap<string, Awaited<ReturnType<typeof weights>>>;
}> {
  const box = await makePublisher(emulator);
  const made = new Map<string, Awaited<ReturnType<typeof weights>>>();
  for (const [name, size] of Object.entries(sizes)) {
    const one = await weights(`publish ${name}`, size);
    made.set(name, one);
    await box.write(`loras/${name}.safetensors`, await bytesOf(one.content));
  }
  await box.catalogue([...made].map(([name, { figures }]) => ({ name, ...figures, sources: [] })));
  return { box, made };
}

describe("publish()", () => {
  it("puts a kit under ComfyUI's folders, with digest, cache rule and piece tables, and notes it in the manifest", async () => {
    const { box, made } = await stocked({ "kit-a": 40 * MB, "kit-b": 2 * MB });
    await using _box = box;
    const to = prefixFor("kit");
    const events: Event[] = [];
    const models = box.open(LANES);
    const result = await models.publish({ kits: ["all"], to, onEvent: (event) => events.push(event) });
    expect(result).toMatchObject({ to, sentBytes: 42 * MB });
    await using desk = openDesk(emulator.access());
    for (const [name, { content, figures }] of made) {
      const key = `kit/loras/${name}.safetensors`;
      expect(await desk.store.head(key)).toMatchObject({ size: figures.size, sha256: figures.sha256 });
      const answer = await fetch(`${emulator.publicUrl}/${key}`, { method: "HEAD" });
      expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      const text = await (await fetch(`${emulator.publicUrl}/${key}.pieces`)).text();
      expect(parsePieceTable(text)).toEqual(await pieceTableOf(content));
    }
    const manifest = JSON.parse(await readFile(join(box.folder, "manifests/box.json"), "utf8"));
    expect(manifest.models[0]).toMatchObject({
      name: "kit-a",
      sources: [`${to}/loras/kit-a.safetensors`],
      pieces: `${to}/loras/kit-a.safetensors.pieces`,
    });
    expect(events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["plan", "file-started", "file-finished", "summary"]),
    );
    expect(events.at(-1)).toMatchObject({ kind: "summary", ok: true, models: 2, sentBytes: 42 * MB });
    const again = await box.open(LANES).publish({ kits: ["all"], to });
    expect(again).toMatchObject({ sentBytes: 0, models: [{ status: "present" }, { status: "present" }] });
  });

  it("is what a box then syncs, with signed addresses and with a public one", async () => {
    const { box, made } = await stocked({ "sync-a": 20 * MB });
    await using _box = box;
    await box.open(LANES).publish({ kits: ["all"], to: prefixFor("sync") });
    const entries = JSON.parse(await readFile(join(box.folder, "manifests/box.json"), "utf8")).models;
    for (const more of [{}, { R2_PUBLIC_URL: emulator.publicUrl }]) {
      await using other = await makeBox({ ...bucketVariables(emulator), ...more });
      await other.catalogue(entries);
      const { error, summary } = await other.sync();
      expect(error).toBeNull();
      expect(summary).toMatchObject({ fetchedBytes: 20 * MB, wastedBytes: 0 });
      const content = made.get("sync-a")?.content;
      expect(content && (await other.read("loras/sync-a.safetensors")).equals(await bytesOf(content))).toBe(true);
    }
  });

  it("takes a file that no manifest knows, proposes its place and writes a new entry", async () => {
    await using box = await makePublisher(emulator);
    const { content, figures } = await weights("a file", MB);
    await writeFile(join(box.folder, "My Style v2.safetensors"), await bytesOf(content));
    const models = box.open(LANES);
    const [one] = (await models.publish({ models: ["My Style v2.safetensors"], to: prefixFor("file") })).models;
    expect(one).toMatchObject({ name: "my-style-v2", ...figures, status: "sent" });
    expect(one?.manifest).toBe(join(box.folder, "manifests/added.yaml"));
    const text = await readFile(join(box.folder, "manifests/added.yaml"), "utf8");
    expect(text).toContain(`sha256: ${figures.sha256}`);
    expect(text).toContain(`- ${prefixFor("file")}/${one?.path.replaceAll(" ", "%20")}`);
    const named = await models.publish({
      models: ["My Style v2.safetensors"],
      to: prefixFor("file"),
      name: "style",
      path: "loras/style.safetensors",
      manifest: join(box.folder, "mine.yaml"),
    });
    expect(named.models[0]).toMatchObject({ name: "style", path: "loras/style.safetensors" });
    expect(await readFile(join(box.folder, "mine.yaml"), "utf8")).toContain("name: style");
  });

  it("names objects by their content when asked to", async () => {
    const { box, made } = await stocked({ "by-content": MB });
    await using _box = box;
    const sha256 = made.get("by-content")?.figures.sha256 ?? "";
    await box.open(LANES).publish({ kits: ["all"], to: prefixFor("blobs"), layout: "sha256", manifest: null });
    await using desk = openDesk(emulator.access());
    expect(await listed(desk.store, "blobs/")).toEqual([`blobs/${sha256}`, `blobs/${sha256}.pieces`]);
    expect(await readFile(join(box.folder, "manifests/box.json"), "utf8")).not.toContain("blobs");
  });

  it("refuses another content under the key, and replaces it only when forced", async () => {
    const { box, made } = await stocked({ conflict: MB });
    await using _box = box;
    await using desk = openDesk(emulator.access());
    const key = "conflict/loras/conflict.safetensors";
    await desk.store.put(object(key, Buffer.alloc(MB, 1)), { kind: "any" });
    const request = { kits: ["all"], to: prefixFor("conflict") };
    await expect(box.open(LANES).publish(request)).rejects.toMatchObject({ code: "BUCKET_CONFLICT" });
    expect(await desk.store.head(key)).toMatchObject({ etag: md5Of(Buffer.alloc(MB, 1)) });
    const { models } = await box.open(LANES).publish({ ...request, force: true });
    expect(models[0]).toMatchObject({ status: "sent" });
    expect(await desk.store.head(key)).toMatchObject({ sha256: made.get("conflict")?.figures.sha256 });
  });

  it("lets one of two publishers of different bytes win, and tells the other", async () => {
    const to = prefixFor("two");
    const boxes = await Promise.all(
      ["one", "two"].map(async (seed) => {
        const box = await makePublisher(emulator);
        const { content, figures } = await weights(`rival ${seed}`, 34 * MB);
        await box.write("loras/rival.safetensors", await bytesOf(content));
        await box.catalogue([{ name: "rival", ...figures, sources: [] }]);
        return { box, figures };
      }),
    );
    const results = await Promise.all(
      boxes.map(({ box, figures }) =>
        box
          .open(LANES)
          .publish({ kits: ["all"], to })
          .then(
            () => figures.sha256,
            ({ code }: { readonly code: string }) => code,
          ),
      ),
    );
    await using desk = openDesk(emulator.access());
    const there = await desk.store.head("two/loras/rival.safetensors");
    // Where a bucket holds no condition at the end of an upload, the last look is a moment before it.
    expect(results).toContain(there?.sha256);
    expect(results.filter((one) => one === "BUCKET_CONFLICT").length).toBeLessThanOrEqual(1);
    for (const { box } of boxes) await box[Symbol.asyncDispose]();
  });

  it("knows an object that another tool has uploaded by its ETag, and gives it its table", async () => {
    const { box, made } = await stocked({ foreign: 3 * MB });
    await using _box = box;
    await using desk = openDesk(emulator.access());
    const content = made.get("foreign")?.content;
    if (content === undefined) throw new Error("no content");
    const key = "foreign/loras/foreign.safetensors";
    await desk.store.put(object(key, await bytesOf(content)), { kind: "absent" });
    const result = await box.open(LANES).publish({ kits: ["all"], to: prefixFor("foreign") });
    expect(result).toMatchObject({ sentBytes: 0, models: [{ status: "present" }] });
    expect(await desk.store.head(`${key}.pieces`)).not.toBeNull();
  });

  it("plans without sending, and tells what it would do", async () => {
    const { box } = await stocked({ dry: 20 * MB });
    await using _box = box;
    const result = await box.open(LANES).publish({ kits: ["all"], to: prefixFor("dry"), isDryRun: true });
    expect(result).toMatchObject({ sentBytes: 0, models: [{ status: "planned", sentBytes: 20 * MB }] });
    await using desk = openDesk(emulator.access());
    expect(await listed(desk.store, "dry/")).toEqual([]);
    await expect(stat(join(box.root, ".modelferry/uploads"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.each([
    { of: "one part", bytes: MB },
    { of: "parts", bytes: 40 * MB },
  ])(
    "leaves nothing of a file of $of that is not what its manifest says: it is proven by the read that sends it",
    async ({ of, bytes }) => {
      const name = `altered-${of.replace(" ", "-")}`;
      const { box } = await stocked({ [name]: bytes });
      await using _box = box;
      await box.write(`loras/${name}.safetensors`, Buffer.alloc(bytes, 5));
      await expect(box.open(LANES).publish({ kits: ["all"], to: prefixFor(name) })).rejects.toMatchObject({
        code: "DIGEST_MISMATCH",
        message: expect.stringMatching(/altered.* its sha256 is .*, expected/),
      });
      await using desk = openDesk(emulator.access());
      expect(await listed(desk.store, `${name}/`)).toEqual([]);
    },
  );

  it("refuses a file of another size than its manifest says, before a byte is sent", async () => {
    const { box } = await stocked({ shorter: MB });
    await using _box = box;
    await box.write("elsewhere/shorter.safetensors", Buffer.alloc(MB - 1, 5));
    const file = join(box.root, "elsewhere/shorter.safetensors");
    const asked = { models: [file], name: "shorter", to: prefixFor("shorter") };
    await expect(box.open(LANES).publish(asked)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringMatching(/has \d+ bytes, its manifest says/),
    });
    await using desk = openDesk(emulator.access());
    expect(await listed(desk.store, "shorter/")).toEqual([]);
  });

  it("goes on with the others when one is not here, and lists what failed", async () => {
    const { box } = await stocked({ here: MB });
    await using _box = box;
    const { figures } = await weights("elsewhere", MB);
    const manifest = JSON.parse(await readFile(join(box.folder, "manifests/box.json"), "utf8"));
    await box.catalogue([...manifest.models, { name: "elsewhere", ...figures, sources: [] }]);
    const error = await box
      .open(LANES)
      .publish({ kits: ["all"], to: prefixFor("partly") })
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "MODELS_MISSING", fix: expect.stringContaining("models mirror elsewhere") });
    await using desk = openDesk(emulator.access());
    expect(await listed(desk.store, "partly/")).toContain("partly/loras/here.safetensors");
  });

  it("publishes with all exactly what of the catalogue is on this box", async () => {
    const { box } = await stocked({ "all-a": MB, "all-b": MB });
    await using _box = box;
    const result = await box.open(LANES).publish({ all: true, to: prefixFor("all"), manifest: null });
    expect(result.models.map(({ name }) => name).sort()).toEqual(["all-a", "all-b"]);
  });

  it("reads back what was asked for, and finds the one byte that is wrong", async () => {
    const { box, made } = await stocked({ verify: 40 * MB });
    await using _box = box;
    const request = { kits: ["all"], to: prefixFor("verify"), verify: "all" } as const;
    expect((await box.open(LANES).publish(request)).sentBytes).toBe(40 * MB);
    const content = made.get("verify")?.content;
    const altered = Buffer.from(content === undefined ? "" : await bytesOf(content));
    altered[20 * MB] = (altered[20 * MB] ?? 0) ^ 1;
    await using desk = openDesk(emulator.access());
    const key = "verify/loras/verify.safetensors";
    const sha256 = made.get("verify")?.figures.sha256 ?? "";
    // As a bucket would lie: the metadata of what was published, and other bytes.
    await desk.store.put({ ...object(key, altered), metadata: { sha256 } }, { kind: "any" });
    await expect(box.open(LANES).publish(request)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringContaining(`bytes ${16 * MB} to ${32 * MB - 1} are not what was published`),
    });
    const report = await box.open(LANES).verifyBucket({ to: prefixFor("verify"), kits: ["all"] });
    expect(report).toMatchObject({ ok: false, objects: [{ status: "unproven" }] });
    const deep = await box.open(LANES).verifyBucket({ to: prefixFor("verify"), kits: ["all"], isDeep: true });
    expect(deep).toMatchObject({ ok: false, objects: [{ status: "wrong-content" }] });
  });

  it("outlasts bursts of 503 and cut connections", async () => {
    const { box } = await stocked({ burst: 60 * MB });
    await using _box = box;
    await using proxy = await startFaultProxy(emulator.endpoint);
    proxy.add(
      (asked) => isPart(asked) && asked.query.get("partNumber") === "2",
      { kind: "reset", afterBytes: 3 * MB },
      2,
    );
    proxy.add(isPart, slowDown, 4);
    const environment = { ...box.environment, AWS_ENDPOINT_URL_S3: proxy.url };
    const result = await box.open({ ...LANES, environment }).publish({ kits: ["all"], to: prefixFor("burst") });
    expect(result.models).toMatchObject([{ status: "sent", sentBytes: 60 * MB }]);
    await using desk = openDesk(emulator.access());
    expect(await desk.store.head("burst/loras/burst.safetensors")).toMatchObject({ size: 60 * MB });
  });

  it("goes on with an upload that was interrupted, by its journal where the bucket lists no parts", async () => {
    const { box } = await stocked({ resume: 64 * MB });
    await using _box = box;
    await using proxy = await startFaultProxy(emulator.endpoint);
    const environment = { ...box.environment, AWS_ENDPOINT_URL_S3: proxy.url };
    const stop = new AbortController();
    proxy.setRate(20 * MB);
    const first = box.open({ ...LANES, lanes: 1, environment });
    const to = prefixFor("resume");
    const onEvent = (event: Event): void => {
      if (event.kind === "progress" && (event.files[0]?.doneBytes ?? 0) > 40 * MB) stop.abort(new Error("stopped"));
    };
    await expect(first.publish({ kits: ["all"], to, signal: stop.signal, onEvent })).rejects.toThrow("stopped");
    const before = proxy.requests.length;
    proxy.setRate(null);
    const events: Event[] = [];
    const second = box.open({ ...LANES, environment });
    await second.publish({ kits: ["all"], to, onEvent: (event) => events.push(event) });
    expect(events.find(({ kind }) => kind === "file-started")).toMatchObject({ resumedBytes: 32 * MB });
    const again = proxy.requests.slice(before).reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    expect(again).toBeLessThan(32.1 * MB);
    await using desk = openDesk(emulator.access());
    expect(await desk.store.head("resume/loras/resume.safetensors")).toMatchObject({ size: 64 * MB });
  });

  it("makes no object of a file that somebody writes to meanwhile", async () => {
    await using box = await makePublisher(emulator);
    const { content } = await weights("changed", 40 * MB);
    const file = join(box.folder, "changed.safetensors");
    await writeFile(file, await bytesOf(content));
    let hasWritten = false;
    const published = box.open({ lanes: 1, maxRate: 30 * MB }).publish({
      models: ["changed.safetensors"],
      to: prefixFor("changed"),
      manifest: null,
      onEvent: (event) => {
        if (event.kind !== "progress" || hasWritten) return;
        hasWritten = true;
        // Over its bytes, so that whoever still reads the file does not find its end early.
        writeFileSync(file, Buffer.alloc(40 * MB, 1), { flag: "r+" });
      },
    });
    await expect(published).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringContaining("was changed"),
    });
    await using desk = openDesk(emulator.access());
    expect(await listed(desk.store, "changed/")).toEqual([]);
  });

  it("says that a signed manifest has to be signed again", async () => {
    const { box } = await stocked({ signed: MB });
    await using _box = box;
    await writeFile(join(box.folder, "manifests/box.json.minisig"), "a signature");
    const events: Event[] = [];
    const onEvent = (event: Event): void => void events.push(event);
    await box.open(LANES).publish({ kits: ["all"], to: prefixFor("signed"), onEvent });
    expect(events.filter(({ kind }) => kind === "warning")).toMatchObject([
      { code: "SIGNATURE_INVALID", fix: expect.stringContaining("models sign") },
    ]);
  });

  it.each([
    ["a wrong secret", { R2_SECRET_ACCESS_KEY: "NO" }, "SOURCE_UNAUTHORIZED"],
    ["an unknown key", { R2_ACCESS_KEY_ID: "NOBODY" }, "SOURCE_UNAUTHORIZED"],
    ["no keys", { R2_ACCESS_KEY_ID: "", R2_SECRET_ACCESS_KEY: "" }, "SOURCE_UNAUTHORIZED"],
  ])("says what is wrong with %s", async (_title, more, code) => {
    const { box } = await stocked({ refused: MB });
    await using _box = box;
    const environment = { ...box.environment, ...more };
    await expect(box.open({ environment }).publish({ kits: ["all"], to: prefixFor("no") })).rejects.toMatchObject({
      code,
    });
  });

  it("says that there is no such bucket", async () => {
    const { box } = await stocked({ refused: MB });
    await using _box = box;
    await expect(box.open().publish({ kits: ["all"], to: "r2://nowhere" })).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
    });
  });

  it("wants to know what, where to, and into which manifest", async () => {
    await using box = await makePublisher(emulator);
    await mkdir(box.root, { recursive: true });
    const models = box.open({ manifests: [] });
    await expect(models.publish({ to: prefixFor("x") })).rejects.toMatchObject({ code: "USAGE" });
    await expect(models.publish({ models: ["nothing-like-it"], to: prefixFor("x") })).rejects.toMatchObject({
      code: "MODEL_UNKNOWN",
    });
    const { content } = await weights("where", MB);
    await writeFile(join(box.folder, "where.safetensors"), await bytesOf(content));
    await expect(models.publish({ models: ["where.safetensors"] })).rejects.toMatchObject({ code: "USAGE" });
    expect(BUCKET).toBe("kits");
  });
});
