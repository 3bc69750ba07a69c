/** Buckets as mirrors, against R2's own emulator and against a public bucket. */
import { createHash } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BucketAccess } from "../../src/base/access.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { Secret } from "../../src/base/secret.ts";

import { always, bytesOf, makeSafetensors, startBucket, startRangeServer, status } from "../origins/index.ts";
import { createHarness, only, refusal } from "./harness.ts";

const weights = makeSafetensors({ size: 200_000 });
const signal = (): AbortSignal => AbortSignal.timeout(10_000);
let emulator: Miniflare;
let origin: string;
let sha256: string;

const keys = (secret = "SK", id = "AK"): BucketAccess => ({
  endpoint: `${origin}/cdn-cgi/local/r2/s3`,
  region: "auto",
  accessKeyId: new Secret(id),
  secretAccessKey: new Secret(secret),
});

beforeAll(async () => {
  emulator = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    modules: true,
    compatibilityDate: "2026-04-01",
    script: "export default{fetch(){return new Response('ok')}}",
    r2Buckets: { B: { id: "kits", s3Credentials: { accessKeyId: "AK", secretAccessKey: "SK" } } },
  } as ConstructorParameters<typeof Miniflare>[0]);
  origin = (await emulator.ready).origin;
  const content = await bytesOf(weights);
  sha256 = createHash("sha256").update(content).digest("hex");
  const client = new S3Client({
    endpoint: `${origin}/cdn-cgi/local/r2/s3`,
    region: "auto",
    forcePathStyle: true,
    expectContinueHeader: false,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    credentials: { accessKeyId: "AK", secretAccessKey: "SK" },
  } as S3ClientConfig);
  const put = (Key: string, Metadata: Record<string, string>): Promise<unknown> =>
    client.send(new PutObjectCommand({ Bucket: "kits", Key, Body: content, Metadata }));
  await put("loras/a.safetensors", { sha256 });
  await put("loras/a b+c(1).safetensors", {});
  await client
    .send(new GetObjectCommand({ Bucket: "kits", Key: "loras/a.safetensors" }))
    .then(({ Body }) => Body?.transformToByteArray());
  client.destroy();
}, 60_000);
afterAll(() => emulator.dispose());

describe("bucketSource with credentials", () => {
  it("signs an address that reads ranges, and takes the digest from the object's metadata", async () => {
    await using box = createHarness({ s3: { kits: keys() } });
    const mirror = only(await box.find(["r2://kits/loras/a.safetensors"]));
    expect(mirror).toMatchObject({ size: 200_000, sha256, source: "r2://kits/loras/a.safetensors" });
    const endpoint = (await mirror.open(signal())) as HttpEndpoint;
    expect(endpoint).toMatchObject({ headers: {}, hasRanges: true, validator: expect.stringMatching(/^"/) });
    expect([...new URL(endpoint.url).searchParams.keys()].filter((name) => /checksum|sdk/i.test(name))).toEqual([]);
    const part = await box.http.request({ url: endpoint.url, headers: { range: "bytes=100-199" } });
    expect(part.status).toBe(206);
    expect(Buffer.from(part.body)).toEqual(Buffer.from(weights.read(100, 200)));
  });

  it("signs keys with spaces and signs in them, for buckets that are not named too", async () => {
    await using box = createHarness({ s3: { "s3://*": keys() } });
    expect(only(await box.find(["s3://kits/loras/a b+c(1).safetensors"]))).toMatchObject({
      size: 200_000,
      sha256: null,
    });
  });

  it("signs anew when the address was refused, and before it runs out", async () => {
    let elapsed = 0;
    const clock: Clock = {
      ...systemClock,
      monotonicMs: () => systemClock.monotonicMs() + elapsed,
      now: () => systemClock.now() + elapsed,
    };
    await using box = createHarness({ s3: { kits: keys() }, clock });
    const mirror = only(await box.find(["r2://kits/loras/a.safetensors"]));
    const first = (await mirror.open(signal())) as HttpEndpoint;
    elapsed = 2000;
    expect(await mirror.open(signal())).toBe(first);
    const second = (await mirror.open(signal(), first)) as HttpEndpoint;
    expect(second.url).not.toBe(first.url);
    elapsed = 52 * 60_000;
    expect(new URL(first.url).pathname).toBe(new URL(second.url).pathname);
  });

  it.each([
    [
      "a wrong secret",
      () => keys("WRONG"),
      "kits/loras/a.safetensors",
      "SOURCE_UNAUTHORIZED",
      /403 SignatureDoesNotMatch/,
    ],
    [
      "an unknown key",
      () => keys("SK", "NOBODY"),
      "kits/loras/a.safetensors",
      "SOURCE_UNAUTHORIZED",
      /401 Unauthorized|403/,
    ],
    ["a missing bucket", () => keys(), "other/loras/a.safetensors", "SOURCE_NOT_FOUND|SOURCE_UNAUTHORIZED", /bucket/],
    ["a missing key", () => keys(), "kits/nope.safetensors", "SOURCE_NOT_FOUND", /404 NoSuchKey/],
  ])("says what is wrong with %s", async (_title, access, place, code, message) => {
    await using box = createHarness({ s3: { "r2://*": access() } });
    const error = refusal(await box.find([`r2://${place}`]));
    expect(error.code).toMatch(new RegExp(`^(${code})$`));
    expect(error.message).toMatch(message);
    expect(error.fix).toMatch(/./);
    expect(error.message + error.fix).not.toMatch(/X-Amz|Signature=|AK\b|SK\b/);
  });

  it("says that a bucket with neither address nor credentials needs one of them", async () => {
    await using box = createHarness();
    const error = refusal(await box.find(["r2://kits/a.safetensors"]));
    expect(error).toMatchObject({
      code: "SOURCE_UNAUTHORIZED",
      fix: expect.stringMatching(/publicUrl for kits .* R2_ACCESS_KEY_ID/),
    });
  });

  it("asks the SDK's own chain for an s3:// bucket without keys, and says when that has none", async () => {
    const before = { ...process.env };
    Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: "true" });
    try {
      await using box = createHarness();
      const error = refusal(await box.find(["s3://kits/a.safetensors"]));
      expect(error).toMatchObject({ code: "SOURCE_UNAUTHORIZED", fix: expect.stringMatching(/AWS_ACCESS_KEY_ID/) });
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: "AK", AWS_SECRET_ACCESS_KEY: "SK" });
      await using chained = createHarness({
        s3: { kits: { region: "auto", endpoint: `${origin}/cdn-cgi/local/r2/s3` } },
      });
      expect(only(await chained.find(["s3://kits/loras/a.safetensors"])).size).toBe(200_000);
    } finally {
      process.env = before;
    }
  });

  it("names the variable that the config points to and nobody has set", async () => {
    await using box = createHarness({ s3: { kits: { ...keys(), unset: ["MY_KEY"] } } });
    expect(refusal(await box.find(["s3://kits/a.safetensors"]))).toMatchObject({
      code: "SOURCE_UNAUTHORIZED",
      fix: "set MY_KEY",
    });
  });

  it("says that R2 needs the endpoint of its account", async () => {
    await using box = createHarness({
      s3: { kits: { region: "auto", accessKeyId: new Secret("AK"), secretAccessKey: new Secret("SK") } },
    });
    expect(refusal(await box.find(["r2://kits/a.safetensors"]))).toMatchObject({
      code: "CONFIG_INVALID",
      fix: expect.stringMatching(/r2\.cloudflarestorage\.com/),
    });
  });

  it.each([
    [
      "a clock that is off",
      status(403, { "Content-Type": "application/xml" }, "<Error><Code>RequestTimeTooSkewed</Code></Error>"),
      /set this machine's clock/,
    ],
    [
      "another region",
      status(301, { "x-amz-bucket-region": "eu-west-1" }, "<Error><Code>PermanentRedirect</Code></Error>"),
      /set region: eu-west-1/,
    ],
    [
      "another region in the body",
      status(400, {}, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"),
      /set region: eu-west-3/,
    ],
  ])("knows %s", async (_title, fault, fix) => {
    await using server = await startRangeServer();
    server.faults.add(always, fault);
    await using box = createHarness({ s3: { kits: { ...keys(), endpoint: server.url } } });
    expect(refusal(await box.find(["s3://kits/a.safetensors"])).fix).toMatch(fix);
  });
});

describe("bucketSource with a public URL", () => {
  it("reads it without a signature, under its own name", async () => {
    await using bucket = await startBucket({ objects: { "dir/a b.safetensors": weights } });
    await using box = createHarness({ s3: { kits: { region: "auto", publicUrl: `${bucket.url}/` } } });
    const mirror = only(await box.find(["r2://kits/dir/a b.safetensors"]));
    expect(mirror).toMatchObject({
      label: `127.0.0.1:${bucket.port}`,
      size: 200_000,
      source: "r2://kits/dir/a%20b.safetensors",
    });
    expect(await mirror.open(signal())).toMatchObject({ url: `${bucket.url}/dir/a%20b.safetensors` });
  });

  it("takes the page that stands where an object is missing for what it says", async () => {
    await using bucket = await startBucket();
    await using box = createHarness({ s3: { kits: { region: "auto", publicUrl: bucket.url } } });
    expect(refusal(await box.find(["r2://kits/nope.safetensors"])).code).toBe("SOURCE_NOT_FOUND");
  });

  it("reads R2's own public address", async () => {
    await using box = createHarness({
      s3: { kits: { region: "auto", publicUrl: `${origin}/cdn-cgi/local/r2/public/kits` } },
    });
    expect(only(await box.find(["r2://kits/loras/a.safetensors"])).size).toBe(200_000);
  });
});

describe("bucketSource with a configuration that is wrong", () => {
  it("drops the source instead of ending the search", async () => {
    await using box = createHarness({ s3: { kits: { region: "auto", publicUrl: "not a URL" } } });
    expect(refusal(await box.find(["r2://kits/a.safetensors"]))).toMatchObject({
      code: "MIRROR_FAILED",
      message: expect.stringMatching(/Invalid URL/),
    });
  });
});

describe("bucketSource label", () => {
  it.each([
    ["r2", { endpoint: "https://0123456789abcdef.r2.cloudflarestorage.com" }, "kits.r2.cloudflarestorage.com"],
    ["s3", {}, "kits.s3.amazonaws.com"],
    ["s3", { endpoint: "https://minio.lan:9000" }, "minio.lan:9000"],
    ["r2", { publicUrl: "https://models.example.net/x" }, "models.example.net"],
  ] as const)("names %s with %j as %s", async (kind, settings, label) => {
    const { bucketSource } = await import("../../src/sources/bucket.ts");
    await using box = createHarness({ s3: { kits: { region: "auto", ...settings } } });
    expect(bucketSource.label({ kind, bucket: "kits", key: "a" }, box.settings)).toBe(label);
  });
});

describe("createS3() head", () => {
  it("gives size, ETag and digest, and null for what is not there", async () => {
    await using box = createHarness({ s3: { kits: keys() } });
    const place = { kind: "r2", bucket: "kits" } as const;
    expect(await box.s3.head({ ...place, key: "loras/a.safetensors" })).toEqual({
      size: 200_000,
      etag: expect.stringMatching(/^"/),
      sha256,
    });
    expect(await box.s3.head({ ...place, key: "nope" })).toBe(null);
    await using wrong = createHarness({ s3: { kits: keys("WRONG") } });
    await expect(wrong.s3.head({ ...place, key: "loras/a.safetensors" })).rejects.toMatchObject({
      code: "SOURCE_UNAUTHORIZED",
    });
  });
});
