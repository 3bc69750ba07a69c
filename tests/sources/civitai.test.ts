/** Civitai as a mirror. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { Secret } from "../../src/base/secret.ts";
import { digestIn } from "../../src/sources/civitai.ts";
import {
  always,
  type Civitai,
  makeSafetensors,
  onPath,
  page,
  redirectTo,
  startCivitai,
  status,
} from "../origins/index.ts";
import { createHarness, only, refusal } from "./harness.ts";

const weights = makeSafetensors({ size: 200_000 });
const pruned = makeSafetensors({ size: 100_000, seed: "pruned" });
const TOKEN = "civ-right-token";
let site: Civitai;

beforeAll(async () => {
  const file = { name: "lora.safetensors", content: weights };
  site = await startCivitai({
    tokens: [TOKEN],
    versions: [
      { id: 11, files: [file, { name: "pruned.safetensors", content: pruned, size: "pruned", fp: "fp8" }] },
      { id: 12, files: [file], access: "login" },
      { id: 13, files: [file], access: "early-access" },
      { id: 14, files: [file], access: "archived" },
      { id: 15, files: [file], access: "disabled" },
      { id: 16, files: [file], access: "throttled" },
    ],
  });
});
afterAll(() => site.close());

const harness = (token: string | null) =>
  createHarness({ civitai: { endpoint: site.endpoint, token: token === null ? null : new Secret(token) } });

describe("civitaiSource", () => {
  it("declares the digest from the metadata and the exact size from the storage", async () => {
    await using box = harness(null);
    const mirror = only(await box.find(["civitai://11"]));
    expect(mirror).toMatchObject({
      size: 200_000,
      sha256: await weights.sha256(),
      source: "civitai://11",
      label: `127.0.0.1:${site.origin.port}`,
    });
  });

  it("chooses a file", async () => {
    await using box = harness(null);
    expect(only(await box.find(["civitai://11?size=pruned&fp=fp8"]))).toMatchObject({
      size: 100_000,
      sha256: await pruned.sha256(),
    });
    expect(only(await box.find(["civitai://11?fileId=111"]))).toMatchObject({
      size: 100_000,
      sha256: await pruned.sha256(),
    });
  });

  it("shows its token to the site only", async () => {
    await using box = harness(TOKEN);
    const endpoint = (await only(await box.find(["civitai://12"])).open(AbortSignal.timeout(5000))) as HttpEndpoint;
    expect(new URL(endpoint.url).origin).toBe(site.storage.url);
    expect(endpoint.headers).toEqual({});
    expect(site.leaks()).toEqual([]);
    expect(site.origin.requests.at(-1)?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(site.origin.requests.every(({ method, url }) => method === "GET" && !url.includes(TOKEN))).toBe(true);
  });

  it("signs a new link when the old one has run out", async () => {
    await using box = harness(null);
    const mirror = only(await box.find(["civitai://11"]));
    const first = await mirror.open(AbortSignal.timeout(5000));
    site.links.expireLinks();
    expect(await mirror.open(AbortSignal.timeout(5000), first)).not.toEqual(first);
  });

  it.each([
    [
      "a login without a token",
      null,
      "12",
      "SOURCE_UNAUTHORIZED",
      /requires you to be logged in|Unauthorized/,
      /set CIVITAI_TOKEN/,
    ],
    ["a token that is not enough", TOKEN, "15", "SOURCE_UNAUTHORIZED", /answers 401/, /author allows downloads/],
    ["early access", TOKEN, "13", "SOURCE_GATED", /until 2030-01-01/, /early access/],
    ["an archived version", TOKEN, "14", "SOURCE_NOT_FOUND", /archived/, /another source/],
    ["a version that is not there", TOKEN, "99", "SOURCE_NOT_FOUND", /answers 404/, /taken down/],
  ])("says what to do about %s", async (_title, token, version, code, message, fix) => {
    await using box = harness(token);
    const error = refusal(await box.find([`civitai://${version}`]));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.fix).toMatch(fix);
    expect(error.message + error.fix).not.toContain(TOKEN);
  });

  it("sees a login page for what it is", async () => {
    await using box = harness(null);
    const stop = [
      site.origin.faults.add(onPath("/api/download/"), redirectTo("/login?returnUrl=/x")),
      site.origin.faults.add(onPath("/login"), page()),
    ];
    const error = refusal(await box.find(["civitai://11"]));
    for (const one of stop) one();
    expect(error).toMatchObject({ code: "SOURCE_UNAUTHORIZED", message: expect.stringMatching(/login page/) });
  });

  it("downloads without metadata when that cannot be had", async () => {
    await using box = harness(null);
    const stop = site.origin.faults.add(onPath("/api/v1/"), status(404));
    expect(only(await box.find(["civitai://11"]))).toMatchObject({ size: 200_000, sha256: null });
    stop();
    const garbled = site.origin.faults.add(onPath("/api/v1/"), status(200, {}, "{"));
    expect(only(await box.find(["civitai://11"])).sha256).toBe(null);
    garbled();
    site.origin.faults.add(always, (reply) => reply);
  });
});

describe("digestIn()", () => {
  const digest = "A".repeat(64);
  const source = { kind: "civitai", version: "1", choice: {} } as const;
  it.each([
    [null],
    [{}],
    [{ files: "no" }],
    [{ files: [null, 1] }],
    [{ files: [{ hashes: { SHA256: "short" } }] }],
    [{ files: [{ hashes: { SHA256: digest } }, { hashes: { SHA256: digest } }] }],
  ])("finds none in %j", (metadata) => expect(digestIn(metadata, source)).toBe(null));

  it("takes the only file, or the primary one", () => {
    expect(digestIn({ files: [{ hashes: { SHA256: digest } }] }, source)).toBe(digest.toLowerCase());
    expect(digestIn({ files: [{}, { primary: true, hashes: { SHA256: digest } }] }, source)).toBe(digest.toLowerCase());
  });
});

describe("digestIn() of an odd answer", () => {
  it("takes an answer with objects where words belong, that refuse to become texts, for one that says nothing", () => {
    const source = { kind: "civitai", version: "1", choice: { type: "Model" } } as const;
    const odd = JSON.parse('{"toString":1,"valueOf":1}') as unknown;
    expect(digestIn({ files: [{ type: odd }] }, source)).toBeNull();
    expect(digestIn({ files: [{ type: "Model", hashes: { SHA256: odd } }] }, source)).toBeNull();
  });
});
