/** Any web server as a mirror, and the one request that shows what it is worth. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { Secret } from "../../src/base/secret.ts";
import {
  always,
  chunked,
  contentRange,
  createAuthority,
  etag,
  gzip,
  headers,
  ignoreRange,
  lfsPointer,
  longBody,
  makeSafetensors,
  multipart,
  page,
  type RangeServer,
  redirectTo,
  shortBody,
  startRangeServer,
  status,
} from "../origins/index.ts";
import { createHarness, only, refusal } from "./harness.ts";

const weights = makeSafetensors({ size: 300_000 });
const OLD = "Thu, 02 Jan 2020 03:04:05 GMT";
const signal = (): AbortSignal => AbortSignal.timeout(10_000);
let server: RangeServer;
let url: string;

beforeEach(async () => {
  server = await startRangeServer();
  url = server.put("m.safetensors", weights);
});
afterEach(() => server.close());

describe("webSource", () => {
  it("learns size, validator and ranges from one request for the first 64 KiB", async () => {
    await using box = createHarness();
    const mirror = only(await box.find([url]));
    expect(mirror).toMatchObject({
      label: `127.0.0.1:${server.port}`,
      source: url,
      size: 300_000,
      sha256: null,
      revision: null,
    });
    expect(await mirror.open(signal())).toEqual({
      kind: "http",
      url,
      headers: {},
      validator: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      mayBePrivate: true,
      hasRanges: true,
    });
    expect(server.requests.map(({ range }) => range)).toEqual(["bytes=0-65535"]);
    expect(server.bytesSent()).toBe(65_536);
  });

  it("takes a file that is shorter than the probe", async () => {
    await using box = createHarness();
    const small = makeSafetensors({ size: 700 });
    expect(only(await box.find([server.put("s.safetensors", small)])).size).toBe(700);
  });

  it("knows a server without ranges by its 200, and takes the length from it", async () => {
    await using box = createHarness();
    server.faults.add(always, ignoreRange);
    const mirror = only(await box.find([url]));
    expect(mirror.size).toBe(300_000);
    expect(await mirror.open(signal())).toMatchObject({ hasRanges: false });
  });

  it.each([
    ["a weak ETag", etag('W/"1"'), 'W/"1"'],
    ["no ETag", etag(null), null],
    ["an ETag without quotes", etag("abc"), null],
    ["two ETags", headers({ ETag: '"a", "b"' }), null],
    ["no ETag but an old date", headers({ ETag: null, "Last-Modified": OLD }), OLD],
  ])("keeps %s as it is, or none", async (_title, fault, validator) => {
    await using box = createHarness();
    server.faults.add(always, fault);
    expect(await only(await box.find([url])).open(signal())).toMatchObject({ validator });
  });

  it.each([
    [
      "a total of *",
      contentRange((start, last) => `bytes ${start}-${last}/*`),
      "MIRROR_LIED",
      /expected a range and a total/,
    ],
    [
      "bytes */N",
      contentRange((_start, _last, total) => `bytes */${total}`),
      "MIRROR_LIED",
      /expected a range and a total/,
    ],
    ["no Content-Range", contentRange(() => null), "MIRROR_LIED", /Content-Range ""/],
    [
      "another start",
      contentRange((_start, last, total) => `bytes 1-${last}/${total}`),
      "MIRROR_LIED",
      /sends bytes 1-65535, asked for 0-65535/,
    ],
    ["another end", contentRange((_start, _last, total) => `bytes 0-9/${total}`), "MIRROR_LIED", /sends bytes 0-9/],
    [
      "a total beyond numbers",
      contentRange(() => `bytes 0-65535/99999999999999999999`),
      "MIRROR_LIED",
      /expected a range and a total/,
    ],
    ["fewer bytes than it says", shortBody(10), "MIRROR_LIED", /fewer bytes/],
    ["more bytes than it says", longBody(10), "MIRROR_LIED", /more bytes/],
    ["several ranges", multipart, "MIRROR_LIED", /several ranges/],
    ["416", status(416, { "Content-Range": "bytes */300000" }), "MIRROR_LIED", /416/],
    ["a compressed answer", gzip, "MIRROR_FAILED", /Content-Encoding/],
    ["a page with 200", page(), "NOT_WEIGHTS", /HTML page/],
    ["a git-lfs pointer", lfsPointer("a".repeat(64), 5), "NOT_WEIGHTS", /git-lfs pointer/],
    ["404", status(404), "SOURCE_NOT_FOUND", /answers 404/],
    ["410", status(410), "SOURCE_NOT_FOUND", /answers 410/],
    ["451", status(451), "SOURCE_NOT_FOUND", /legal/],
    ["401", status(401), "SOURCE_UNAUTHORIZED", /answers 401/],
    ["403", status(403), "SOURCE_UNAUTHORIZED", /answers 403/],
    ["304", status(304), "MIRROR_FAILED", /answers 304/],
  ])("refuses %s", async (_title, fault, code, message) => {
    await using box = createHarness();
    server.faults.add(always, fault);
    const error = refusal(await box.find([url]));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(error.message).toContain("127.0.0.1");
  });

  it("refuses a server that neither serves ranges nor tells the length", async () => {
    await using box = createHarness();
    server.faults.add(always, ignoreRange);
    server.faults.add(always, chunked);
    expect(refusal(await box.find([url]))).toMatchObject({
      code: "MIRROR_LIED",
      message: expect.stringMatching(/how long/),
    });
  });

  it("says that an empty file is empty", async () => {
    await using box = createHarness();
    const empty = server.put("e.safetensors", Buffer.alloc(0));
    expect(refusal(await box.find([empty]))).toMatchObject({
      code: "NOT_WEIGHTS",
      message: expect.stringMatching(/empty/),
    });
  });

  it("notices a file that was replaced when it resolves again", async () => {
    await using box = createHarness();
    const mirror = only(await box.find([url]));
    const endpoint = await mirror.open(signal());
    server.put("m.safetensors", weights);
    await expect(mirror.open(signal(), endpoint)).rejects.toMatchObject({
      code: "MIRROR_CHANGED",
      message: expect.stringMatching(/ETag/),
    });
    server.put("m.safetensors", makeSafetensors({ size: 300_001 }));
    await expect(mirror.open(signal(), endpoint)).rejects.toMatchObject({
      code: "MIRROR_CHANGED",
      message: expect.stringMatching(/300001 bytes, before 300000/),
    });
  });

  it("does not show what is in a query", async () => {
    await using box = createHarness();
    server.faults.add(always, status(403));
    const { dropped } = await box.find([`${url}?token=s3cret`]);
    expect(
      JSON.stringify(dropped.map(({ error, source, label }) => [error.message, error.fix, source, label])),
    ).not.toContain("s3cret");
  });
});

describe("webSource with credentials", () => {
  const secret = new Secret("s3cret");

  it("sends the one for this very host and port, and gives it to the lanes", async () => {
    await using box = createHarness({
      hosts: [{ host: `127.0.0.1:${server.port}`, scheme: "bearer", secret, variable: "V" }],
    });
    const mirror = only(await box.find([url]));
    expect(server.requests[0]?.headers.authorization).toBe("Bearer s3cret");
    expect(await mirror.open(signal())).toMatchObject({ headers: { authorization: "Bearer s3cret" } });
  });

  it("names the variable that should hold it, once the server refuses", async () => {
    const host = `127.0.0.1:${server.port}`;
    await using box = createHarness({ hosts: [{ host, scheme: "basic", secret: null, variable: "MODELS_KEY" }] });
    expect(only(await box.find([url])).size).toBe(300_000);
    server.faults.add(always, status(401));
    expect(refusal(await box.find([url])).fix).toMatch(/set MODELS_KEY/);
  });

  it("sends nothing to another port", async () => {
    await using box = createHarness({ hosts: [{ host: "127.0.0.1", scheme: "bearer", secret, variable: "V" }] });
    only(await box.find([url]));
    expect(server.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  it("keeps it at home when the server redirects, for the probe and for the lanes", async () => {
    await using cdn = await startRangeServer({ "/x": weights });
    await using box = createHarness({
      hosts: [{ host: `127.0.0.1:${server.port}`, scheme: "header", header: "X-Api-Key", secret, variable: "V" }],
    });
    server.faults.add(always, redirectTo(`${cdn.url}/x`));
    const endpoint = (await only(await box.find([url])).open(signal())) as HttpEndpoint;
    expect(server.requests[0]?.headers["x-api-key"]).toBe("s3cret");
    expect(cdn.requests[0]?.headers).not.toHaveProperty("x-api-key");
    expect(endpoint).toMatchObject({ url: `${cdn.url}/x`, headers: {} });
  });
});

describe("webSource over plain http", () => {
  it("is for hosts in the own network, or named in the configuration", async () => {
    await using box = createHarness();
    const error = refusal(await box.find(["http://1.2.3.4/m.safetensors"]));
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringMatching(/plain http/),
      fix: expect.stringMatching(/hosts or mirrors/),
    });
  });

  it("verifies certificates of https", async () => {
    await using secure = await startRangeServer({ "/m.safetensors": weights }, { tls: await createAuthority() });
    await using box = createHarness();
    expect(refusal(await box.find([`${secure.url}/m.safetensors`])).message).toMatch(/certificate is not trusted/);
  });
});
