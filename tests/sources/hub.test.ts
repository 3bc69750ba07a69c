/** The Hub as a mirror. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import { Secret } from "../../src/base/secret.ts";
import { type Hub, headers, makeSafetensors, nth, onPath, redirectTo, startHub, status } from "../origins/index.ts";
import { createHarness, type HarnessOptions, only, refusal } from "./harness.ts";

const weights = makeSafetensors({ size: 300_000 });
const TOKEN = "hf_rightToken123";
const signal = (): AbortSignal => AbortSignal.timeout(10_000);
let hub: Hub;

beforeAll(async () => {
  hub = await startHub({
    tokens: [TOKEN, "hf_stranger"],
    repos: [
      {
        name: "org/open",
        files: { "a.safetensors": weights, "dir/b c#d.safetensors": weights, "config.json": Buffer.from('{"a":1}') },
      },
      { name: "org/gated", files: { "a.safetensors": weights }, isGated: true, granted: [TOKEN] },
      { name: "org/secret", files: { "a.safetensors": weights }, isPrivate: true, granted: [TOKEN] },
      { name: "org/gone", files: { "a.safetensors": weights }, isDisabled: true },
      { name: "org/old", files: { "a.safetensors": weights }, isGated: true, granted: [TOKEN] },
    ],
  });
  hub.rename("org/old", "org/new");
});
afterAll(() => hub.close());

const harness = (token: string | null, more: HarnessOptions = {}) =>
  createHarness({
    hub: { endpoint: hub.endpoint, token: token === null ? null : new Secret(token), isOffline: false },
    ...more,
  });

describe("hubSource", () => {
  it("takes size, digest and commit from the redirect, and the address from the CDN", async () => {
    await using box = harness(null);
    const mirror = only(await box.find(["hf://org/open/a.safetensors"]));
    expect(mirror).toMatchObject({
      size: weights.size,
      sha256: await weights.sha256(),
      revision: hub.repo("org/open").commit,
    });
    expect(mirror.label).toBe(new URL(hub.endpoint).host);
    expect(mirror.source).toBe("hf://org/open@main/a.safetensors");
    const endpoint = (await mirror.open(signal())) as HttpEndpoint;
    expect(endpoint).toMatchObject({ kind: "http", headers: {}, hasRanges: true, mayBePrivate: true });
    expect(new URL(endpoint.url).origin).toBe(hub.cdn.url);
    expect(endpoint.validator).not.toContain(await weights.sha256());
  });

  it("never sends the token to the CDN, nor over a rename to anybody else", async () => {
    await using box = harness(TOKEN);
    for (const repo of ["org/gated", "org/secret", "org/old"]) {
      const endpoint = (await only(await box.find([`hf://${repo}/a.safetensors`])).open(signal())) as HttpEndpoint;
      expect(endpoint.headers).toEqual({});
    }
    expect(hub.leaks()).toEqual([]);
    expect(hub.origin.requests.at(-1)?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(hub.origin.requests.at(-1)?.headers["user-agent"]).toMatch(/^modelferry\//);
  });

  it("serves a small file that the Hub answers itself, with the token", async () => {
    await using box = harness(TOKEN);
    const mirror = only(await box.find(["hf://org/open/config.json"], { path: parseTreePath("a/config.json") }));
    expect(mirror).toMatchObject({ size: 7, sha256: null, revision: hub.repo("org/open").commit });
    expect(await mirror.open(signal())).toMatchObject({ headers: { authorization: `Bearer ${TOKEN}` } });
  });

  it("finds paths with spaces and signs in them", async () => {
    await using box = harness(null);
    expect(only(await box.find(["hf://org/open/dir/b c%23d.safetensors"])).size).toBe(weights.size);
  });

  it("asks by commit once it knows one", async () => {
    await using box = harness(null);
    const mirror = only(await box.find(["hf://org/open/a.safetensors"]));
    const first = await mirror.open(signal());
    await mirror.open(signal(), first);
    expect(hub.origin.requests.at(-1)?.url).toContain(`/resolve/${hub.repo("org/open").commit}/`);
  });

  it("signs a new link for everyone who was refused, once", async () => {
    await using box = harness(null);
    const mirror = only(await box.find(["hf://org/open/a.safetensors"]));
    const first = await mirror.open(signal());
    hub.links.expireLinks();
    const before = hub.origin.requests.length;
    const fresh = await Promise.all(Array.from({ length: 8 }, () => mirror.open(signal(), structuredClone(first))));
    expect(new Set(fresh.map((one) => (one as HttpEndpoint).url)).size).toBe(1);
    expect((fresh[0] as HttpEndpoint).url).not.toBe((first as HttpEndpoint).url);
    expect(hub.origin.requests.length - before).toBe(1);
    expect(await mirror.open(signal(), first)).toEqual(fresh[0]);
  });

  const cases: readonly (readonly [string, string | null, string, string, RegExp, RegExp])[] = [
    [
      "gated without a token",
      null,
      "org/gated/a.safetensors",
      "SOURCE_GATED",
      /gated/,
      /accept the licence at https:\/\/huggingface\.co\/org\/gated and set HF_TOKEN/,
    ],
    [
      "gated for this account",
      "hf_stranger",
      "org/gated/a.safetensors",
      "SOURCE_GATED",
      /gated/,
      /has not been granted access/,
    ],
    [
      "private without a token",
      null,
      "org/secret/a.safetensors",
      "SOURCE_UNAUTHORIZED",
      /may be private, gated or missing/,
      /set HF_TOKEN/,
    ],
    [
      "private for this account",
      "hf_stranger",
      "org/secret/a.safetensors",
      "SOURCE_NOT_FOUND",
      /knows no org\/secret/,
      /HF_TOKEN may read it/,
    ],
    [
      "a token that does not exist",
      "hf_wrong",
      "org/open/a.safetensors",
      "SOURCE_UNAUTHORIZED",
      /does not accept HF_TOKEN/,
      /new token/,
    ],
    [
      "a file that is not there",
      null,
      "org/open/nope.safetensors",
      "SOURCE_NOT_FOUND",
      /has no nope\.safetensors at main/,
      /path/,
    ],
    ["a revision that is not there", null, "org/open@v9/a.safetensors", "SOURCE_NOT_FOUND", /no revision v9/, /branch/],
    ["a repository that was taken down", null, "org/gone/a.safetensors", "SOURCE_UNAUTHORIZED", /disabled/, /./],
  ];
  it.each(cases)("says what to do about %s", async (_title, token, uri, code, message, fix) => {
    await using box = harness(token);
    const before = hub.origin.requests.length;
    const error = refusal(await box.find([`hf://${uri}`]));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.fix).toMatch(fix);
    expect(error.message + error.fix).not.toContain("hf_");
    expect(hub.origin.requests.length - before).toBe(1);
  });

  it("keeps quiet when the Hub is switched off", async () => {
    await using box = createHarness({ hub: { endpoint: hub.endpoint, token: null, isOffline: true } });
    const before = hub.origin.requests.length;
    expect(refusal(await box.find(["hf://org/open/a.safetensors"])).code).toBe("OFFLINE");
    expect(hub.origin.requests.length).toBe(before);
  });

  it("blames a Hub whose size differs from the CDN's", async () => {
    await using box = harness(null);
    const stop = hub.origin.faults.add(onPath("a.safetensors"), headers({ "X-Linked-Size": "299999" }));
    const error = refusal(await box.find(["hf://org/open/a.safetensors"]));
    stop();
    expect(error.code).toBe("MIRROR_LIED");
    expect(error.message).toMatch(/299999/);
    expect(error.message).toMatch(/300000/);
  });

  it("does not take a CDN that says it is a cache for the Hub", async () => {
    await using box = harness(TOKEN);
    const stop = hub.cdn.faults.add(() => true, headers({ "X-Cache": "Hit from cloudfront" }));
    const endpoint = await only(await box.find(["hf://org/gated/a.safetensors"])).open(signal());
    stop();
    expect(endpoint).toMatchObject({ headers: {} });
    expect(hub.leaks()).toEqual([]);
  });

  it("drops a repository that redirects to itself for ever", async () => {
    await using box = harness(TOKEN);
    const stop = hub.origin.faults.add(() => true, redirectTo("/org/open/resolve/main/a.safetensors"));
    expect(refusal(await box.find(["hf://org/open/a.safetensors"])).code).toBe("MIRROR_LIED");
    stop();
  });

  it("does not show a signed link in an error", async () => {
    await using box = harness(null);
    const stop = hub.cdn.faults.add(
      nth(() => true, 1),
      status(403, {}, "no"),
    );
    const error = refusal(await box.find(["hf://org/open/a.safetensors"]));
    stop();
    expect(error.code).toBe("MIRROR_FAILED");
    expect(error.message).toContain("127.0.0.2");
    expect(error.message).not.toContain("Signature");
  });
});
