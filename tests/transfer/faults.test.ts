import { createHash } from "node:crypto";
import { stat, truncate, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parseSha256, type Sha256 } from "../../src/base/artifact.ts";
import {
  after,
  always,
  chunked,
  contentRange,
  covers,
  dieAfter,
  duplicateHeader,
  etag,
  type Fault,
  flip,
  gzip,
  hints,
  hugeHeaders,
  ignoreRange,
  isRanged,
  longBody,
  makeSafetensors,
  multipart,
  nth,
  page,
  type RangeServer,
  rateLimited,
  redirectTo,
  resetAfter,
  retryAfter,
  shortBody,
  stallAfter,
  stallHead,
  startRangeServer,
  status,
  truncateAfter,
} from "../origins/index.ts";
import { blamed, makeTransfer, mirrorAt } from "./harness.ts";

const SIZE = 24_000_000;
const bytes = Buffer.from(Uint8Array.from({ length: SIZE }, (_, index) => (index * 2_654_435_761) >>> 13));
const sha256 = parseSha256(createHash("sha256").update(bytes).digest("hex"));
const whole = { "/x.bin": bytes };
const urlOf = (server: RangeServer): string => `${server.url}/x.bin`;
const errorsOf = (shares: readonly { errors: number }[]): number => shares.reduce((sum, { errors }) => sum + errors, 0);

/** Fetches from one server that misbehaves once and then is good. */
async function survives(fault: Fault, times = 1) {
  await using server = await startRangeServer(whole);
  await using bench = await makeTransfer();
  server.faults.add(covers(5_000_000), fault, times);
  const result = await bench.transfer.fetch(
    bench.job({ size: SIZE, sha256, mirrors: [mirrorAt(urlOf(server), SIZE)] }),
  );
  expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
  return { result, requests: server.requests.length, events: bench.events };
}

describe("transfer.fetch() from one mirror that fails once", () => {
  const cases: readonly (readonly [string, Fault])[] = [
    ["resets in the middle", resetAfter(1_000_000)],
    ["resets at once", resetAfter(0)],
    ["closes early", truncateAfter(1_500_000)],
    ["answers 500", status(500)],
    ["answers 503 and asks for a second", retryAfter(1, 503)],
    ["answers 429 in the Hub's words", rateLimited(0)],
    ["sends a short body", shortBody(1000)],
    ["sends a long body", longBody(1000)],
    ["sends a long body that it does not announce", longBody(1000, false)],
    ["answers 200 with everything", ignoreRange],
    ["answers 200 with a page", page()],
    ["says another range", contentRange((start, last, total) => `bytes ${start + 1}-${last + 1}/${total}`)],
    ["says no total", contentRange((start, last) => `bytes ${start}-${last}/*`)],
    ["says no range", contentRange(() => null)],
    ["sends several ranges", multipart],
    ["compresses", gzip],
    ["refuses a valid range", status(416)],
    ["sends Content-Length twice", duplicateHeader("Content-Length", "17")],
    ["floods interim answers", hints(50)],
    ["sends an endless head", hugeHeaders(40_000)],
    ["answers in chunks", chunked],
  ];
  it.each(cases)("%s: the bytes are right", async (_, fault) => {
    const { result } = await survives(fault);
    expect(result.sha256).toBe(sha256);
  });

  it("falls silent in the body: it is found within ten seconds", async () => {
    const startedMs = performance.now();
    const { result } = await survives(stallAfter(300_000));
    expect(errorsOf(result.shares)).toBeGreaterThan(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it("falls silent before the head: it is found within ten seconds", async () => {
    const startedMs = performance.now();
    await survives(stallHead("silent"));
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it("dies and comes back: nothing is fetched twice but what was on its way", async () => {
    const { result } = await survives(dieAfter(500_000, 700));
    expect(result.fetchedBytes).toBeLessThan(SIZE * 1.05);
  });
});

describe("transfer.fetch() from two mirrors", () => {
  async function withLiar(fault: Fault, when = always) {
    await using good = await startRangeServer(whole, { shape: { bytesPerSecond: 30_000_000 } });
    await using bad = await startRangeServer(whole, { shape: { bytesPerSecond: 30_000_000 } });
    await using bench = await makeTransfer();
    bad.faults.add(when, fault);
    const mirrors = [mirrorAt(urlOf(good), SIZE, { label: "good" }), mirrorAt(urlOf(bad), SIZE, { label: "bad" })];
    const result = await bench.transfer.fetch(bench.job({ size: SIZE, sha256, mirrors }));
    expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
    return { result, blames: blamed(bench.events) };
  }

  it("uses both", async () => {
    const { result } = await withLiar((reply) => reply);
    expect(result.shares.map(({ label }) => label).sort()).toEqual(["bad", "good"]);
    expect(Math.min(...result.shares.map(({ bytes: sent }) => sent))).toBeGreaterThan(SIZE / 5);
    expect(result.fetchedBytes).toBe(SIZE);
    expect(result.wastedBytes).toBe(0);
  });

  it("names the one that sends wrong bytes, and fetches only its share again", async () => {
    const { result, blames } = await withLiar(flip("all"));
    expect(blames).toEqual(["bad MIRROR_LIED"]);
    expect(result.wastedBytes).toBeGreaterThan(0);
    expect(result.wastedBytes).toBeLessThan(SIZE * 0.9);
  });

  it("gives up the one whose file was replaced", async () => {
    const { blames } = await withLiar(contentRange((start, last, total) => `bytes ${start}-${last}/${total + 1}`));
    expect(blames).toEqual(["bad MIRROR_CHANGED"]);
  });

  it("asks elsewhere when a file is not there any more", async () => {
    const { result } = await withLiar(status(404));
    expect(result.shares.find(({ label }) => label === "bad")).toMatchObject({ bytes: 0, errors: expect.any(Number) });
  });

  it("gives up the one that asks to wait for an hour", async () => {
    const { blames } = await withLiar(retryAfter(3600));
    expect(blames).toEqual(["bad MIRROR_RATE_LIMITED"]);
  });

  it("is not held up by the one that is silent from the start", async () => {
    const startedMs = performance.now();
    await withLiar(stallHead("silent"));
    expect(performance.now() - startedMs).toBeLessThan(9_000);
  });

  it("does without the one that dies for good", async () => {
    const { result } = await withLiar(resetAfter(0), after(isRanged, 1));
    expect(result.sha256).toBe(sha256);
  });

  it("with a piece table, fetches the one bad piece again and names who sent it", async () => {
    const { createDigest } = await import("../../src/digest/digest.ts");
    await using good = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using bad = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using bench = await makeTransfer();
    const source = `${bench.folder}/source.bin`;
    await writeFile(source, bytes);
    const pieceBytes = 1_000_000;
    const digest = createDigest();
    const starts = Array.from({ length: SIZE / pieceBytes }, (_, index) => index * pieceBytes);
    const xxh64 = await Promise.all(
      starts.map((start) => digest.xxh64Range(source, { start, end: start + pieceBytes })),
    );
    await digest.close();
    bad.faults.add(always, flip("all"));
    const mirrors = [mirrorAt(urlOf(good), SIZE, { label: "good" }), mirrorAt(urlOf(bad), SIZE, { label: "bad" })];
    const result = await bench.transfer.fetch(
      bench.job({ size: SIZE, sha256, mirrors, pieces: { pieceBytes, xxh64 } }),
    );
    expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
    expect(blamed(bench.events)).toContain("bad MIRROR_LIED");
    expect(result.wastedBytes).toBeGreaterThanOrEqual(pieceBytes);
    expect(result.wastedBytes).toBeLessThan(SIZE * 0.8);
  });
});

describe("transfer.fetch() that cannot succeed", () => {
  async function fails(fault: Fault, digest: Sha256 = sha256) {
    await using server = await startRangeServer(whole);
    await using bench = await makeTransfer();
    server.faults.add(always, fault);
    const job = bench.job({ size: SIZE, sha256: digest, mirrors: [mirrorAt(urlOf(server), SIZE, { label: "only" })] });
    return await bench.transfer.fetch(job).then(
      () => "no error",
      (error: { code: string; message: string; fix: string }) => error,
    );
  }

  it("every mirror lies: says both digests and who sent it", async () => {
    const error = await fails(flip("all"));
    expect(error).toMatchObject({ code: "DIGEST_MISMATCH", fix: expect.any(String) });
    expect(error).toMatchObject({ message: expect.stringContaining(sha256) });
    expect(error).toMatchObject({ message: expect.stringContaining("only") });
  });

  it("the only mirror lost the file", async () => {
    expect(await fails(status(404))).toMatchObject({ code: "SOURCE_NOT_FOUND" });
  });

  it("the only mirror answers with a login page for ever", async () => {
    expect(await fails(page())).toMatchObject({ code: "MIRROR_LIED" });
  });
});

describe("transfer.fetch() and an expired link", () => {
  it("resolves again once for all lanes, and loses no byte", async () => {
    await using server = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using bench = await makeTransfer();
    let opened = 0;
    const open = (): string => {
      opened += 1;
      return `${urlOf(server)}?link=${opened}`;
    };
    server.faults.add(({ url }) => url.includes("link=1") && server.bytesSent() > 8_000_000, status(403));
    const mirrors = [mirrorAt(urlOf(server), SIZE, { open })];
    const result = await bench.transfer.fetch(bench.job({ size: SIZE, sha256, mirrors }));
    expect(opened).toBe(2);
    expect(result.fetchedBytes).toBe(SIZE);
    expect(blamed(bench.events)).toEqual([]);
  });
});

describe("transfer.fetch() from a server without ranges", () => {
  it("reads the whole file in one go", async () => {
    await using server = await startRangeServer(whole);
    await using bench = await makeTransfer();
    server.faults.add(always, ignoreRange);
    const mirrors = [mirrorAt(urlOf(server), SIZE, { hasRanges: false })];
    await bench.transfer.fetch(bench.job({ size: SIZE, sha256, mirrors }));
    expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
    expect(server.requests.length).toBe(1);
  });

  it("begins again after a break", async () => {
    await using server = await startRangeServer(whole);
    await using bench = await makeTransfer();
    server.faults.add(always, ignoreRange);
    server.faults.add(nth(always, 1), resetAfter(5_000_000));
    const mirrors = [mirrorAt(urlOf(server), SIZE, { hasRanges: false })];
    await bench.transfer.fetch(bench.job({ size: SIZE, sha256, mirrors }));
    expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
  });
});

describe("transfer.fetch() and what an earlier run left", () => {
  async function interrupted(bench: Awaited<ReturnType<typeof makeTransfer>>, server: RangeServer): Promise<void> {
    const stop = new AbortController();
    const job = bench.job({ size: SIZE, sha256, mirrors: [mirrorAt(urlOf(server), SIZE)], signal: stop.signal });
    const ended = bench.transfer.fetch(job).catch((error: unknown) => error);
    while (server.bytesSent() < SIZE / 2) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("enough"));
    expect(await ended).toMatchObject({ message: "enough" });
  }

  it("fetches the rest only", async () => {
    await using server = await startRangeServer(whole, { shape: { bytesPerSecond: 40_000_000 } });
    await using bench = await makeTransfer();
    await interrupted(bench, server);
    const result = await bench.transfer.fetch(
      bench.job({ size: SIZE, sha256, mirrors: [mirrorAt(urlOf(server), SIZE)] }),
    );
    expect(result.resumedBytes).toBeGreaterThan(SIZE * 0.4);
    expect(result.fetchedBytes + result.resumedBytes).toBe(SIZE);
    expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
  });

  it("starts over when the partial has another length", async () => {
    await using server = await startRangeServer(whole, { shape: { bytesPerSecond: 40_000_000 } });
    await using bench = await makeTransfer();
    await interrupted(bench, server);
    await truncate(`${bench.folder}/x.part`, SIZE - 1);
    const result = await bench.transfer.fetch(
      bench.job({ size: SIZE, sha256, mirrors: [mirrorAt(urlOf(server), SIZE)] }),
    );
    expect(result.resumedBytes).toBe(0);
    expect((await stat(`${bench.folder}/x.part`)).size).toBe(SIZE);
  });

  it("heals bytes that rotted on the disk meanwhile", async () => {
    await using server = await startRangeServer(whole, { shape: { bytesPerSecond: 40_000_000 } });
    await using bench = await makeTransfer();
    await interrupted(bench, server);
    const { open } = await import("node:fs/promises");
    const file = await open(`${bench.folder}/x.part`, "r+");
    await file.write(Buffer.from("rot"), 0, 3, 1000);
    await file.close();
    const result = await bench.transfer.fetch(
      bench.job({ size: SIZE, sha256, mirrors: [mirrorAt(urlOf(server), SIZE)] }),
    );
    expect(result.sha256).toBe(sha256);
    expect(Buffer.compare(await bench.content(), bytes)).toBe(0);
  });
});

describe("transfer.fetch() of odd sizes", () => {
  it.each([0, 1, 65_536, 1_048_577])("%i bytes", async (size) => {
    const content = bytes.subarray(0, size);
    await using server = await startRangeServer({ "/x.bin": content });
    await using bench = await makeTransfer();
    const wanted = parseSha256(createHash("sha256").update(content).digest("hex"));
    const result = await bench.transfer.fetch(
      bench.job({ size, sha256: wanted, mirrors: [mirrorAt(urlOf(server), size)] }),
    );
    expect(result.sha256).toBe(wanted);
    expect(Buffer.compare(await bench.content(), content)).toBe(0);
  });
});

describe("transfer.fetch() looks at the header early", () => {
  const weights = makeSafetensors({ size: 60_000_000, seed: "early" });
  const broken = (reply: Parameters<Fault>[0]): ReturnType<Fault> => ({
    ...reply,
    alter: (part, at) =>
      at > 20 || at + part.length <= 20
        ? part
        : Buffer.concat([part.subarray(0, 20 - at), Buffer.from("\0"), part.subarray(21 - at)]),
  });

  it("refuses a broken safetensors header long before the last byte", async () => {
    await using server = await startRangeServer({ "/x.bin": weights }, { shape: { bytesPerSecond: 30_000_000 } });
    await using bench = await makeTransfer();
    server.faults.add(always, broken);
    const job = bench.job({
      size: weights.size,
      sha256: await weights.sha256(),
      path: "vae/x.safetensors",
      mirrors: [mirrorAt(urlOf(server), weights.size)],
    });
    await expect(bench.transfer.fetch(job)).rejects.toMatchObject({ code: "NOT_WEIGHTS" });
    expect(server.bytesSent()).toBeLessThan(weights.size / 2);
  });
});

describe("transfer with a redirect at the endpoint", () => {
  it("asks the mirror for a fresh endpoint", async () => {
    await using server = await startRangeServer(whole);
    await using bench = await makeTransfer();
    server.faults.add(({ url }) => !url.includes("again"), redirectTo(`${server.url}/elsewhere`));
    const mirrors = [
      mirrorAt(urlOf(server), SIZE, { open: (refused) => `${urlOf(server)}${refused === undefined ? "" : "?again"}` }),
    ];
    const result = await bench.transfer.fetch(bench.job({ size: SIZE, sha256, mirrors }));
    expect(result.sha256).toBe(sha256);
  });

  it("never mixes two versions: another ETag in between is a change", async () => {
    await using good = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using changing = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using bench = await makeTransfer();
    changing.faults.add(after(isRanged, 1), etag('"other"'));
    const plain = mirrorAt(urlOf(changing), SIZE, { label: "changing" });
    const first = await fetch(urlOf(changing), { method: "HEAD" }).then((answer) => answer.headers.get("etag"));
    const validated = {
      ...plain,
      open: async (signal: AbortSignal) =>
        ({ ...(await plain.open(signal)), validator: first }) as Awaited<ReturnType<typeof plain.open>>,
    };
    const result = await bench.transfer.fetch(
      bench.job({ size: SIZE, sha256, mirrors: [mirrorAt(urlOf(good), SIZE, { label: "good" }), validated] }),
    );
    expect(result.sha256).toBe(sha256);
    expect(blamed(bench.events)).toEqual(["changing MIRROR_CHANGED"]);
  });
});
