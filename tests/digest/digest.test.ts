import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { getEventListeners, once } from "node:events";
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createDigest, type Digest } from "../../src/digest/digest.ts";

const bytes = Buffer.from(Uint8Array.from({ length: 9_000_001 }, (_, index) => (index * 2_654_435_761) >>> 9));
const sha256Of = (part: Uint8Array): string => createHash("sha256").update(part).digest("hex");
let folder: string;
let digest: Digest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelferry-digest-"));
  digest = createDigest();
});
afterAll(async () => {
  await digest.close();
  await rm(folder, { recursive: true, force: true });
});

async function file(content: Uint8Array | string): Promise<string> {
  const path = join(folder, `${createHash("md5").update(content).digest("hex")}.bin`);
  await writeFile(path, content);
  return path;
}

describe("createDigest().sha256File()", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ])("knows %j", async (text, hex) => {
    expect(await digest.sha256File(await file(text))).toBe(hex);
  });

  it("digests a file longer than a block and a turn, and tells how far it is", async () => {
    const told: number[] = [];
    expect(await digest.sha256File(await file(bytes), { onProgress: (done) => told.push(done) })).toBe(sha256Of(bytes));
    expect(told.at(-1)).toBe(bytes.length);
    expect(told).toEqual([...told].sort((one, other) => one - other));
  });

  it("digests many at once, each its own", async () => {
    const parts = Array.from({ length: 24 }, (_, index) => bytes.subarray(index, index + 100_000 * (index % 5)));
    const paths = await Promise.all(parts.map(file));
    expect(await Promise.all(paths.map((path) => digest.sha256File(path)))).toEqual(parts.map(sha256Of));
  });

  it.each([
    ["a missing file", () => join(folder, "missing")],
    ["a folder", () => folder],
  ])("throws DISK_FAILED for %s, and goes on working", async (_, path) => {
    await expect(digest.sha256File(path())).rejects.toMatchObject({ code: "DISK_FAILED" });
    expect(await digest.sha256File(await file("abc"))).toMatch(/^ba7816bf/);
  });

  it("rejects with the signal's reason, and leaves no listener", async () => {
    const path = await file(bytes);
    const stop = new AbortController();
    const running = digest.sha256File(path, { signal: stop.signal });
    setImmediate(() => stop.abort(new Error("enough")));
    await expect(running).rejects.toThrow("enough");
    await expect(digest.sha256File(path, { signal: stop.signal })).rejects.toThrow("enough");
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  });
});

describe("createDigest().xxh64Range()", () => {
  it.each([
    ["", 0, 0, "ef46db3751d8e999"],
    ["a", 0, 1, "d24ec4f1a98c6e5b"],
    ["abc", 0, 3, "44bc2cf5ad770999"],
    ["xxabcxx", 2, 5, "44bc2cf5ad770999"],
  ])("knows %j from %i to %i", async (text, start, end, hex) => {
    expect(await digest.xxh64Range(await file(text), { start, end })).toBe(hex);
  });

  it("always has 16 digits, and differs with every byte", async () => {
    const path = await file(bytes);
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, index) => digest.xxh64Range(path, { start: index, end: index + 9 })),
    );
    expect(all.every((hex) => /^[0-9a-f]{16}$/.test(hex))).toBe(true);
    expect(new Set(all).size).toBe(200);
  });

  it("throws DISK_FAILED behind the end of the file", async () => {
    await expect(digest.xxh64Range(await file("abc"), { start: 0, end: 4 })).rejects.toMatchObject({
      code: "DISK_FAILED",
    });
  });
});

describe("createDigest().sha256Prefix()", () => {
  it("follows a file that grows", async () => {
    const path = join(folder, "grows.bin");
    await writeFile(path, "");
    const prefix = digest.sha256Prefix(path);
    const cuts = [0, 1, 1, 1_500_000, 8_999_999, bytes.length];
    for (const [index, end] of cuts.entries()) {
      await appendFile(path, bytes.subarray(cuts[index - 1] ?? 0, end));
      prefix.advance(end);
    }
    expect(await prefix.finish(bytes.length)).toBe(sha256Of(bytes));
    expect(prefix.position()).toBe(bytes.length);
  });

  it("reads nothing that was not announced: what lies behind may change", async () => {
    const path = join(folder, "changes.bin");
    await writeFile(path, bytes.subarray(0, 3_000_000));
    const prefix = digest.sha256Prefix(path);
    prefix.advance(1_000_000);
    prefix.advance(500_000);
    while (prefix.position() < 1_000_000) await new Promise((resolve) => setImmediate(resolve));
    await truncate(path, 1_000_000);
    await appendFile(path, bytes.subarray(1_000_000, 2_000_000));
    prefix.advance(2_000_000);
    expect(await prefix.finish(2_000_000)).toBe(sha256Of(bytes.subarray(0, 2_000_000)));
  });

  it("ends with INTERRUPTED when it is cancelled, and cancels twice without harm", async () => {
    const prefix = digest.sha256Prefix(await file(bytes));
    const finished = prefix.finish(bytes.length);
    prefix.cancel();
    prefix.cancel();
    await expect(finished).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("ends with DISK_FAILED when the file is shorter than announced", async () => {
    const prefix = digest.sha256Prefix(await file("abc"));
    prefix.advance(10);
    await expect(prefix.finish(10)).rejects.toMatchObject({ code: "DISK_FAILED" });
  });
});

describe("createDigest().close()", () => {
  it("ends what is under way with INTERRUPTED, and takes nothing more", async () => {
    const own = createDigest();
    const prefix = own.sha256Prefix(await file(bytes));
    const finished = prefix.finish(bytes.length);
    const ended = expect(finished).rejects.toMatchObject({ code: "INTERRUPTED" });
    await own.close();
    await ended;
    await expect(own.sha256File(await file("abc"))).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("a process that used digests", () => {
  const children: ReturnType<typeof spawn>[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill();
  });

  it.each([
    ["after a digest", "await digest.sha256File(path)"],
    ["with a digest that was cancelled", "digest.sha256Prefix(path).cancel()"],
    ["after a failure", "await digest.sha256File(path + 'x').catch(() => {})"],
  ])("exits by itself %s, although nobody closed them", async (_, work) => {
    const module = new URL("../../dist/digest/digest.js", import.meta.url).href;
    const path = await file("abc");
    const script = `const { createDigest } = await import(${JSON.stringify(module)}); const digest = createDigest(); const path = ${JSON.stringify(path)}; ${work}; console.log("done")`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    children.push(child);
    let out = "";
    child.stdout.on("data", (part) => {
      out += part;
    });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(out).toBe("done\n");
  });
});
