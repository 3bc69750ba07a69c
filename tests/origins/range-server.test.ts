/** The web server that tests fetch from: first that it is right, then that it is wrong in exactly the way it was told. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  after,
  always,
  both,
  chunked,
  contentRange,
  covers,
  createAuthority,
  createNoise,
  dieAfter,
  dropAfter,
  duplicateHeader,
  etag,
  flip,
  gzip,
  hints,
  hugeHeaders,
  ignoreRange,
  isGet,
  isHead,
  isRanged,
  lfsPointer,
  longBody,
  multipart,
  nth,
  onPath,
  type Predicate,
  page,
  type RangeServer,
  rateLimited,
  redirectTo,
  resetAfter,
  retryAfter,
  shortBody,
  slowFrom,
  stallAfter,
  stallHead,
  startRangeServer,
  status,
  truncateAfter,
} from "./index.ts";
import { rawRequest } from "./raw-client.ts";

const SIZE = 300_000;
const bytes = createNoise("range server")(0, SIZE);
const ranged = (start: number, last: number): RequestInit => ({ headers: { range: `bytes=${start}-${last}` } });
const bodyOf = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer());

let server: RangeServer;
let url: string;

beforeEach(async () => {
  server = await startRangeServer({ "/a b/weights.bin": bytes });
  url = `${server.url}/a%20b/weights.bin`;
});
afterEach(() => server.close());

describe("startRangeServer()", () => {
  it("serves the whole content with its length and a strong ETag", async () => {
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-length")).toBe(String(SIZE));
    expect(answer.headers.get("accept-ranges")).toBe("bytes");
    expect(answer.headers.get("etag")).toMatch(/^"[0-9a-f]{32}"$/);
    expect((await bodyOf(answer)).equals(bytes)).toBe(true);
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=1000-1999", 1000, 2000],
    ["bytes=299990-", 299_990, SIZE],
    ["bytes=-10", SIZE - 10, SIZE],
    ["bytes=299990-999999999", 299_990, SIZE],
  ])("answers %s with 206 and exactly these bytes", async (range, start, end) => {
    const answer = await fetch(url, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/${SIZE}`);
    expect((await bodyOf(answer)).equals(bytes.subarray(start, end))).toBe(true);
  });

  it("answers a range beyond the end with 416 and the true size", async () => {
    const answer = await fetch(url, ranged(SIZE, SIZE + 1));
    expect([answer.status, answer.headers.get("content-range")]).toEqual([416, `bytes */${SIZE}`]);
  });

  it("ignores what is no range, and several ranges at once", async () => {
    for (const range of ["bytes=a-b", "lines=1-2", "bytes=5-2", "bytes=0-1,4-5"]) {
      expect((await fetch(url, { headers: { range } })).status).toBe(200);
    }
  });

  it("keeps If-Match, If-None-Match and If-Range", async () => {
    const tag = (await fetch(url, { method: "HEAD" })).headers.get("etag") ?? "";
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(url, { headers: { range: "bytes=0-9", ...headers } })).status;
    expect(await ask({ "if-match": tag })).toBe(206);
    expect(await ask({ "if-match": '"other"' })).toBe(412);
    expect(await ask({ "if-none-match": tag })).toBe(304);
    expect(await ask({ "if-range": tag })).toBe(206);
    expect(await ask({ "if-range": '"other"' })).toBe(200);
  });

  it("gives replaced content a new ETag", async () => {
    const before = (await fetch(url)).headers.get("etag");
    server.put("/a b/weights.bin", Buffer.from("new"));
    const now = await fetch(url);
    expect(now.headers.get("etag")).not.toBe(before);
    expect(await now.text()).toBe("new");
  });

  it("serves files and generated content like memory", async () => {
    const folder = await mkdtemp(join(tmpdir(), "origin-"));
    await writeFile(join(folder, "file"), bytes);
    const read = (start: number, end: number): Uint8Array => bytes.subarray(start, end);
    for (const content of [{ file: join(folder, "file") }, { size: SIZE, read }]) {
      const answer = await fetch(server.put("/other", content), ranged(70_000, 299_998));
      expect((await bodyOf(answer)).equals(bytes.subarray(70_000, 299_999))).toBe(true);
    }
    await rm(folder, { recursive: true });
  });

  it("logs each request with its headers, range, status, bytes and connection", async () => {
    await bodyOf(await fetch(url, { headers: { range: "bytes=0-99", authorization: "Bearer t" } }));
    await bodyOf(await fetch(url, { method: "HEAD" }));
    await bodyOf(await fetch(`${server.url}/none`));
    expect(server.requests.map(({ method, status, bytesSent, range }) => [method, status, bytesSent, range])).toEqual([
      ["GET", 206, 100, "bytes=0-99"],
      ["HEAD", 200, 0, null],
      ["GET", 404, 9, null],
    ]);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer t");
    expect(server.requests[0]?.socketId).toBeGreaterThan(0);
    expect(server.bytesSent()).toBe(109);
  });

  it("speaks TLS that a client trusts through the authority's file", async () => {
    const authority = await createAuthority();
    await using tls = await startRangeServer({ "/x": bytes }, { tls: authority, host: "127.0.0.3" });
    const ask = (ca: string | undefined): Promise<number> =>
      new Promise((resolve, reject) => {
        const asked = httpsRequest(`${tls.url}/x`, { ca, agent: false }, (answer) => {
          let got = 0;
          answer.on("data", (step: Buffer) => {
            got += step.length;
          });
          answer.on("error", reject).on("end", () => resolve(got));
        });
        asked.on("error", reject).end();
      });
    expect(await ask(authority.ca)).toBe(SIZE);
    await expect(ask(undefined)).rejects.toThrow(/certificate|verify/);
    tls.faults.add(always, resetAfter(1000));
    await expect(ask(authority.ca)).rejects.toThrow(/ECONNRESET|aborted|hang up/);
    tls.faults.add(always, dropAfter(1000));
    await expect(ask(authority.ca)).rejects.toThrow(/ECONNRESET|aborted|hang up/);
  });

  it("closes at once although a reader is being sent to", async () => {
    server.setShape({ bytesPerSecond: 1000 });
    const answer = await fetch(url);
    const begun = performance.now();
    await server.close();
    expect(performance.now() - begun).toBeLessThan(1000);
    await expect(bodyOf(answer)).rejects.toThrow();
  });

  it("dies and comes back on the same port", async () => {
    await bodyOf(await fetch(url));
    await server.die();
    await expect(fetch(url)).rejects.toThrow();
    await server.revive();
    expect((await fetch(url)).status).toBe(200);
  });
});

describe("shape", () => {
  const timed = async (urls: readonly string[]): Promise<number> => {
    const begun = performance.now();
    await Promise.all(urls.map(async (one) => bodyOf(await fetch(one))));
    return performance.now() - begun;
  };

  it("holds all connections together to the rate", async () => {
    server.setShape({ bytesPerSecond: 2_000_000 });
    const ms = await timed([url, url, url, url]);
    expect(ms).toBeGreaterThan(500);
    expect(ms).toBeLessThan(2000);
  });

  it("holds each connection to its own rate", async () => {
    server.setShape({ connectionBytesPerSecond: 600_000 });
    const ms = await timed([url, url, url]);
    expect(ms).toBeGreaterThan(400);
    expect(ms).toBeLessThan(2000);
  });

  it("spreads the bytes evenly over the time", async () => {
    server.setShape({ bytesPerSecond: 600_000 });
    const answer = await fetch(url);
    const arrivals: number[] = [];
    const begun = performance.now();
    for await (const step of answer.body as unknown as AsyncIterable<Uint8Array>) {
      arrivals.push(performance.now() - begun);
      expect(step.length).toBeLessThan(160_000);
    }
    expect(arrivals.length).toBeGreaterThan(10);
  });

  it("lets everyone have a byte now and then at a rate too low to share", async () => {
    server.setShape({ bytesPerSecond: 400 });
    const urls = Array.from({ length: 8 }, () => url);
    const answers = await Promise.all(urls.map((one) => rawRequest(one, { limitMs: 250 })));
    expect(answers.filter(({ body }) => body.length > 0).length).toBe(8);
  });

  it("waits before the first byte", async () => {
    server.setShape({ latencyMs: 120 });
    expect(await timed([url])).toBeGreaterThan(115);
  });
});

describe("predicates", () => {
  it("pick requests by method, range, path and number", async () => {
    const teapot = status(418);
    const ask = async (init: RequestInit = {}): Promise<boolean> => (await fetch(url, init)).status === 418;
    const picks = async (when: Predicate): Promise<readonly boolean[]> => {
      const undo = server.faults.add(when, teapot);
      const asked = [await ask(), await ask({ method: "HEAD" }), await ask(ranged(10, 19))];
      undo();
      return asked;
    };
    expect(await picks(isGet)).toEqual([true, false, true]);
    expect(await picks(isHead)).toEqual([false, true, false]);
    expect(await picks(isRanged)).toEqual([false, false, true]);
    expect(await picks(covers(19))).toEqual([false, false, true]);
    expect(await picks(covers(20))).toEqual([false, false, false]);
    expect(await picks(both(onPath("weights"), isGet))).toEqual([true, false, true]);
    expect(await picks(nth(isGet, 2))).toEqual([false, false, true]);
  });
});

describe("faults", () => {
  const get = (headers: Record<string, string> = { Range: "bytes=1000-100999" }) => rawRequest(url, { headers });

  it("resetAfter() sends so many bytes and resets the connection", async () => {
    server.faults.add(always, resetAfter(5000));
    const { head, body, end } = await get();
    expect([head.split("\r\n")[0], end]).toEqual(["HTTP/1.1 206 Partial Content", "reset"]);
    expect(body.length).toBeLessThanOrEqual(5000);
  });

  it("truncateAfter() closes early with the full length promised", async () => {
    server.faults.add(always, truncateAfter(5000));
    const { head, body, end } = await get();
    expect(head).toContain("Content-Length: 100000");
    expect([body.length, end]).toEqual([5000, "closed"]);
  });

  it("stallAfter() and stallHead() hang with the connection open", async () => {
    const undo = server.faults.add(always, stallAfter(5000));
    expect(await get()).toMatchObject({ end: "waiting", body: { length: 5000 } });
    undo();
    server.faults.add(always, stallHead(), 1);
    expect(await get()).toMatchObject({ end: "waiting", head: "" });
    server.faults.add(always, stallHead("torn"), 1);
    expect((await get()).head).toBe("HTTP/1.1 206 OK\r\nContent-Ty");
    expect(server.requests.length).toBe(3);
  });

  it("slowFrom() crawls from one byte on", async () => {
    server.faults.add(always, slowFrom(5000, 1000));
    const { body, end } = await rawRequest(url, { patienceMs: 500, headers: { Range: "bytes=0-5099" } });
    expect(end).toBe("waiting");
    expect(body.length).toBe(5100);
  });

  it("status(), rateLimited() and retryAfter() answer in place of the content", async () => {
    server.faults.add(nth(always, 1), status(451, { "X-Why": "law" }, "no"));
    server.faults.add(nth(always, 2), rateLimited(87));
    server.faults.add(nth(always, 3), retryAfter(3, 503));
    const answers = [await fetch(url), await fetch(url), await fetch(url), await fetch(url)];
    expect(answers.map((answer) => answer.status)).toEqual([451, 429, 503, 200]);
    expect(answers[0]?.headers.get("x-why")).toBe("law");
    expect(answers[1]?.headers.get("ratelimit")).toBe('"resolvers";r=0;t=87');
    expect(answers[2]?.headers.get("retry-after")).toBe("3");
  });

  it("redirectTo(), page() and lfsPointer() lead astray", async () => {
    server.faults.add(always, redirectTo("//evil.example/x"), 1);
    const moved = await fetch(url, { redirect: "manual" });
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "//evil.example/x"]);
    server.faults.add(always, page(), 1);
    expect((await fetch(url, ranged(0, 9))).headers.get("content-type")).toContain("text/html");
    server.faults.add(always, lfsPointer("ab".repeat(32), 5), 1);
    expect(await (await fetch(url)).text()).toMatch(/^version https:\/\/git-lfs.*\noid sha256:abab/);
  });

  it("ignoreRange, contentRange() and etag() tell another story than the request", async () => {
    server.faults.add(nth(always, 1), ignoreRange);
    const whole = await fetch(url, ranged(10, 19));
    expect([whole.status, (await bodyOf(whole)).length]).toEqual([200, SIZE]);
    server.faults.add(
      nth(always, 1),
      contentRange((start, last, total) => `bytes ${start + 1}-${last}/${total}`),
    );
    expect((await fetch(url, ranged(10, 19))).headers.get("content-range")).toBe(`bytes 11-19/${SIZE}`);
    server.faults.add(after(always, 1), etag('"changed"'));
    const tags = [await fetch(url), await fetch(url)].map((answer) => answer.headers.get("etag"));
    expect(tags[0]).not.toBe('"changed"');
    expect(tags[1]).toBe('"changed"');
  });

  it("before() acts between two requests: the object is replaced, and its old ETag refused", async () => {
    const tag = (await fetch(url)).headers.get("etag") ?? "";
    server.before(nth(always, 2), () => server.put("/a b/weights.bin", Buffer.alloc(SIZE)));
    const headers = { "if-match": tag };
    expect([(await fetch(url, { headers })).status, (await fetch(url, { headers })).status]).toEqual([200, 412]);
  });

  it("flip() changes one bit of the content wherever it is asked for, or every byte", async () => {
    server.faults.add(covers(1500), flip(1500));
    const wrong = await bodyOf(await fetch(url, ranged(1000, 1999)));
    expect([...wrong.keys()].filter((i) => wrong[i] !== bytes[1000 + i])).toEqual([500]);
    expect((await bodyOf(await fetch(url, ranged(0, 999)))).equals(bytes.subarray(0, 1000))).toBe(true);
    server.faults.clear();
    server.faults.add(always, flip("all"));
    expect((await bodyOf(await fetch(url, ranged(0, 9))))[0]).toBe((bytes[0] as number) ^ 0xff);
    expect((await bodyOf(await fetch(url, ranged(0, 9))))[0]).toBe((bytes[0] as number) ^ 0xff);
  });

  it("shortBody() and longBody() send another number of bytes than the range has", async () => {
    server.faults.add(always, shortBody(10), 1);
    expect((await bodyOf(await fetch(url, ranged(0, 99)))).length).toBe(90);
    server.faults.add(always, longBody(10), 1);
    expect((await bodyOf(await fetch(url, ranged(SIZE - 5, SIZE - 1)))).length).toBe(15);
    server.faults.add(always, longBody(10, false), 1);
    const overrun = await rawRequest(url, { headers: { Range: "bytes=0-99" } });
    expect(overrun.head).toContain("Content-Length: 100");
    expect(overrun.body.length).toBe(110);
  });

  it("chunked, gzip and multipart frame the bytes in another way", async () => {
    server.faults.add(always, chunked, 1);
    const raw = await get({ Range: "bytes=0-9" });
    expect(raw.head).toContain("Transfer-Encoding: chunked");
    expect(raw.body.toString("latin1")).toMatch(/^a\r\n/);
    server.faults.add(always, gzip, 1);
    const packed = await get({ Range: "bytes=0-999" });
    expect(packed.head).toContain("Content-Encoding: gzip");
    expect(gunzipSync(packed.body).equals(bytes.subarray(0, 1000))).toBe(true);
    server.faults.add(always, multipart, 1);
    const parts = await get({ Range: "bytes=0-9" });
    expect(parts.head).toContain("multipart/byteranges; boundary=PART");
    expect(parts.body.includes(bytes.subarray(0, 10))).toBe(true);
  });

  it("duplicateHeader(), hints() and hugeHeaders() swell the head", async () => {
    server.faults.add(always, duplicateHeader("Content-Length", "5"), 1);
    expect((await get({ Range: "bytes=0-9" })).head.match(/Content-Length/g)).toHaveLength(2);
    server.faults.add(always, hints(50), 1);
    const flood = await get({ Range: "bytes=0-9" });
    expect(flood.head).toMatch(/^HTTP\/1.1 103/);
    expect(flood.body.toString("latin1").match(/HTTP\/1.1 103/g)).toHaveLength(49);
    server.faults.add(always, hugeHeaders(100_000), 1);
    expect((await get({ Range: "bytes=0-9" })).head.length).toBeGreaterThan(100_000);
  });

  it("dieAfter() takes the whole origin down in the middle of a body, and brings it back", async () => {
    server.faults.add(always, dieAfter(5000, 50), 1);
    expect((await get()).end).toBe("reset");
    let answer: Response | null = null;
    for (let attempt = 0; answer === null && attempt < 200; attempt += 1) {
      answer = await fetch(url).catch(() => new Promise<null>((resolve) => setTimeout(() => resolve(null), 10)));
    }
    expect(answer?.status).toBe(200);
  });
});
