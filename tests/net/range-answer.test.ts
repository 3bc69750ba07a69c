import { describe, expect, it } from "vitest";
import { type AskedRange, judgeRangeAnswer, type RangeVerdict } from "../../src/net/range-answer.ts";

type Headers = Readonly<Record<string, string | undefined>>;

const asked: AskedRange = { start: 100, end: 300, size: 1000, validator: '"v1"', hasRanges: true };
const OLD = "Thu, 01 Jan 2026 00:00:00 GMT";
const LATER = "Thu, 01 Jan 2026 00:00:01 GMT";
const right: Headers = { "content-range": "bytes 100-299/1000", "content-length": "200", etag: '"v1"' };
const judge = (status: number, headers: Headers = right, change: Partial<AskedRange> = {}): RangeVerdict =>
  judgeRangeAnswer(status, (name) => headers[name], { ...asked, ...change });

describe("judgeRangeAnswer() takes", () => {
  const large = { start: 100, end: 1_000_000, size: 2_000_000 };
  const part = { ...right, "content-range": "bytes 100-499999/2000000", "content-length": "499900" };

  it("less than was asked for, from its beginning, and says where it ends", () => {
    expect(judge(206, part, large)).toEqual({ kind: "body", isFramed: true, end: 500_000 });
    expect(judge(206, { ...part, "content-length": undefined }, large)).toMatchObject({
      isFramed: false,
      end: 500_000,
    });
  });

  it("no part that is too small to get anywhere, starts elsewhere, or has another length than it says", () => {
    const least = 16 * 1024;
    const range = (first: number, end: number): Headers => ({
      ...right,
      "content-range": `bytes ${first}-${end - 1}/2000000`,
      "content-length": String(end - first),
    });
    expect(judge(206, range(100, 100 + least), large)).toMatchObject({ kind: "body", end: 100 + least });
    expect(judge(206, range(100, 99 + least), large)).toMatchObject({ kind: "lied" });
    expect(judge(206, range(100, 100), large)).toMatchObject({ kind: "lied" });
    expect(judge(206, range(101, 500_000), large)).toMatchObject({ kind: "lied" });
    expect(judge(206, { ...part, "content-length": "499901" }, large)).toMatchObject({ kind: "lied" });
  });

  it.each<readonly [string, Headers, boolean]>([
    ["no total: the size is known", { ...right, "content-range": "bytes 100-299/*" }, true],
    ["exactly what was asked", right, true],
    ["the same tag, made weak by a cache", { ...right, etag: 'W/"v1"' }, true],
    ["no ETag", { ...right, etag: undefined }, true],
    ["no ETag, but a date", { ...right, etag: undefined, "last-modified": LATER }, true],
    ["identity said aloud", { ...right, "content-encoding": "Identity" }, true],
    ["BYTES in capitals", { ...right, "content-range": "BYTES 100-299/1000" }, true],
    ["no length: not framed", { ...right, "content-length": undefined }, false],
    ["chunks: not framed", { ...right, "transfer-encoding": "chunked" }, false],
  ])("%s", (_, headers, isFramed) => {
    expect(judge(206, headers)).toEqual({ kind: "body", isFramed, end: 300 });
  });

  it("200 from a server that has no ranges, when the whole file was asked for", () => {
    const whole = { start: 0, end: 1000, hasRanges: false, validator: null };
    expect(judge(200, { "content-length": "1000" }, whole)).toEqual({ kind: "body", isFramed: true, end: 1000 });
    expect(judge(200, {}, whole)).toEqual({ kind: "body", isFramed: false, end: 1000 });
    expect(judge(200, { "content-length": "999" }, whole)).toMatchObject({ kind: "lied" });
  });
});

describe("judgeRangeAnswer() of a file that has several validators", () => {
  it("takes each of them, and no other", () => {
    const several = { synonyms: ['"v1"', '"v2"'] };
    expect(judge(206, { ...right, etag: '"v2"' }, several)).toMatchObject({ kind: "body" });
    expect(judge(206, { ...right, etag: 'W/"v2"' }, several)).toMatchObject({ kind: "body" });
    expect(judge(206, right, several)).toMatchObject({ kind: "body" });
    expect(judge(206, { ...right, etag: '"v3"' }, several)).toMatchObject({ kind: "changed" });
  });
});

describe("judgeRangeAnswer() of a file that has only a date", () => {
  const dated = { validator: OLD };

  it.each<readonly [string, Headers]>([
    ["the same one", { ...right, "last-modified": OLD }],
    ["none", right],
  ])("takes %s", (_, headers) => {
    expect(judge(206, headers, dated)).toMatchObject({ kind: "body", isFramed: true });
  });

  it("takes another date for another version", () => {
    expect(judge(206, { ...right, "last-modified": LATER }, dated)).toEqual({
      kind: "changed",
      message: `its Last-Modified changed from ${OLD} to ${LATER}`,
    });
  });
});

describe("judgeRangeAnswer() refuses", () => {
  it.each<readonly [string, number, Headers, RangeVerdict["kind"]]>([
    ["200 to a range", 200, right, "lied"],
    ["201", 201, right, "lied"],
    ["204", 204, right, "lied"],
    ["400", 400, {}, "lied"],
    ["416 on a valid range", 416, { "content-range": "bytes */1000" }, "lied"],
    ["412", 412, {}, "changed"],
    ["301", 301, { location: "/x" }, "refused"],
    ["302", 302, { location: "/x" }, "refused"],
    ["304", 304, {}, "refused"],
    ["416 with another size", 416, { "content-range": "bytes */77" }, "changed"],
    ["401", 401, {}, "refused"],
    ["403", 403, {}, "refused"],
    ["404", 404, {}, "refused"],
    ["410", 410, {}, "refused"],
    ["451", 451, {}, "refused"],
    ["408", 408, {}, "busy"],
    ["425", 425, {}, "busy"],
    ["429", 429, {}, "busy"],
    ["500", 500, {}, "busy"],
    ["503", 503, {}, "busy"],
    ["another start", 206, { ...right, "content-range": "bytes 101-299/1000" }, "lied"],
    ["another end", 206, { ...right, "content-range": "bytes 100-300/1000" }, "lied"],
    ["another total", 206, { ...right, "content-range": "bytes 100-299/1001" }, "changed"],
    ["no range", 206, { ...right, "content-range": "bytes */1000" }, "lied"],
    ["no Content-Range", 206, { ...right, "content-range": undefined }, "lied"],
    ["two Content-Ranges", 206, { ...right, "content-range": "bytes 100-299/1000, bytes 0-1/1000" }, "lied"],
    ["an absurd range", 206, { ...right, "content-range": `bytes 100-299/${"9".repeat(30)}` }, "lied"],
    ["a shorter body", 206, { ...right, "content-length": "199" }, "lied"],
    ["a longer body", 206, { ...right, "content-length": "201" }, "lied"],
    ["two lengths", 206, { ...right, "content-length": "200, 200" }, "lied"],
    ["a length in hex", 206, { ...right, "content-length": "0xc8" }, "lied"],
    ["gzip", 206, { ...right, "content-encoding": "gzip" }, "lied"],
    ["br", 206, { ...right, "content-encoding": "br" }, "lied"],
    ["several ranges", 206, { ...right, "content-type": "multipart/byteranges; boundary=x" }, "lied"],
    ["another ETag", 206, { ...right, etag: '"v2"' }, "changed"],
  ])("%s", (_, status, headers, kind) => {
    const verdict = judge(status, headers);
    expect(verdict.kind).toBe(kind);
    expect(verdict).toMatchObject({ message: expect.stringMatching(/^(it|its|the file) /) });
  });

  it("200 with the whole file where only its end was asked for, even without a length", () => {
    expect(judge(200, {}, { start: 100, end: 1000, hasRanges: false, validator: null })).toMatchObject({
      kind: "lied",
    });
  });

  it("with how long to wait, when the server says so", () => {
    expect(judge(503, { "retry-after": "7" })).toMatchObject({ kind: "busy", status: 503, waitMs: 7000 });
    expect(judge(503, {})).toMatchObject({ kind: "busy", waitMs: null });
  });

  it("in few words, however long the headers are", () => {
    const long = "x".repeat(10_000);
    for (const name of ["content-encoding", "etag", "content-range", "content-length"]) {
      const verdict = judge(206, { ...right, [name]: long });
      expect("message" in verdict ? verdict.message.length : 0).toBeLessThan(300);
    }
  });
});
