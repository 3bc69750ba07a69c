import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headEnd, parseResponseHead, type ResponseHead } from "../../src/net/response-head.ts";

const parse = (text: string): ResponseHead | string => parseResponseHead(Buffer.from(text, "latin1"));
const withFields = (...lines: readonly string[]): string =>
  `${["HTTP/1.1 206 Partial Content", ...lines].join("\r\n")}\r\n\r\n`;
const head = (text: string): ResponseHead => {
  const parsed = parse(text);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
};

describe("headEnd()", () => {
  it("is the index after the empty line, wherever the bytes were cut before", () => {
    const text = Buffer.from(`${withFields("A: b")}body\r\n\r\n`);
    const end = text.length - "body\r\n\r\n".length;
    for (let length = 0; length <= text.length; length += 1)
      expect(headEnd(text.subarray(0, length))).toBe(length < end ? -1 : end);
  });
});

describe("parseResponseHead()", () => {
  it("reads a value of blanks in time that grows with its length", () => {
    const started = performance.now();
    for (let round = 0; round < 100; round += 1) head(withFields(`A: b${" ".repeat(16_000)}c`));
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("refuses a head that is longer than the longest", () => {
    expect(parse(withFields(`A: ${"b".repeat(17_000)}`))).toBe("the answer has a head of more than 16384 bytes");
  });

  it("reads status and fields, with names in lower case and values trimmed", () => {
    const read = head(withFields("Content-Length: 17", 'ETag:\t"a: b" \t', "X-Empty:", "X-Latin: \xe9"));
    expect(read.status).toBe(206);
    expect(Object.fromEntries(read.fields)).toEqual({
      "content-length": "17",
      etag: '"a: b"',
      "x-empty": "",
      "x-latin": "é",
    });
  });

  it.each(["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 503 Slow Down", "HTTP/1.1 100 Continue"])(
    "takes the status line %j",
    (line) => {
      expect(head(`${line}\r\n\r\n`).status).toBe(Number(line.slice(9, 12)));
    },
  );

  it.each([
    "HTTP/2 200 OK",
    "HTTP/1.2 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 600 No",
    "HTTP/1.1 099 No",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 200 O\nK",
    "ICY 200 OK",
    " HTTP/1.1 200 OK",
    "",
  ])("refuses the status line %j", (line) => {
    expect(parse(`${line}\r\n\r\n`)).toMatch(/status line/);
  });

  it.each([
    ["folding", "A: b\r\n folded: c"],
    ["a bare LF", "A: b\nC: d"],
    ["a bare CR", "A: b\rC: d"],
    ["a space before the colon", "Content-Length : 5"],
    ["no colon", "nonsense"],
    ["no name", ": value"],
    ["NUL in a value", "A: b\0c"],
    ["DEL in a value", "A: b\x7fc"],
    ["a control character in a name", "A\x01: b"],
  ])("refuses %s", (_, lines) => {
    expect(parse(withFields(lines))).toMatch(/malformed/);
  });

  it("joins a name that came twice, so that two lengths are no length", () => {
    const { fields } = head(withFields("Content-Length: 5", "content-LENGTH: 6", "Via: a", "Via: b"));
    expect(fields.get("content-length")).toBe("5, 6");
    expect(fields.get("via")).toBe("a, b");
  });

  it("takes 128 fields and refuses 129", () => {
    const fields = (count: number): string =>
      withFields(...Array.from({ length: count }, (_, index) => `x-${index}: 1`));
    expect(head(fields(128)).fields.size).toBe(128);
    expect(parse(fields(129))).toMatch(/more than 128/);
  });

  it("is not fooled by names of object properties", () => {
    expect([...head(withFields("__proto__: 1", "constructor: 2")).fields.keys()]).toEqual(["__proto__", "constructor"]);
  });

  it.each<readonly [string, string, boolean]>([
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: close", false],
    ["HTTP/1.1", "Connection: Close", false],
    ["HTTP/1.1", "Connection: Upgrade, close", false],
    ["HTTP/1.1", "Connection: keep-alive", true],
    ["HTTP/1.1", "Connection: not-close-at-all", true],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: Keep-Alive", true],
    ["HTTP/1.0", "Connection: keep-alive, close", false],
  ])("%s with %j keeps the connection: %s", (version, line, isKeptAlive) => {
    expect(head(`${version} 200 OK\r\n${line === "" ? "" : `${line}\r\n`}\r\n`).isKeptAlive).toBe(isKeptAlive);
  });

  it("never throws, whatever comes", () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.constantFrom("HTTP/1.1 206", " ", "\r\n", "\n", ":", "A", "\0", "\t", "é", "Content-Length: 1"))
        .map((parts) => Buffer.from(`${parts.join("")}\r\n\r\n`, "latin1")),
    );
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const parsed = parseResponseHead(bytes);
        if (typeof parsed === "string") expect(parsed).toMatch(/^the answer /);
        else expect(parsed.status).toBeGreaterThanOrEqual(100);
      }),
      { numRuns: 500 },
    );
  });

  it("reads back every head that is written by the rules", () => {
    const anyField = fc.tuple(
      fc.stringMatching(/^[A-Za-z-]{1,12}$/),
      fc.stringMatching(/^([!-~]([ -~]{0,20}[!-~])?)?$/),
    );
    fc.assert(
      fc.property(fc.uniqueArray(anyField, { selector: ([name]) => name.toLowerCase(), maxLength: 20 }), (fields) => {
        const read = head(withFields(...fields.map(([name, value]) => `${name}: ${value}`)));
        expect([...read.fields]).toEqual(fields.map(([name, value]) => [name.toLowerCase(), value]));
      }),
    );
  });
});
