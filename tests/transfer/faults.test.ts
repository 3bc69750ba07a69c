import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseSha256 } from "../../src/base/artifact.ts";
import {
  after,
  always,
  capped,
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
  multipart,
  page,
  type RangeServer,
  rateLimited,
  redirectTo,
  resetAfter,
  retryAfter,
  shortBody,
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

/** Fetches from one server that misbehaves once and then is good. */
async function survives(fault: Fault, times = 1, when = covers(5_000_000)) {
  await using server = await startRangeServer(whole);
  await using bench = await makeTransfer();
  server.faults.add(when, fault, times);
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

  it("dies and comes back: nothing is fetched twice but what was on its way", async () => {
    const { result } = await survives(dieAfter(500_000, 700));
    expect(result.fetchedBytes).toBeLessThan(SIZE * 1.05);
  });
});

describe("transfer.fetch() from one mirror that is odd in all of its answers", () => {
  it.each<readonly [string, Fault]>([
    ["sends no more than 1 MB at a time", capped(1_000_000)],
    ["never says the total", contentRange((start, last) => `bytes ${start}-${last}/*`)],
  ])("%s: the bytes are right, and none comes twice", async (_, fault) => {
    const { result, events } = await survives(fault, Number.POSITIVE_INFINITY, always);
    expect(result).toMatchObject({ sha256, fetchedBytes: SIZE });
    expect(blamed(events)).toEqual([]);
  });

  it("gives up a server that sends a few bytes at a time", async () => {
    await expect(survives(capped(1), Number.POSITIVE_INFINITY, always)).rejects.toMatchObject({ code: "MIRROR_LIED" });
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

  it.each([
    ["at once where nothing will prove the file", null, ["changing MIRROR_CHANGED"]],
    ["not while it may be another server's", sha256, []],
  ])("never mixes two versions: another ETag ends a mirror %s", async (_, known, ended) => {
    await using good = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using changing = await startRangeServer(whole, { shape: { bytesPerSecond: 20_000_000 } });
    await using bench = await makeTransfer();
    changing.faults.add(after(isRanged, 1), (reply, asked) => flip("all")(etag('"other"')(reply, asked), asked));
    const plain = mirrorAt(urlOf(changing), SIZE, { label: "changing" });
    const first = await fetch(urlOf(changing), { method: "HEAD" }).then((answer) => answer.headers.get("etag"));
    const validated = {
      ...plain,
      open: async (signal: AbortSignal) =>
        ({ ...(await plain.open(signal)), validator: first }) as Awaited<ReturnType<typeof plain.open>>,
    };
    const result = await bench.transfer.fetch(
      bench.job({ size: SIZE, sha256: known, mirrors: [mirrorAt(urlOf(good), SIZE, { label: "good" }), validated] }),
    );
    expect(result).toMatchObject({ sha256, wastedBytes: 0 });
    expect(blamed(bench.events)).toEqual(ended);
  });
});
