/** A bucket as a store, against R2's own emulator. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../origins/emulator.ts";
import { FACTS, listed, md5Of, object, openDesk } from "./s3-harness.ts";

const MIB = 1024 * 1024;
const bytes = Buffer.from("the weights of a very small model");
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
}, 60_000);
afterAll(() => emulator[Symbol.asyncDispose]());

describe("createObjectStore()", () => {
  it("puts an object with its metadata and cache rule, and gives it back by its head", async () => {
    await using desk = openDesk(emulator.access());
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const cacheControl = "public, max-age=31536000, immutable";
    const facts = { ...FACTS, metadata: { sha256 }, cacheControl };
    const etag = await desk.store.put({ ...object("put/a", bytes), ...facts }, { kind: "absent" });
    expect(etag).toBe(md5Of(bytes));
    expect(await desk.store.head("put/a")).toMatchObject({ key: "put/a", size: bytes.length, etag, sha256 });
    const open = await fetch(`${emulator.publicUrl}/put/a`);
    expect(open.headers.get("cache-control")).toBe(cacheControl);
    expect(await desk.store.head("put/none")).toBeNull();
  });

  it("refuses to write over what is there, and over what is not what was seen", async () => {
    await using desk = openDesk(emulator.access());
    const other = Buffer.from("other bytes");
    await desk.store.put(object("race/a", bytes), { kind: "absent" });
    await expect(desk.store.put(object("race/a", other), { kind: "absent" })).rejects.toMatchObject({
      code: "BUCKET_CONFLICT",
    });
    const seen = { kind: "matches", etag: md5Of(other) } as const;
    await expect(desk.store.put(object("race/a", other), seen)).rejects.toMatchObject({ code: "BUCKET_CONFLICT" });
    expect(await desk.store.put(object("race/a", other), { kind: "matches", etag: md5Of(bytes) })).toBe(md5Of(other));
  });

  it("lets exactly one of eight publishers win a key", async () => {
    await using desk = openDesk(emulator.access());
    const tries = Array.from({ length: 8 }, (_, index) =>
      desk.store.put(object("race/eight", Buffer.from(`publisher ${index}`)), { kind: "absent" }).then(
        () => "won",
        ({ code }: { readonly code: string }) => code,
      ),
    );
    const results = await Promise.all(tries);
    expect(results.filter((one) => one === "won")).toHaveLength(1);
    expect(results.filter((one) => one === "BUCKET_CONFLICT")).toHaveLength(7);
  });

  it("holds a body against its md5", async () => {
    await using desk = openDesk(emulator.access());
    const wrong = { ...object("damaged", bytes), md5: md5Of(Buffer.from("what was meant")) };
    await expect(desk.store.put(wrong, { kind: "any" })).rejects.toMatchObject({
      code: "MIRROR_FAILED",
      message: expect.stringContaining("400 BadDigest"),
    });
    expect(desk.waits).toHaveLength(2);
    expect(await desk.store.head("damaged")).toBeNull();
  });

  it.each([
    "a b.bin",
    "é/ü.bin",
    "plus+and&.bin",
    "what?.bin",
    "sharp#.bin",
    "percent%20.bin",
    "quote'(1)*!.bin",
    "日本.bin",
  ])("writes, finds, reads and removes the key %s", async (key) => {
    await using desk = openDesk(emulator.access());
    const odd = `odd/${key}`;
    const etag = await desk.store.put(object(odd, bytes), { kind: "any" });
    expect(await listed(desk.store, odd)).toEqual([odd]);
    expect(Buffer.from(await desk.store.read({ key: odd, etag }, { start: 4, end: 11 })).toString()).toBe("weights");
    await desk.store.remove(odd);
    expect(await desk.store.head(odd)).toBeNull();
  });

  it("reads ranges of the object that was looked at, and of no other", async () => {
    await using desk = openDesk(emulator.access());
    const etag = await desk.store.put(object("ranges", bytes), { kind: "any" });
    const all = { start: 0, end: bytes.length };
    expect(Buffer.from(await desk.store.read({ key: "ranges", etag }, all))).toEqual(bytes);
    await desk.store.put(object("ranges", Buffer.from("replaced by somebody else, longer")), { kind: "any" });
    await expect(desk.store.read({ key: "ranges", etag }, all)).rejects.toMatchObject({ code: "MIRROR_CHANGED" });
  });

  it("lists more than fits on one page", async () => {
    await using desk = openDesk(emulator.access());
    const keys = Array.from({ length: 1005 }, (_, index) => `many/${String(index).padStart(4, "0")}`);
    for (let at = 0; at < keys.length; at += 100) {
      await Promise.all(
        keys.slice(at, at + 100).map((key) => desk.store.put(object(key, Buffer.from(key)), { kind: "any" })),
      );
    }
    expect(await listed(desk.store, "many/")).toEqual(keys);
    expect(await listed(desk.store, "many/000")).toHaveLength(10);
  }, 60_000);

  it.each([
    ["a wrong secret", { secret: "NO" }, "kits", "SOURCE_UNAUTHORIZED", /403 SignatureDoesNotMatch/],
    ["an unknown key", { id: "NOBODY" }, "kits", "SOURCE_UNAUTHORIZED", /401 Unauthorized|403/],
    ["a missing bucket", {}, "other", "SOURCE_NOT_FOUND", /there is no bucket other/],
  ] as const)(
    "says what is wrong with %s, and keeps the keys to itself",
    async (_title, keys, bucket, code, message) => {
      await using desk = openDesk(emulator.access(keys), bucket);
      const error = await desk.store.put(object("x", bytes), { kind: "any" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message), fix: expect.stringMatching(/./) });
      const { message: told, fix } = error as { readonly message: string; readonly fix: string };
      expect(told + fix).not.toMatch(/\bSK\b|\bNO\b|NOBODY|Signature=/);
      expect(desk.waits).toEqual([]);
    },
  );

  it("needs keys, and for R2 the endpoint of an account", async () => {
    await using keyless = openDesk({ region: "auto" });
    await expect(keyless.store.head("x")).rejects.toMatchObject({ code: "SOURCE_UNAUTHORIZED" });
    const { endpoint: _, ...access } = emulator.access();
    await using homeless = openDesk(access);
    await expect(homeless.store.head("x")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("createMultipart()", () => {
  it("makes one object of equal parts, whose ETag is the md5 of their md5s", async () => {
    await using desk = openDesk(emulator.access());
    const parts = [Buffer.alloc(5 * MIB, 1), Buffer.alloc(5 * MIB, 2), Buffer.alloc(1000, 3)];
    const uploadId = await desk.uploads.begin({ key: "parts/a", ...FACTS });
    const sent = await sendAll(desk, "parts/a", uploadId, parts);
    await desk.uploads.finish({ key: "parts/a", uploadId, parts: sent }, { kind: "absent" });
    const joined = Buffer.from(parts.map(md5Of).join(""), "hex");
    expect(await desk.store.head("parts/a")).toMatchObject({ size: 10 * MIB + 1000, etag: `${md5Of(joined)}-3` });
  });

  it("is refused by R2 with parts that are not equal", async () => {
    await using desk = openDesk(emulator.access());
    const parts = [Buffer.alloc(5 * MIB, 1), Buffer.alloc(6 * MIB, 2), Buffer.alloc(1000, 3)];
    const uploadId = await desk.uploads.begin({ key: "parts/uneven", ...FACTS });
    const made = async (): Promise<void> => {
      const sent = await sendAll(desk, "parts/uneven", uploadId, parts);
      await desk.uploads.finish({ key: "parts/uneven", uploadId, parts: sent }, { kind: "absent" });
    };
    await expect(made()).rejects.toThrow(/InvalidPart|NoSuchUpload|null/);
    expect(await desk.store.head("parts/uneven")).toBeNull();
  });

  it("knows an upload that is no more, and that the emulator lists none", async () => {
    await using desk = openDesk(emulator.access());
    const uploadId = await desk.uploads.begin({ key: "parts/gone", ...FACTS });
    expect(await desk.uploads.parts("parts/gone", uploadId)).toBe("unlisted");
    expect(await desk.uploads.unfinished("parts/")).toBeNull();
    await desk.uploads.abandon("parts/gone", uploadId);
    await desk.uploads.abandon("parts/gone", uploadId);
    const part = { key: "parts/gone", uploadId, number: 1, bytes, md5: md5Of(bytes) };
    expect(await desk.uploads.sendPart(part)).toBeNull();
    expect(await listed(desk.store, "parts/gone")).toEqual([]);
  });
});

async function sendAll(
  desk: ReturnType<typeof openDesk>,
  key: string,
  uploadId: string,
  parts: readonly Buffer[],
): Promise<{ number: number; size: number; etag: string }[]> {
  const sent = [];
  for (const [index, part] of parts.entries()) {
    const etag = await desk.uploads.sendPart({ key, uploadId, number: index + 1, bytes: part, md5: md5Of(part) });
    if (etag === null) throw new Error("null: the upload is unknown");
    sent.push({ number: index + 1, size: part.length, etag });
  }
  return sent;
}
