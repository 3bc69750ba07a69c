/** What a bucket's bad moments do to an upload: bursts, resets, lost answers, errors inside a 200, clocks that are off. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Emulator, startEmulator } from "../origins/emulator.ts";
import {
  errorAnswer,
  type FaultProxy,
  isComplete,
  isPart,
  isPut,
  slowDown,
  startFaultProxy,
  tooManyRequests,
} from "../origins/index.ts";
import { FACTS, md5Of, object, openDesk } from "./s3-harness.ts";

const MIB = 1024 * 1024;
const bytes = Buffer.alloc(5 * MIB, 7);
let emulator: Emulator;
let proxy: FaultProxy;
let turn = 0;

beforeAll(async () => {
  emulator = await startEmulator();
}, 60_000);
afterAll(() => emulator[Symbol.asyncDispose]());
afterEach(async () => {
  vi.useRealTimers();
  await proxy[Symbol.asyncDispose]();
});

async function desk(): Promise<ReturnType<typeof openDesk>> {
  proxy = await startFaultProxy(emulator.endpoint);
  turn += 1;
  return openDesk(emulator.access({ endpoint: proxy.url }));
}

const key = (): string => `faults/${turn}`;

async function begin(open: ReturnType<typeof openDesk>): Promise<{ key: string; uploadId: string }> {
  return { key: key(), uploadId: await open.uploads.begin({ key: key(), ...FACTS }) };
}

describe("a put", () => {
  it("outlasts a burst of 503 and 429, waiting longer each time, and as long as it is told to", async () => {
    await using open = await desk();
    proxy.add(isPut, slowDown, 3);
    proxy.add(isPut, tooManyRequests(7), 1);
    expect(await open.store.put(object(key(), bytes), { kind: "absent" })).toBe(md5Of(bytes));
    expect(open.waits).toHaveLength(4);
    expect(open.waits[3]).toBe(7000);
    expect(open.waits[2]).toBeGreaterThan(open.waits[0] as number);
  });

  it("does not wait for a day", async () => {
    await using open = await desk();
    proxy.add(isPut, tooManyRequests(86_400), 1);
    await expect(open.store.put(object(key(), bytes), { kind: "absent" })).rejects.toMatchObject({
      code: "MIRROR_RATE_LIMITED",
      message: expect.stringContaining("expected at most 10 m"),
    });
    expect(open.waits).toEqual([]);
  });

  it("takes back the progress of a try that was cut off", async () => {
    await using open = await desk();
    proxy.add(isPut, { kind: "reset", afterBytes: 2 * MIB }, 2);
    let sent = 0;
    let most = 0;
    const onSent = (count: number): void => {
      sent += count;
      most = Math.max(most, sent);
    };
    expect(await open.store.put(object(key(), bytes), { kind: "absent" }, { onSent })).toBe(md5Of(bytes));
    expect(sent).toBe(bytes.length);
    expect(most).toBe(bytes.length);
  });

  it("finds out that it arrived when only its answer was lost", async () => {
    await using open = await desk();
    proxy.add(isPut, { kind: "lose" });
    expect(await open.store.put(object(key(), bytes), { kind: "absent" })).toBe(md5Of(bytes));
    expect(proxy.requests.map(({ status }) => status)).toEqual([null, 412, 200]);
  });

  it("sends a body again that was damaged on its way", async () => {
    await using open = await desk();
    proxy.add(isPut, { kind: "damage", offset: MIB });
    expect(await open.store.put(object(key(), bytes), { kind: "absent" })).toBe(md5Of(bytes));
    expect(proxy.requests.map(({ status }) => status)).toEqual([400, 200]);
  });

  it("does not repeat what is refused for good", async () => {
    await using open = await desk();
    proxy.add(isPut, errorAnswer(403, "AccessDenied"));
    await expect(open.store.put(object(key(), bytes), { kind: "absent" })).rejects.toMatchObject({
      code: "SOURCE_UNAUTHORIZED",
      message: expect.stringContaining("403 AccessDenied"),
    });
    expect(proxy.requests).toHaveLength(1);
  });

  it("gives up after ten tries, and says what it met", async () => {
    await using open = await desk();
    proxy.add(isPut, slowDown, 100);
    await expect(open.store.put(object(key(), bytes), { kind: "absent" })).rejects.toMatchObject({
      code: "MIRROR_FAILED",
      message: expect.stringContaining("503 SlowDown"),
    });
    expect(proxy.requests).toHaveLength(10);
  });

  it("never waits for a 100 Continue, and never sends a body of unknown length", async () => {
    await using open = await desk();
    await open.store.put(object(key(), bytes), { kind: "absent" });
    const [{ headers } = { headers: {} }] = proxy.requests;
    expect(headers).toMatchObject({
      "content-length": String(bytes.length),
      "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    });
    expect(headers).toMatchObject({ "content-md5": Buffer.from(md5Of(bytes), "hex").toString("base64") });
    expect(Object.keys(headers).filter((name) => /^expect$|^transfer-encoding$|checksum|trailer/.test(name))).toEqual(
      [],
    );
  });

  it.each([-3600_000, 3600_000])("is signed anew when this box's clock is off by %s ms", async (offMs) => {
    await using open = await desk();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + offMs });
    expect(await open.store.head(key())).toBeNull();
    expect(await open.store.put(object(key(), bytes), { kind: "absent" })).toBe(md5Of(bytes));
    expect(proxy.requests.map(({ status }) => status)).toEqual([403, 404, 200]);
  });
});

describe("a multipart upload", () => {
  it("sends a part again after a 500, under the same number", async () => {
    await using open = await desk();
    const upload = await begin(open);
    proxy.add(isPart, errorAnswer(500, "InternalError"), 2);
    const etag = await open.uploads.sendPart({ ...upload, number: 1, bytes, md5: md5Of(bytes) });
    await open.uploads.finish(
      { ...upload, parts: [{ number: 1, size: bytes.length, etag: etag ?? "" }] },
      { kind: "absent" },
    );
    expect(await open.store.head(upload.key)).toMatchObject({ size: bytes.length });
    const tried = proxy.requests.filter(isPart).map(({ query }) => query.get("partNumber"));
    expect(tried).toEqual(["1", "1", "1"]);
  });

  it("believes no 200 that holds an error", async () => {
    await using open = await desk();
    const upload = await begin(open);
    const etag = await open.uploads.sendPart({ ...upload, number: 1, bytes, md5: md5Of(bytes) });
    const inside = errorAnswer(200, "InternalError");
    proxy.add(isComplete, inside);
    const parts = [{ number: 1, size: bytes.length, etag: etag ?? "" }];
    await open.uploads.finish({ ...upload, parts }, { kind: "absent" });
    expect(proxy.requests.filter(isComplete)).toHaveLength(2);
    expect(await open.store.head(upload.key)).toMatchObject({ size: bytes.length });
  });

  it("is finished although the answer to its end was lost", async () => {
    await using open = await desk();
    const upload = await begin(open);
    const etag = await open.uploads.sendPart({ ...upload, number: 1, bytes, md5: md5Of(bytes) });
    proxy.add(isComplete, { kind: "lose" });
    const parts = [{ number: 1, size: bytes.length, etag: etag ?? "" }];
    await open.uploads.finish({ ...upload, parts }, { kind: "absent" });
    expect(await open.store.head(upload.key)).toMatchObject({ size: bytes.length });
  });
});
