/** The control plane against servers that redirect, refuse, limit, stall and lie. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { ModelsError } from "../../src/base/errors.ts";
import type { EventBody } from "../../src/base/events.ts";
import { createHttp, type Http, type HttpSettings } from "../../src/net/http.ts";
import {
  always,
  createAuthority,
  duplicateHeader,
  gzip,
  hints,
  hugeHeaders,
  nth,
  onPath,
  type RangeServer,
  rateLimited,
  redirectTo,
  resetAfter,
  retryAfter,
  slowFrom,
  stallAfter,
  stallHead,
  startProxy,
  startRangeServer,
  status,
  truncateAfter,
} from "../origins/index.ts";

const BODY = Buffer.from("hello, weights");
const NO_PROXY = { http: null, https: null, none: null };

/** A clock whose sleeps pass at once and are written down, but for those that bound a request. */
function quickClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  let skipped = 0;
  return {
    ...systemClock,
    random: () => 0.5,
    monotonicMs: () => systemClock.monotonicMs() + skipped,
    slept,
    sleep: async (ms, signal) => {
      if (ms === 60_000) return systemClock.sleep(ms, signal);
      slept.push(ms);
      skipped += ms;
    },
  };
}

let server: RangeServer;
let other: RangeServer;
const open: Http[] = [];

beforeEach(async () => {
  server = await startRangeServer({ "/a.bin": BODY });
  other = await startRangeServer({ "/b.bin": BODY });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await Promise.all([server.close(), other.close()]);
});

function make(settings: Partial<HttpSettings> = {}, clock: Clock = systemClock): { http: Http; events: EventBody[] } {
  const events: EventBody[] = [];
  const whole = { caFile: null, proxy: NO_PROXY, userAgent: "modelferry/1.2.3", ...settings };
  const http = createHttp(whole, { clock, report: (event) => events.push(event) });
  open.push(http);
  return { http, events };
}

const failure = (promise: Promise<unknown>): Promise<ModelsError> =>
  promise.then(
    () => Promise.reject(new Error("it succeeded")),
    (error: ModelsError) => error,
  );

describe("createHttp() request", () => {
  it("names the program, refuses compression and gives the answer", async () => {
    const { http } = make();
    const answer = await http.request({ url: `${server.url}/a.bin`, headers: { range: "bytes=0-4" } });
    expect(answer).toMatchObject({ status: 206, url: `${server.url}/a.bin`, hops: [], mayBePrivate: true });
    expect(Buffer.from(answer.body).toString()).toBe("hello");
    expect(server.requests[0]?.headers).toMatchObject({
      "user-agent": "modelferry/1.2.3",
      "accept-encoding": "identity",
    });
  });

  it("gives 401, 403, 404, 410 and 451 at once, without another try", async () => {
    const { http } = make();
    for (const code of [401, 403, 404, 410, 451]) {
      server.faults.clear();
      server.faults.add(always, status(code, {}, "why"));
      const before = server.requests.length;
      expect((await http.request({ url: `${server.url}/a.bin` })).status).toBe(code);
      expect(server.requests.length - before).toBe(1);
    }
  });

  it("refuses a compressed answer", async () => {
    const { http } = make();
    server.faults.add(always, gzip);
    const error = await failure(http.request({ url: `${server.url}/a.bin` }));
    expect(error).toMatchObject({ code: "MIRROR_FAILED", message: expect.stringMatching(/Content-Encoding "gzip"/) });
    expect(server.requests.length).toBe(1);
  });

  it("reads no more than maxBytes: refuses the rest, or cuts it off", async () => {
    const { http } = make();
    const url = server.put("big.bin", { size: 1e12, read: (start, end) => Buffer.alloc(end - start) });
    const error = await failure(http.request({ url, maxBytes: 1000 }));
    expect(error.message).toMatch(/sends more than 1\.0 kB/);
    const cut = await http.request({ url, maxBytes: 1000, overflow: "cut" });
    expect(cut.body.length).toBe(1000);
    expect(server.requests.length).toBe(2);
  });

  it("survives a flood of interim answers and refuses an oversized head", async () => {
    const { http } = make({}, quickClock());
    server.faults.add(nth(always, 1), hints(200));
    expect((await http.request({ url: `${server.url}/a.bin` })).status).toBe(200);
    server.faults.add(always, hugeHeaders(40_000));
    const error = await failure(http.request({ url: `${server.url}/a.bin` }));
    expect(error.message).toMatch(/head of its answer is too long/);
  });

  it("joins a header that comes twice", async () => {
    const { http } = make();
    server.faults.add(always, duplicateHeader("ETag", '"other"', '"one"'));
    const { etag } = (await http.request({ url: `${server.url}/a.bin` })).headers;
    expect(etag).toContain(", ");
  });

  it("stops when it is told to, with the caller's reason", async () => {
    const { http } = make();
    server.faults.add(always, stallHead());
    const abort = new AbortController();
    const asked = failure(http.request({ url: `${server.url}/a.bin`, signal: abort.signal }));
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await asked).toBe(reason);
  });

  it("ends what is under way when it is closed", async () => {
    const { http } = make();
    server.faults.add(always, stallHead());
    const asked = failure(http.request({ url: `${server.url}/a.bin` }));
    await http.close();
    expect((await asked).code).toBe("INTERRUPTED");
  });
});

describe("createHttp() retries", () => {
  it.each([
    ["408", status(408)],
    ["500", status(500)],
    ["503", status(503)],
    ["503 that asks for no pause", retryAfter(0, 503)],
    ["a reset", resetAfter(3)],
    ["a body that ends early", truncateAfter(3)],
  ])("comes back after %s", async (_title, fault) => {
    const clock = quickClock();
    const { http } = make({}, clock);
    server.faults.add(always, fault, 3);
    expect((await http.request({ url: `${server.url}/a.bin` })).status).toBe(200);
    expect(server.requests.length).toBe(4);
    expect(clock.slept).toEqual([187.5, 375, 750]);
  });

  it("gives up after four tries and names host and status, but no secret", async () => {
    const { http } = make({}, quickClock());
    server.faults.add(always, status(502));
    const error = await failure(http.request({ url: `${server.url}/a.bin?token=abc` }));
    expect(error.code).toBe("MIRROR_FAILED");
    expect(error.message).toContain(`${server.host}:${server.port} answers 502 after 4 tries`);
    expect(error.message).not.toContain("abc");
    expect(server.requests.length).toBe(4);
  });

  it("gives up on a host that nobody knows", async () => {
    const { http } = make({}, quickClock());
    const error = await failure(http.request({ url: "https://no-such-host.invalid/a" }));
    expect(error).toMatchObject({ code: "MIRROR_FAILED", message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
  });

  it("bounds silence before the head, inside the body, and a body that drips", async () => {
    const { http } = make({ idleTimeoutMs: 300 }, quickClock());
    server.faults.add(nth(always, 1), stallHead());
    server.faults.add(nth(always, 2), stallHead("torn"));
    server.faults.add(nth(always, 3), stallAfter(2));
    expect((await http.request({ url: `${server.url}/a.bin` })).status).toBe(200);
    server.faults.clear();
    server.faults.add(always, slowFrom(0, 1));
    const dripping = make();
    const error = await failure(
      dripping.http.request({ url: `${server.url}/a.bin`, deadlineMs: 100, signal: AbortSignal.timeout(20_000) }),
    );
    expect(error).toMatchObject({
      code: "MIRROR_STALLED",
      message: expect.stringMatching(/no whole answer after 0\.1 s/),
    });
  });
});

describe("createHttp() rate limits", () => {
  it.each([
    ["RateLimit", rateLimited(87), 88_000],
    ["Retry-After in seconds", retryAfter(3), 3000],
    ["503 with Retry-After", retryAfter(3, 503), 3000],
    ["Retry-After as a date", retryAfter(new Date(systemClock.now() + 120_000).toUTCString()), 112_000],
  ])("waits as long as %s says, and tells so", async (_title, fault, waitMs) => {
    const clock = quickClock();
    const { http, events } = make({}, clock);
    server.faults.add(nth(always, 1), fault);
    expect((await http.request({ url: `${server.url}/a.bin` })).status).toBe(200);
    expect(clock.slept.length).toBe(1);
    expect(clock.slept[0]).toBeGreaterThan(waitMs - 100);
    expect(clock.slept[0]).toBeLessThan(waitMs + 8000);
    expect(events).toMatchObject([
      { kind: "waiting", on: "rate-limit", message: expect.stringContaining(server.host) },
    ]);
  });

  it.each([
    ["a billion seconds", retryAfter(1_000_000_000)],
    ["a date far away", retryAfter("Fri, 31 Dec 2999 23:59:59 GMT")],
    ["a RateLimit of a day", rateLimited(86_400)],
  ])("does not wait for %s", async (_title, fault) => {
    const { http } = make({}, quickClock());
    server.faults.add(always, fault);
    const error = await failure(http.request({ url: `${server.url}/a.bin` }));
    expect(error.code).toBe("MIRROR_RATE_LIMITED");
    expect(error.message).toMatch(/expected at most 10 m/);
    expect(server.requests.length).toBe(1);
  });

  it("lets nobody else ask a host that wants a pause, and says so once", async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let skipped = 0;
    const clock: Clock = {
      ...systemClock,
      monotonicMs: () => systemClock.monotonicMs() + skipped,
      sleep: async (ms, signal) => (ms === 60_000 ? systemClock.sleep(ms, signal) : released),
    };
    const { http, events } = make({}, clock);
    server.faults.add(nth(always, 1), rateLimited(30));
    const first = http.request({ url: `${server.url}/a.bin` });
    while (events.length === 0) await systemClock.sleep(1);
    const more = Array.from({ length: 10 }, () => http.request({ url: `${server.url}/a.bin` }));
    await other.faults.clear();
    expect((await http.request({ url: `${other.url}/b.bin` })).status).toBe(200);
    expect(server.requests.length).toBe(1);
    skipped = 40_000;
    release();
    await Promise.all([first, ...more]);
    expect(events.length).toBe(1);
    expect(server.requests.length).toBe(12);
  });
});

describe("createHttp() redirects", () => {
  it("follows absolute, relative and //host addresses and tells the way", async () => {
    const { http } = make();
    server.faults.add(onPath("/1"), redirectTo("/deep/2"));
    server.faults.add(onPath("/deep/2"), redirectTo("../3?x=1", 307));
    server.faults.add(onPath("/3"), redirectTo(`//${other.host}:${other.port}/b.bin`, 301));
    const answer = await http.request({ url: `${server.url}/1` });
    expect(answer).toMatchObject({ status: 200, url: `${other.url}/b.bin` });
    expect(answer.hops.map(({ status: code }) => code)).toEqual([302, 307, 301]);
  });

  it("leaves the redirect to the caller who wants it", async () => {
    const { http } = make();
    server.faults.add(always, redirectTo("/b"));
    const answer = await http.request({ url: `${server.url}/a.bin`, redirect: "manual" });
    expect(answer).toMatchObject({ status: 302, headers: { location: "/b" } });
  });

  it("keeps credentials and own headers at home: another port is another origin, and back is too late", async () => {
    const { http } = make();
    server.faults.add(onPath("/a.bin"), redirectTo("/same"));
    server.faults.add(onPath("/same"), redirectTo(`${other.url}/away`));
    other.faults.add(onPath("/away"), redirectTo(`${server.url}/back`));
    server.faults.add(onPath("/back"), status(200));
    await http.request({
      url: `${server.url}/a.bin`,
      headers: { range: "bytes=0-1", cookie: "c", "x-api-key": "k" },
      credential: { origin: server.url, headers: { authorization: "Bearer t" } },
    });
    const secrets = [...server.requests, ...other.requests]
      .sort((a, b) => a.time - b.time)
      .map(
        ({ headers }) =>
          [headers.authorization, headers.cookie, headers["x-api-key"]].filter((one) => one !== undefined).length,
      );
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer t", "Bearer t", undefined]);
    expect(other.requests[0]?.headers).not.toHaveProperty("authorization");
    expect(secrets.filter((count) => count > 0)).toEqual([3, 3]);
    expect(other.requests[0]?.range).toBe("bytes=0-1");
  });

  it("does not give a credential to another origin to begin with", async () => {
    const { http } = make();
    await http.request({
      url: `${other.url}/b.bin`,
      credential: { origin: server.url, headers: { authorization: "Bearer t" } },
    });
    expect(other.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  it.each([
    ["a circle", "/a.bin", /circle/],
    ["ftp", "ftp://example.com/a", /ftp:/],
    ["a file", "file:///etc/passwd", /file:/],
    ["data", "data:text/plain,hi", /data:/],
    ["a user in the address", "https://a@evil.example/", /user name/],
    ["what is no URL", "https://[", /not a URL/],
  ])("refuses %s", async (_title, location, message) => {
    const { http } = make();
    server.faults.add(always, redirectTo(location));
    const error = await failure(http.request({ url: `${server.url}/a.bin` }));
    expect(error).toMatchObject({ code: "MIRROR_LIED", message: expect.stringMatching(message) });
    expect(server.requests.length).toBe(1);
  });

  it("follows five and refuses the sixth", async () => {
    const { http } = make();
    server.faults.add(always, (reply, { url }) => {
      const at = Number(/\/n(\d+)/.exec(url)?.[1] ?? 0);
      return at === 0 ? reply : redirectTo(at === 1 ? "/a.bin" : `/n${at - 1}`)(reply, { url } as never);
    });
    expect((await http.request({ url: `${server.url}/n5` })).hops.length).toBe(5);
    expect(await failure(http.request({ url: `${server.url}/n6` }))).toMatchObject({
      code: "MIRROR_LIED",
      message: expect.stringMatching(/6th, expected at most 5/),
    });
  });

  it.each(["http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "http://100.100.100.200/"])(
    "never goes to %s, whoever sends it there",
    async (location) => {
      const { http } = make();
      server.faults.add(always, redirectTo(location));
      expect(await failure(http.request({ url: `${server.url}/a.bin` }))).toMatchObject({
        code: "MIRROR_LIED",
        message: expect.stringMatching(/credentials/),
      });
    },
  );

  it.each([
    "127.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "2130706433",
    "0x7f.1",
    "10.0.0.1",
    "192.168.1.1",
    "[fe80::1]",
  ])("does not let a public source lead to %s", async (host) => {
    const { http } = make();
    const error = await failure(http.request({ url: `http://${host}:${server.port}/a.bin`, mayBePrivate: false }));
    expect(error.code).toBe("MIRROR_LIED");
    expect(server.requests.length).toBe(0);
  });

  it("judges the addresses of a name at the moment of the connect", async () => {
    const { http } = make();
    const error = await failure(http.request({ url: `http://runsc.localhost:${server.port}/`, mayBePrivate: false }));
    expect(error.code).toBe("MIRROR_LIED");
  });
});

describe("createHttp() trust", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelferry-http-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("verifies certificates, and trusts an authority of its own beside the others", async () => {
    const authority = await createAuthority();
    await using secure = await startRangeServer({ "/a.bin": BODY }, { tls: authority });
    const error = await failure(make().http.request({ url: `${secure.url}/a.bin` }));
    expect(error).toMatchObject({ code: "MIRROR_FAILED", fix: expect.stringMatching(/NODE_EXTRA_CA_CERTS/) });
    const { http } = make({ caFile: await authority.writeTo(folder) });
    expect((await http.request({ url: `${secure.url}/a.bin` })).status).toBe(200);
  });

  it("refuses a certificate for another name", async () => {
    const authority = await createAuthority();
    await using secure = await startRangeServer({ "/a.bin": BODY }, { tls: authority, host: "0.0.0.0" });
    const { http } = make({ caFile: await authority.writeTo(folder) });
    const error = await failure(http.request({ url: `https://127.0.0.1:${secure.port}/a.bin` }));
    expect(error.message).toMatch(/ALTNAME/);
    expect(secure.requests.length).toBe(0);
  });

  it("refuses to go from https to http", async () => {
    const authority = await createAuthority();
    await using secure = await startRangeServer({}, { tls: authority });
    secure.faults.add(always, redirectTo(`${other.url}/b.bin`));
    const { http } = make({ caFile: await authority.writeTo(folder) });
    expect(await failure(http.request({ url: `${secure.url}/a` }))).toMatchObject({
      code: "MIRROR_LIED",
      message: expect.stringMatching(/plain http/),
    });
    expect(other.requests.length).toBe(0);
  });

  it("says what is wrong with a CA file", async () => {
    const path = join(folder, "ca.pem");
    const read = (): Promise<ModelsError> =>
      failure(make({ caFile: path }).http.request({ url: `${server.url}/a.bin` }));
    expect(await read()).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(/ENOENT/) });
    await writeFile(path, "not a certificate");
    expect(await read()).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/no PEM certificate/),
    });
  });
});

/** One variable, for the schemes that it holds for. */
function only(name: string, value: string): HttpSettings["proxy"] {
  const holdsFor = (scheme: string): boolean => new RegExp(`^(?:all|${scheme})_`, "i").test(name);
  const variable = { name, value };
  return { http: holdsFor("http") ? variable : null, https: holdsFor("https") ? variable : null, none: null };
}

describe("createHttp() proxy", () => {
  it("goes through the proxy of the scheme, with its credential, and past it where NO_PROXY says so", async () => {
    await using proxy = await startProxy({ credential: "user:pass" });
    const variable = { name: "ALL_PROXY", value: proxy.url.replace("http://", "http://user:pass@") };
    const { http } = make({
      proxy: {
        http: variable,
        https: variable,
        none: other.host === server.host ? `x.example,${other.host}:${other.port}` : "",
      },
    });
    expect((await http.request({ url: `${server.url}/a.bin` })).status).toBe(200);
    expect(proxy.requests.length).toBe(1);
    expect((await http.request({ url: `${other.url}/b.bin` })).status).toBe(200);
    expect(proxy.requests.length).toBe(1);
  });

  it("tunnels https and verifies the certificate at the far end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "modelferry-http-"));
    const authority = await createAuthority();
    await using secure = await startRangeServer({ "/a.bin": BODY }, { tls: authority });
    await using proxy = await startProxy();
    const settings = { proxy: only("HTTPS_PROXY", proxy.url) };
    const trusting = make({ ...settings, caFile: await authority.writeTo(folder) });
    expect((await trusting.http.request({ url: `${secure.url}/a.bin` })).status).toBe(200);
    expect(proxy.requests[0]).toMatchObject({ method: "CONNECT", target: `127.0.0.1:${secure.port}` });
    expect((await failure(make(settings).http.request({ url: `${secure.url}/a.bin` }))).message).toMatch(
      /certificate is not trusted/,
    );
    await rm(folder, { recursive: true });
  });

  it("asks for http in absolute form, as proxies want it that open tunnels to port 443 only", async () => {
    await using proxy = await startProxy({ credential: "us er:p@:s", tunnelStatus: 403 });
    const { http } = make({ proxy: only("http_proxy", proxy.url.replace("//", "//us%20er:p%40%3As@")) });
    const own = { origin: server.url, headers: { authorization: "Bearer mine" } };
    const answer = await http.request({ url: `${server.url}/a.bin?x=1`, credential: own });
    expect(Buffer.from(answer.body)).toEqual(BODY);
    expect(proxy.requests).toMatchObject([{ method: "GET", target: `${server.url}/a.bin?x=1`, status: 200 }]);
    expect(server.requests[0]?.headers).toMatchObject({
      host: new URL(server.url).host,
      authorization: "Bearer mine",
    });
  });

  it("shows the credential of the proxy to no host behind it", async () => {
    const authority = await createAuthority();
    await using secure = await startRangeServer({ "/a.bin": BODY }, { tls: authority });
    await using proxy = await startProxy({ credential: "user:right" });
    const folder = await mkdtemp(join(tmpdir(), "modelferry-http-"));
    const settings = { proxy: only("ALL_PROXY", proxy.url.replace("//", "//user:right@")) };
    const { http } = make({ ...settings, caFile: await authority.writeTo(folder) });
    for (const origin of [server, secure]) {
      expect((await http.request({ url: `${origin.url}/a.bin` })).status).toBe(200);
      expect(JSON.stringify(origin.requests)).not.toMatch(/proxy-authorization|dXNlcjpyaWdodA/i);
    }
    expect(proxy.requests.map(({ method }) => method)).toEqual(["GET", "CONNECT"]);
    await rm(folder, { recursive: true });
  });

  it.each([
    ["http_proxy", "http://models.invalid/a"],
    ["ALL_PROXY", "https://models.invalid/a"],
  ])("says so when the proxy of %s refuses, without its password", async (name, url) => {
    await using proxy = await startProxy({ credential: "user:right" });
    const { http } = make({ proxy: only(name, proxy.url.replace("//", "//user:wrong@")) }, quickClock());
    const error = await failure(http.request({ url }));
    expect(error.message).toContain(`the proxy ${new URL(proxy.url).host} answers 407`);
    expect(error.message + error.fix).not.toContain("wrong");
    expect(error.fix).toContain(`check ${name} and`);
    expect(proxy.requests.length).toBe(1);
  });

  it("tries a tunnel again that the proxy could not open, and then blames the proxy", async () => {
    await using proxy = await startProxy({ tunnelStatus: 502 });
    const { http } = make({ proxy: only("https_proxy", proxy.url) }, quickClock());
    const error = await failure(http.request({ url: "https://models.invalid/a" }));
    expect(error.message).toMatch(new RegExp(`: the proxy ${new URL(proxy.url).host} answers 502$`));
    expect(error.fix).toContain("check https_proxy");
    expect(proxy.requests.length).toBe(4);
  });

  it("blames squid and tinyproxy for their own pages, and the host for others", async () => {
    server.faults.add(onPath("/own"), status(403, { "X-Squid-Error": "ERR_ACCESS_DENIED 0" }));
    server.faults.add(onPath("/tiny"), status(401, { Server: "tinyproxy/1.11.1" }));
    server.faults.add(onPath("/far"), status(403));
    server.faults.add(onPath("/down"), status(504));
    await using proxy = await startProxy();
    const { http } = make({ proxy: only("HTTP_PROXY", proxy.url) }, quickClock());
    const { host } = new URL(proxy.url);
    expect(await failure(http.request({ url: `${server.url}/own` }))).toMatchObject({
      message: expect.stringContaining(`the proxy ${host} answers 403`),
      fix: expect.stringContaining("HTTP_PROXY"),
    });
    const wrong = await failure(http.request({ url: `${server.url}/tiny` }));
    expect(wrong.message).toContain(`the proxy ${host} answers 401`);
    expect((await http.request({ url: `${server.url}/far` })).status).toBe(403);
    expect((await failure(http.request({ url: `${server.url}/down` }))).message).toContain(
      `answers 504 through the proxy ${host}`,
    );
  });

  it.each([
    ["https_proxy", "https://models.invalid/a"],
    ["http_proxy", "http://models.invalid/a"],
  ])("blames the proxy of %s, not the host behind it, when nobody answers there", async (name, url) => {
    const { http } = make({ proxy: only(name, "http://user:right@127.0.0.1:1") }, quickClock());
    const error = await failure(http.request({ url }));
    expect(error.message).toContain("the proxy 127.0.0.1:1 cannot be reached");
    expect(error.message).not.toContain("right");
    expect(error.fix).toContain(`check ${name},`);
  });

  it("names the proxy when it takes the connection and says nothing", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
    const { port } = silent.address() as AddressInfo;
    const { http } = make({ proxy: only("HTTPS_PROXY", `http://user:right@127.0.0.1:${port}`) }, quickClock());
    const error = await failure(http.request({ url: "https://models.invalid/a", deadlineMs: 100 }));
    expect(error.code).toBe("MIRROR_STALLED");
    expect(error.message).toMatch(
      new RegExp(`no whole answer after 0\\.1 s through the proxy 127\\.0\\.0\\.1:${port}$`),
    );
    silent.close();
  });
});

describe("createHttp() fetchText", () => {
  it("gives the text, and refuses what is missing, secret, not text or not secure", async () => {
    const { http } = make();
    const url = server.put("kit.yaml", Buffer.from("\ufeffname: ä\n"));
    expect(await http.fetchText(url)).toBe("\ufeffname: ä\n");
    expect((await failure(http.fetchText(`${server.url}/nope`))).code).toBe("SOURCE_NOT_FOUND");
    expect(await failure(http.fetchText(server.put("x", Buffer.from([0xff, 0xfe, 0x00]))))).toMatchObject({
      message: expect.stringMatching(/UTF-8/),
    });
    server.faults.add(always, status(403));
    expect((await failure(http.fetchText(url))).code).toBe("SOURCE_UNAUTHORIZED");
    expect((await failure(http.fetchText("http://example.com/kit.yaml"))).code).toBe("SOURCE_INVALID");
    expect((await failure(http.fetchText("ftp://example.com/kit.yaml"))).code).toBe("SOURCE_INVALID");
  });
});

describe("createHttp() against a server that is no web server", () => {
  it("fails with the host's name", async () => {
    const garbage: Server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9\r\n"));
    await new Promise<void>((resolve) => garbage.listen(0, "127.0.0.1", resolve));
    const { port } = garbage.address() as AddressInfo;
    const { http } = make({}, quickClock());
    const error = await failure(http.request({ url: `http://127.0.0.1:${port}/a` }));
    garbage.close();
    expect(error).toMatchObject({ code: "MIRROR_FAILED", message: expect.stringContaining(`127.0.0.1:${port}`) });
  });
});
