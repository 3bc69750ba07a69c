/** sync, end to end: real origins, a real tree, nothing replaced. */
import { lstat, mkdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isModelsError } from "../../src/base/errors.ts";
import type { Event, EventBody } from "../../src/base/events.ts";
import {
  after,
  always,
  isRanged,
  resetAfter,
  stallHead,
  startHub,
  startRangeServer,
  status,
} from "../origins/index.ts";
import { bytesOf, makeBox, weights } from "./box.ts";
import { runChild } from "./child.ts";

const MB = 1_000_000;

type Of<K extends EventBody["kind"]> = Extract<Event, { kind: K }>;
const ofKind = <K extends EventBody["kind"]>(events: readonly Event[], kind: K): readonly Of<K>[] =>
  events.filter((event): event is Of<K> => event.kind === kind);

const flipped = (bytes: Uint8Array): Buffer => {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
};

describe("sync()", () => {
  it("fetches from two mirrors at once, and a second sync sends no request and fetches nothing", async () => {
    const { content, figures } = await weights("two mirrors", 24 * MB);
    const shape = { bytesPerSecond: 40 * MB };
    await using one = await startRangeServer({ "/a.safetensors": content }, { shape });
    await using two = await startRangeServer({ "/a.safetensors": content }, { host: "127.0.0.2", shape });
    await using box = await makeBox();
    const sources = [`${one.url}/a.safetensors`, `${two.url}/a.safetensors`];
    await box.catalogue([{ name: "box-a", ...figures, sources }]);

    const first = await box.sync();
    expect(first.error).toBeNull();
    expect(first.summary).toMatchObject({ ok: true, models: 1, fetchedBytes: figures.size, reusedBytes: 0 });
    expect(first.summary.mirrors.map(({ bytes }) => bytes > 0)).toEqual([true, true]);
    expect(ofKind(first.events, "progress").every(({ bytesPerSecond }) => Number.isInteger(bytesPerSecond))).toBe(true);
    expect(first.summary.mirrors.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(figures.size);
    expect((await box.read("loras/box-a.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);

    const asked = one.requests.length + two.requests.length;
    const second = await box.sync();
    expect(second.summary).toMatchObject({ ok: true, fetchedBytes: 0, mirrors: [] });
    expect(one.requests.length + two.requests.length).toBe(asked);
  });

  it("says in its summary what a mirror did wrong last, without the secret of its address", async () => {
    const { content, figures } = await weights("last error", 24 * MB);
    const shape = { bytesPerSecond: 30 * MB };
    await using good = await startRangeServer({ "/a.safetensors": content }, { shape });
    await using bad = await startRangeServer({ "/a.safetensors": content }, { host: "127.0.0.2", shape });
    bad.faults.add(after(isRanged, 1), resetAfter(200_000));
    await using box = await makeBox();
    const sources = [`${good.url}/a.safetensors`, `${bad.url}/a.safetensors?token=averysecret`];
    await box.catalogue([{ name: "box-a", ...figures, sources }]);
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    const shareOf = (url: string): unknown => summary.mirrors.find(({ label }) => label === new URL(url).host);
    expect(shareOf(good.url)).not.toHaveProperty("lastError");
    expect(shareOf(bad.url)).toMatchObject({ lastError: { code: "MIRROR_FAILED", message: expect.any(String) } });
    expect(JSON.stringify(summary)).not.toContain("averysecret");
  });

  it("is kept waiting by a silent mirror once, not by each file, and takes it in when it answers", async () => {
    const made = await Promise.all(Array.from({ length: 24 }, (_, index) => weights(`kit ${index}`, 300_000 + index)));
    const { content, figures } = await weights("kit, large", 60 * MB);
    const shelf = Object.fromEntries(made.map((one, index) => [`/${index}`, one.content]));
    await using quick = await startRangeServer({ ...shelf, "/large": content }, { shape: { bytesPerSecond: 12 * MB } });
    await using silent = await startRangeServer({}, { host: "127.0.0.2" });
    silent.faults.add(always, stallHead());
    await using slow = await startRangeServer(
      { "/large": content },
      { host: "127.0.0.3", shape: { latencyMs: 2_500 } },
    );
    await using box = await makeBox();
    const small = made.map((one, index) => ({
      name: `box-${index}`,
      ...one.figures,
      sources: [`${silent.url}/${index}`, `${quick.url}/${index}`],
    }));
    const sources = [`${quick.url}/large`, `${slow.url}/large`];
    await box.catalogue([...small, { name: "box-large", ...figures, sources }]);
    const { summary, events, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, fetchedBytes: figures.size + 7_200_276 });
    const found = ofKind(events, "mirror-found").filter(({ model }) => model === "box-large");
    expect(found.map(({ mirror }) => mirror)).toEqual([quick, slow].map(({ url }) => new URL(url).host));
    const shares = ofKind(events, "file-finished").find(({ model }) => model === "box-large")?.mirrors ?? [];
    expect(shares.filter(({ bytes }) => bytes > 0).length).toBe(2);
    const dropped = ofKind(events, "mirror-dropped").filter(({ mirror }) => mirror === new URL(silent.url).host);
    expect(dropped[0]).toMatchObject({
      code: "MIRROR_STALLED",
      message: expect.stringMatching(/has not answered for/),
    });
  }, 20_000);

  it("tells of a silent mirror also where small files came whole from another", async () => {
    const { content, figures } = await weights("small and silent", 100_000);
    await using quick = await startRangeServer({ "/a": content });
    await using silent = await startRangeServer({ "/a": content }, { host: "127.0.0.2" });
    silent.faults.add(always, stallHead());
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${silent.url}/a`, `${quick.url}/a`] }]);
    const { events, error } = await box.sync();
    expect(error).toBeNull();
    expect(ofKind(events, "mirror-dropped")).toMatchObject([
      {
        mirror: new URL(silent.url).host,
        code: "MIRROR_STALLED",
        message: expect.stringMatching(/has not answered for/),
      },
    ]);
  });

  it("brings small files with one request each, and finds out who lies about one", async () => {
    const kinds = await Promise.all([70, 150, 256].map((kB) => weights(`small ${kB}`, kB * 1000)));
    const files = Object.fromEntries(kinds.map(({ content }, index) => [`/${index}.safetensors`, content]));
    await using server = await startRangeServer(files);
    await using box = await makeBox();
    const models = kinds.map(({ figures }, index) => ({
      name: `box-${index}`,
      ...figures,
      sources: [`${server.url}/${index}.safetensors`],
    }));
    await box.catalogue(models);
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, fetchedBytes: 476_000, wastedBytes: 0 });
    expect(server.requests).toHaveLength(3);
    expect(
      (await box.read("loras/box-1.safetensors")).equals(Buffer.from(await bytesOf(kinds[1]?.content as never))),
    ).toBe(true);

    const { content, figures } = await weights("lied about", 100_000);
    await using liar = await startRangeServer({ "/l.safetensors": flipped(await bytesOf(content)) });
    await using honest = await startRangeServer({ "/l.safetensors": content }, { host: "127.0.0.2" });
    const sources = [`${liar.url}/l.safetensors`, `${honest.url}/l.safetensors`];
    await box.catalogue([{ name: "box-l", ...figures, sources }]);
    const second = await box.sync();
    expect(second.error).toBeNull();
    expect(ofKind(second.events, "mirror-dropped")).toMatchObject([
      { mirror: new URL(liar.url).host, code: "MIRROR_LIED" },
    ]);
    expect(second.summary).toMatchObject({ fetchedBytes: 200_000, wastedBytes: 100_000 });
    expect((await box.read("loras/box-l.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);

    await using alone = await makeBox();
    await alone.catalogue([{ name: "box-l", ...figures, sources: sources.slice(0, 1) }]);
    expect((await alone.sync()).error).toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  it("plans without asking anybody, and a dry run leaves the box alone", async () => {
    const { content, figures } = await weights("dry", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    const { events, error } = await box.sync({ isDryRun: true });
    expect(error).toBeNull();
    expect(events.map(({ kind }) => kind)).toEqual(["plan", "summary"]);
    expect(ofKind(events, "plan")[0]).toMatchObject({
      fetchBytes: figures.size,
      lines: [{ action: "fetch", size: figures.size }],
    });
    expect(server.requests).toHaveLength(0);
    await expect(stat(box.root)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("takes size and digest from the Hub where the manifest has none, and pins the commit in the lockfile", async () => {
    const { content, figures } = await weights("hub figures", 3 * MB);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "a.safetensors": content } }] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    await box.catalogue([{ name: "box-a", sources: ["hf://org/repo@main/a.safetensors"] }]);
    const { summary, events, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, fetchedBytes: figures.size });
    expect(ofKind(events, "plan")[0]).toMatchObject({ fetchBytes: figures.size });
    const lock = await readFile(box.lockfile, "utf8");
    const commit = hub.repo("org/repo").commit;
    expect(lock).toContain(`hf://org/repo@${commit}/a.safetensors`);
    expect(lock).toContain(figures.sha256);
    expect(lock).toContain(`size: ${figures.size}`);

    const asked = hub.origin.requests.length;
    expect((await box.sync()).summary).toMatchObject({ ok: true, fetchedBytes: 0 });
    expect(hub.origin.requests.length).toBe(asked);
  });

  it("ends a contradiction with both figures before the first byte, and goes on with the other models", async () => {
    const { content, figures } = await weights("contradicted", 3 * MB);
    await using hub = await startHub({
      repos: [{ name: "org/repo", files: { "a.safetensors": content, "b.safetensors": content } }],
    });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    const wrong = "ab".repeat(32);
    await box.catalogue([
      {
        name: "box-a",
        size: figures.size,
        sha256: wrong,
        digestFrom: "single list",
        sources: ["hf://org/repo@main/a.safetensors"],
      },
      { name: "box-b", ...figures, sources: ["hf://org/repo@main/b.safetensors"] },
    ]);
    const { summary, error } = await box.sync();
    expect(error).toMatchObject({ code: "DIGEST_CONTRADICTION" });
    expect(String(error)).toContain(wrong);
    expect(String(error)).toContain(figures.sha256);
    expect(summary).toMatchObject({ ok: false, models: 2, fetchedBytes: figures.size });
    expect((await box.read("loras/box-b.safetensors")).length).toBe(figures.size);
  });

  it("does without a mirror that lacks the file, and says why when none is left", async () => {
    const { content, figures } = await weights("missing mirror", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const gone = `${server.url}/gone.safetensors`;
    await box.catalogue([{ name: "box-a", ...figures, sources: [gone, `${server.url}/a.safetensors`] }]);
    const first = await box.sync();
    expect(first.error).toBeNull();
    expect(ofKind(first.events, "mirror-dropped")).toMatchObject([{ code: "SOURCE_NOT_FOUND" }]);

    await box.catalogue([{ name: "box-c", ...figures, sources: [gone], sha256: "cd".repeat(32) }]);
    const second = await box.sync();
    expect(second.error).toMatchObject({ code: "NO_MIRROR" });
    expect(ofKind(second.events, "file-failed")).toMatchObject([{ model: "box-c", code: "NO_MIRROR" }]);
  });

  it("fetches nothing for a place that a folder or a link out of the tree takes", async () => {
    const { content, figures } = await weights("obstacle", 2 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const sources = [`${server.url}/a.safetensors`];
    await box.catalogue([
      { name: "box-a", ...figures, sources },
      { name: "box-b", ...figures, path: "vae/b.safetensors", sources },
    ]);
    await mkdir(join(box.root, "loras/box-a.safetensors"), { recursive: true });
    await mkdir(join(box.folder, "elsewhere"));
    await symlink(join(box.folder, "elsewhere"), join(box.root, "vae"));
    const { summary, events } = await box.sync();
    expect(
      ofKind(events, "file-failed")
        .map(({ model, code }) => `${model} ${code}`)
        .sort(),
    ).toEqual(["box-a TREE_CONFLICT", "box-b PATH_UNSAFE"]);
    expect(summary.fetchedBytes).toBe(0);
    expect(ofKind(events, "file-started")).toEqual([]);
  });

  it("says once that the root is a file", async () => {
    await using box = await makeBox();
    await writeFile(box.root, "not a folder");
    const { figures } = await weights("root is a file", MB);
    await box.catalogue([{ name: "box-a", ...figures, sources: ["http://127.0.0.1:1/a.safetensors"] }]);
    const { error, events } = await box.sync({ isDryRun: true });
    expect(error).toMatchObject({
      code: "TREE_CONFLICT",
      message: `Cannot use "${box.root}" for models: it is a file, expected a folder`,
    });
    expect(events.map(({ kind }) => kind)).toEqual(["summary"]);
  });

  it("refuses a digest that nobody declares, unless the first use is trusted", async () => {
    const { content, figures } = await weights("nobody declares", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", sources: [`${server.url}/a.safetensors`] }]);
    expect((await box.sync()).error).toMatchObject({ code: "DIGEST_UNKNOWN" });
    const trusted = await box.sync({ trustFirstUse: true });
    expect(trusted.error).toBeNull();
    expect(await readFile(box.lockfile, "utf8")).toContain(figures.sha256);
    expect((await box.sync()).summary).toMatchObject({ ok: true, fetchedBytes: 0 });
  });

  it("resumes what an interrupt left, and fetches less than 5 % twice", async () => {
    const { content, figures } = await weights("resumed", 30 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content }, { shape: { bytesPerSecond: 12 * MB } });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    const stop = new AbortController();
    const first = await box.sync({
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === "progress" && (event.files[0]?.doneBytes ?? 0) > 12 * MB) stop.abort();
      },
    });
    expect(first.error).toMatchObject({ code: "INTERRUPTED" });
    expect(first.summary.ok).toBe(false);
    expect(ofKind(first.events, "file-failed")).toEqual([]);
    server.setShape({});
    const second = await box.sync();
    expect(second.error).toBeNull();
    expect(ofKind(second.events, "plan")[0]?.lines[0]?.action).toBe("resume");
    expect(second.summary.fetchedBytes).toBeLessThan(figures.size - 10 * MB);
    expect(first.summary.fetchedBytes + second.summary.fetchedBytes).toBeLessThan(figures.size * 1.05);
    expect((await box.read("loras/box-a.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);
  });

  it("refuses before the first byte when the disk has too little room, with needed and free", async () => {
    await using server = await startRangeServer();
    await using box = await makeBox();
    await box.catalogue([
      { name: "box-a", size: 900_000 * MB * 1000, sha256: "ab".repeat(32), sources: [`${server.url}/a.safetensors`] },
    ]);
    const { error, summary } = await box.sync();
    expect(error).toMatchObject({ code: "DISK_FULL", fix: expect.stringContaining("free ") });
    expect(String(error)).toMatch(/ 900 TB are needed, .+ are free$/);
    expect(summary.ok).toBe(false);
    expect(server.requests).toHaveLength(0);
  });

  it("offline, lists what is missing and asks nobody", async () => {
    const { content, figures } = await weights("offline", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const source = `${server.url}/a.safetensors`;
    await box.catalogue([
      { name: "box-a", ...figures, sources: [source] },
      { name: "box-b", size: 5, sha256: "ab".repeat(32), sources: [source] },
      { name: "box-c", sources: [source] },
    ]);
    await box.write("loras/box-a.safetensors", await bytesOf(content));
    const { error, summary } = await box.sync({ isOffline: true });
    expect(isModelsError(error, "OFFLINE") && error.problems.map(({ at }) => at)).toEqual(["box-b", "box-c"]);
    expect(summary).toMatchObject({ ok: false, reusedBytes: figures.size, fetchedBytes: 0 });
    expect(server.requests).toHaveLength(0);
  });

  it("frozen, fetches only what the lockfile pins", async () => {
    const { content, figures } = await weights("frozen", MB);
    await using hub = await startHub({ repos: [{ name: "org/repo", files: { "a.safetensors": content } }] });
    await using box = await makeBox({ HF_ENDPOINT: hub.endpoint });
    const entry = { name: "box-a", sources: ["hf://org/repo@main/a.safetensors"] };
    await box.catalogue([entry]);
    expect((await box.sync({ isFrozen: true })).error).toMatchObject({ code: "LOCKFILE_DRIFT" });

    const models = box.open();
    const locked = await models.lock({ kits: ["all"] });
    const commit = hub.repo("org/repo").commit;
    expect(locked).toMatchObject({
      changed: ["box-a"],
      models: [{ ...figures, sources: [`hf://org/repo@${commit}/a.safetensors`] }],
    });
    expect((await models.lock({ kits: ["all"] })).changed).toEqual([]);
    const frozen = await box.sync({ isFrozen: true });
    expect(frozen.error).toBeNull();
    expect(hub.origin.requests.at(-1)?.url).toContain(commit);

    await box.catalogue([{ ...entry, sha256: "ab".repeat(32) }]);
    expect((await box.sync({ isFrozen: true })).error).toMatchObject({
      code: "LOCKFILE_DRIFT",
      problems: [{ message: expect.stringContaining(figures.sha256) }],
    });
  });

  it("proves a file that is in its place already, and replaces one that holds other bytes", async () => {
    const { content, figures } = await weights("in place", 2 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const sources = [`${server.url}/a.safetensors`];
    await box.catalogue([{ name: "box-a", ...figures, sources }]);
    const bytes = Buffer.from(await bytesOf(content));
    await box.write("loras/box-a.safetensors", bytes);
    const adopted = await box.sync();
    expect(adopted.error).toBeNull();
    expect(adopted.summary).toMatchObject({ fetchedBytes: 0, reusedBytes: figures.size });
    expect(server.requests).toHaveLength(0);

    await box.write("loras/box-a.safetensors", flipped(bytes));
    const mended = await box.sync();
    expect(mended.error).toBeNull();
    expect(mended.summary).toMatchObject({ fetchedBytes: figures.size, reusedBytes: 0 });
    expect((await box.read("loras/box-a.safetensors")).equals(bytes)).toBe(true);
  });

  it.each([
    ["another size", (bytes: Buffer) => bytes.subarray(1), "wrong-size", "fetch", "wrong-size"],
    ["other bytes, which nobody has read yet", flipped, "unverified", "reuse", "corrupt"],
  ] as const)(
    "says that it replaces a file of %s: in the plan, a dry run, an event and the summary",
    async (...row) => {
      const [, changed, status, action, seen] = row;
      const { content, figures } = await weights("somebody's own", 2 * MB);
      await using server = await startRangeServer({ "/a.safetensors": content });
      await using box = await makeBox();
      await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
      const own = changed(Buffer.from(await bytesOf(content)));
      await box.write("loras/box-a.safetensors", own);
      const replaces = { size: own.length, status };
      const dry = await box.sync({ isDryRun: true });
      expect(ofKind(dry.events, "plan")[0]?.lines).toMatchObject([{ action, replaces }]);
      expect((await box.read("loras/box-a.safetensors")).equals(own)).toBe(true);
      expect(dry.summary).not.toHaveProperty("replacedFiles");

      const { events, summary, error } = await box.sync();
      expect(error).toBeNull();
      expect(ofKind(events, "plan")[0]?.lines).toMatchObject([{ action, replaces }]);
      const told = { model: "box-a", path: "loras/box-a.safetensors", size: own.length, status: seen };
      expect(ofKind(events, "replaced")).toMatchObject([told]);
      expect(summary).toMatchObject({ ok: true, replacedFiles: 1, fetchedBytes: figures.size });
      const again = await box.sync();
      expect(again.summary).not.toHaveProperty("replacedFiles");
      expect(ofKind(again.events, "plan")[0]?.lines[0]).not.toHaveProperty("replaces");
    },
  );

  it("plans to fetch what was read before and found to hold other bytes", async () => {
    const { content, figures } = await weights("read before", 2 * MB);
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: ["https://models.invalid/a.safetensors"] }]);
    const own = flipped(Buffer.from(await bytesOf(content)));
    await box.write("loras/box-a.safetensors", own);
    expect((await box.sync({ isOffline: true })).error).toMatchObject({ code: "OFFLINE" });
    const { events } = await box.sync({ isDryRun: true });
    expect(ofKind(events, "plan")[0]?.lines).toMatchObject([
      { action: "fetch", fetchBytes: figures.size, replaces: { size: own.length, status: "corrupt" } },
    ]);
    expect((await box.read("loras/box-a.safetensors")).equals(own)).toBe(true);
  });

  it("says nothing of a file in its place that is the right one, and of a whole small file that is not", async () => {
    const { content, figures } = await weights("small", 50_000);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    await box.write("loras/box-a.safetensors", Buffer.from(await bytesOf(content)));
    const right = await box.sync();
    expect(ofKind(right.events, "replaced")).toEqual([]);
    expect(right.summary).not.toHaveProperty("replacedFiles");
    await box.write("loras/box-a.safetensors", Buffer.from("mine"));
    const wrong = await box.sync();
    expect(ofKind(wrong.events, "replaced")).toMatchObject([{ size: 4, status: "wrong-size" }]);
  });

  it("takes what the Hub's own cache has, and what lies in folders under adopt", async () => {
    const hub = await weights("in the hub's cache", 2 * MB);
    const old = await weights("in an old folder", MB);
    await using server = await startRangeServer();
    await using box = await makeBox();
    const sources = [`${server.url}/nothing.safetensors`];
    await box.catalogue([
      { name: "box-a", ...hub.figures, sources },
      { name: "box-b", ...old.figures, sources },
    ]);
    const blobs = join(box.folder, "home", ".cache", "huggingface", "hub", "models--org--repo", "blobs");
    await mkdir(blobs, { recursive: true });
    await hub.content.writeTo(join(blobs, hub.figures.sha256));
    await old.content.writeTo(join(box.folder, "old", "renamed.bin"));
    const { summary, events, error } = await box.sync({ adopt: [join(box.folder, "old")] });
    expect(error).toBeNull();
    expect(summary).toMatchObject({ fetchedBytes: 0, reusedBytes: hub.figures.size + old.figures.size });
    expect(ofKind(events, "plan")[0]?.lines.map(({ action }) => action)).toEqual(["reuse", "reuse"]);
    expect(server.requests).toHaveLength(0);
    expect((await box.sync()).summary).toMatchObject({ ok: true, fetchedBytes: 0, reusedBytes: 0 });
  });

  it("fetches one artifact for two models, and links aliases", async () => {
    const { content, figures } = await weights("twins", 2 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const sources = [`${server.url}/a.safetensors`];
    await box.catalogue([
      { name: "box-a", ...figures, path: "vae/box-a.safetensors", aliases: ["vae_approx/box-a.safetensors"], sources },
      { name: "box-b", ...figures, path: "vae/box-b.safetensors", sources },
    ]);
    const { summary, events, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ fetchedBytes: figures.size, reusedBytes: figures.size });
    expect(ofKind(events, "file-finished").map(({ model, how }) => [model, how])).toEqual([
      ["box-a", "fetched"],
      ["box-b", "linked"],
    ]);
    const inodes = await Promise.all(
      ["vae/box-a.safetensors", "vae/box-b.safetensors"].map((path) => stat(join(box.root, path))),
    );
    expect(inodes[0]?.ino).toBe(inodes[1]?.ino);
    const alias = join(box.root, "vae_approx/box-a.safetensors");
    expect((await lstat(alias)).isSymbolicLink()).toBe(true);
    expect(await readlink(alias)).toBe("../vae/box-a.safetensors");
  });

  it("shares one artifact with many models, one after the other", async () => {
    const { content, figures } = await weights("many twins", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const names = Array.from({ length: 20 }, (_, index) => `box-${index}`);
    await box.catalogue(names.map((name) => ({ name, ...figures, sources: [`${server.url}/a.safetensors`] })));
    const { summary, events, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary).toMatchObject({ fetchedBytes: figures.size, reusedBytes: 19 * figures.size });
    expect(ofKind(events, "waiting")).toEqual([]);
    const inodes = await Promise.all(names.map((name) => stat(join(box.root, `loras/${name}.safetensors`))));
    expect(new Set(inodes.map(({ ino }) => ino)).size).toBe(1);
  });

  it("still fetches a model whose twin cannot be had", async () => {
    const { content, figures } = await weights("twin alone", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    await box.catalogue([
      { name: "box-a", sha256: figures.sha256, sources: [`${server.url}/gone.safetensors`] },
      { name: "box-b", ...figures, sources: [`${server.url}/a.safetensors`] },
    ]);
    const { error, summary } = await box.sync();
    expect(error).toMatchObject({ code: "NO_MIRROR" });
    expect(summary.fetchedBytes).toBe(figures.size);
    expect((await box.read("loras/box-b.safetensors")).length).toBe(figures.size);
  });

  it("proves a file of unknown size by its digest alone, without network", async () => {
    const { content, figures } = await weights("unknown size", MB);
    await using box = await makeBox();
    const nowhere = { sources: ["https://origin.example/a.safetensors"] };
    await box.catalogue([{ name: "box-a", sha256: figures.sha256, ...nowhere }]);
    await box.write("loras/box-a.safetensors", await bytesOf(content));
    const { error, summary } = await box.sync({ isOffline: true });
    expect(error).toBeNull();
    expect(summary).toMatchObject({ ok: true, reusedBytes: figures.size });
  });

  it("orders models largest first, and one that fails does not stop the others", async () => {
    const made = await Promise.all([1, 2, 3].map((size) => weights(`of ${size}`, size * MB)));
    await using server = await startRangeServer(
      Object.fromEntries(made.map(({ content }, index) => [`/${index + 1}.safetensors`, content])),
    );
    await using box = await makeBox();
    await box.catalogue([
      ...made.map(({ figures }, index) => ({
        name: `box-${index + 1}`,
        ...figures,
        sources: [`${server.url}/${index + 1}.safetensors`],
      })),
      { name: "box-gone", size: 9 * MB, sha256: "ab".repeat(32), sources: [`${server.url}/gone.safetensors`] },
    ]);
    const { events, error, summary } = await box.sync({ files: 1 });
    expect(error).toMatchObject({ code: "NO_MIRROR" });
    expect(ofKind(events, "file-started").map(({ model }) => model)).toEqual(["box-3", "box-2", "box-1"]);
    expect(summary).toMatchObject({ ok: false, models: 4, fetchedBytes: 6 * MB });
  });

  it("lists every failure, and the gravest gives the code", async () => {
    const { content, figures } = await weights("wrong bytes", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    server.faults.add((asked) => asked.path === "/busy.safetensors", status(403));
    await using box = await makeBox();
    await box.catalogue([
      { name: "box-a", size: figures.size, sha256: "ab".repeat(32), sources: [`${server.url}/a.safetensors`] },
      { name: "box-b", ...figures, sources: [`${server.url}/busy.safetensors`], sha256: "cd".repeat(32) },
    ]);
    const { error } = await box.sync();
    expect(error).toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(isModelsError(error) && error.problems.map(({ at }) => at)).toEqual(
      expect.arrayContaining(["box-a", "box-b"]),
    );
    await expect(stat(join(box.root, "loras/box-a.safetensors"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("goes on without a piece table that cannot be had, and says so", async () => {
    const { content, figures } = await weights("pieces", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    const pieces = `${server.url}/a.pieces.json`;
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`], pieces }]);
    const { events, error } = await box.sync();
    expect(error).toBeNull();
    expect(ofKind(events, "warning")).toMatchObject([{ message: 'The piece table of "box-a" cannot be read' }]);
  });

  it("does not fail for a lockfile that cannot be written", async () => {
    const { content, figures } = await weights("no lockfile", MB);
    await using server = await startRangeServer({ "/a.safetensors": content });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    const { events, error } = await box.sync({ lockfile: "/proc/modelferry/models.lock.yaml" });
    expect(error).toBeNull();
    expect(ofKind(events, "warning")).toMatchObject([{ message: expect.stringContaining("models.lock.yaml") }]);
  });
});

describe("a sync that is killed", () => {
  it("resumes with less than 5 % fetched twice, from both mirrors", async () => {
    const shape = { bytesPerSecond: 5 * MB };
    const made = await Promise.all([12, 30, 78].map((size) => weights(`killed ${size}`, size * MB)));
    const shelf = Object.fromEntries(made.map(({ content }, index) => [`/${index}.safetensors`, content]));
    await using one = await startRangeServer(shelf, { shape });
    await using two = await startRangeServer(shelf, { host: "127.0.0.2", shape: { bytesPerSecond: 3 * MB } });
    await using box = await makeBox();
    await box.catalogue(
      made.map(({ figures }, index) => ({
        name: `box-${index}`,
        ...figures,
        sources: [one, two].map(({ url }) => `${url}/${index}.safetensors`),
      })),
    );
    const whole = 120 * MB;
    const child = runChild(
      "await createModels(BOX).sync({ kits: ['all'], onEvent: (event) => console.log(JSON.stringify(event)) });",
      { ...box.settings },
      { env: box.environment },
    );
    child.onLine((line) => {
      const event = JSON.parse(line) as Event;
      if (event.kind !== "progress") return;
      if (event.files.reduce((sum, { doneBytes }) => sum + doneBytes, 0) > 24 * MB) child.process.kill("SIGKILL");
    });
    expect((await child.ended).code).toBeNull();
    one.setShape({});
    two.setShape({});
    const { summary, error } = await box.sync();
    expect(error).toBeNull();
    expect(summary.mirrors).toHaveLength(2);
    expect(summary.fetchedBytes).toBeGreaterThan(0);
    expect(one.bytesSent() + two.bytesSent()).toBeLessThan(whole * 1.05);
    for (const [index, { content }] of made.entries()) {
      const placed = await box.read(`loras/box-${index}.safetensors`);
      expect(placed.equals(Buffer.from(await bytesOf(content)))).toBe(true);
    }
    expect((await box.sync()).summary).toMatchObject({ ok: true, fetchedBytes: 0 });
  });
});

describe("two syncs at once", () => {
  it("fetch each file once: the second waits, says so, and finds it present", async () => {
    const { content, figures } = await weights("two syncs", 16 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content }, { shape: { bytesPerSecond: 16 * MB } });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    const [first, second] = await Promise.all([box.sync(), box.sync()]);
    expect([first.error, second.error]).toEqual([null, null]);
    expect(first.summary.fetchedBytes + second.summary.fetchedBytes).toBe(figures.size);
    const waits = [...ofKind(first.events, "waiting"), ...ofKind(second.events, "waiting")];
    expect(waits[0]).toMatchObject({ model: "box-a", on: "lock" });
    const how = [...ofKind(first.events, "file-finished"), ...ofKind(second.events, "file-finished")].map(
      (event) => event.how,
    );
    expect(how.sort()).toEqual(["fetched", "present"]);
  });

  it("share the work: what one is fetching does not keep the other from the rest", async () => {
    const made = await Promise.all([12, 3, 2].map((size) => weights(`shared ${size}`, size * MB)));
    const shelf = Object.fromEntries(made.map(({ content }, index) => [`/${index}.safetensors`, content]));
    await using server = await startRangeServer(shelf, { shape: { bytesPerSecond: 12 * MB } });
    await using box = await makeBox();
    await box.catalogue(
      made.map(({ figures }, index) => ({
        name: `box-${index}`,
        ...figures,
        sources: [`${server.url}/${index}.safetensors`],
      })),
    );
    const others: ReturnType<typeof box.sync>[] = [];
    const first = await box.sync({
      files: 1,
      onEvent: (event) => {
        if (event.kind === "file-started" && event.model === "box-0") others.push(box.sync({ files: 1 }));
      },
    });
    const second = await others[0];
    expect([first.error, second?.error]).toEqual([null, null]);
    const fetched = ofKind(second?.events ?? [], "file-finished").filter(({ how }) => how === "fetched");
    expect(fetched.map(({ model }) => model)).toContain("box-1");
    expect(first.summary.fetchedBytes + (second?.summary.fetchedBytes ?? 0)).toBe(17 * MB);
  });

  it("also as two processes, and when the first is killed the second takes over", async () => {
    const { content, figures } = await weights("two processes", 16 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content }, { shape: { bytesPerSecond: 12 * MB } });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    const first = runChild(
      "await createModels(BOX).sync({ kits: ['all'], onEvent: (event) => console.log(event.kind) });",
      box.settings,
      { env: box.environment },
    );
    const started = new Promise<void>((resolve) => first.onLine((line) => line === "progress" && resolve()));
    await started;
    const second = await box.sync({
      onEvent: (event) => {
        if (event.kind === "waiting") first.process.kill("SIGKILL");
      },
    });
    expect(second.error).toBeNull();
    expect(ofKind(second.events, "waiting")[0]).toMatchObject({ model: "box-a", on: "lock" });
    expect((await box.read("loras/box-a.safetensors")).equals(Buffer.from(await bytesOf(content)))).toBe(true);
  });

  it("the second fails with LOCKED when it is not to wait", async () => {
    const { content, figures } = await weights("no wait", 16 * MB);
    await using server = await startRangeServer({ "/a.safetensors": content }, { shape: { bytesPerSecond: 16 * MB } });
    await using box = await makeBox();
    await box.catalogue([{ name: "box-a", ...figures, sources: [`${server.url}/a.safetensors`] }]);
    const others: ReturnType<typeof box.sync>[] = [];
    const first = await box.sync({
      onEvent: (event) => {
        if (event.kind === "file-started") others.push(box.sync({ wait: false }));
      },
    });
    expect(first.error).toBeNull();
    const refused = await others[0];
    expect(refused?.error).toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining('Cannot lock "loras/box-a.safetensors": process'),
    });
    // The mirrors that it had begun to ask have done nothing wrong.
    expect(ofKind(refused?.events ?? [], "mirror-dropped")).toEqual([]);
  });
});
