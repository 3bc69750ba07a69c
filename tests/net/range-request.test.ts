import { describe, expect, it } from "vitest";
import type { HttpEndpoint } from "../../src/base/mirror.ts";
import { rangeHeaders } from "../../src/net/range-request.ts";

const endpoint: HttpEndpoint = {
  kind: "http",
  url: "https://host/x",
  headers: {},
  validator: '"v"',
  mayBePrivate: false,
  hasRanges: true,
};
const ask = (more: Partial<HttpEndpoint>) => rangeHeaders({ ...endpoint, ...more }, { start: 5, end: 10 }, "agent");

describe("rangeHeaders()", () => {
  it("asks for exactly these bytes, unpacked, of the version that is known", () => {
    expect(ask({ headers: { Authorization: "Bearer t" } })).toEqual({
      "User-Agent": "agent",
      Accept: "*/*",
      "Accept-Encoding": "identity",
      Range: "bytes=5-9",
      "If-Match": '"v"',
      Authorization: "Bearer t",
    });
  });

  it("asks a server without ranges for the whole", () => {
    expect(ask({ hasRanges: false })).not.toHaveProperty("Range");
  });

  it.each([null, 'W/"v"', "Thu, 01 Jan 2026 00:00:00 GMT"])("makes no condition of the validator %j", (validator) => {
    expect(ask({ validator })).not.toHaveProperty("If-Match");
  });

  it("makes no condition of one validator of several", () => {
    expect(ask({ validator: '"a"', synonyms: ['"a"', '"b"'] })).not.toHaveProperty("If-Match");
    expect(ask({ validator: '"a"', synonyms: [] })).toHaveProperty("If-Match", '"a"');
  });

  it.each([
    { "X-A": "b\r\nX-Evil: 1" },
    { "X-A": "b\n" },
    { "X-A": "\u0000" },
    { "X-A": "snow \u2603" },
    { "X A": "b" },
    { "X-A:": "b" },
    { "": "b" },
  ])("refuses %j without telling the value", (headers) => {
    const secret = { ...headers, Authorization: "Bearer secret\n" };
    expect(() => ask({ headers })).toThrow(/header/);
    expect(() => ask({ headers: secret })).toThrow(expect.not.stringContaining("secret") as unknown as string);
  });
});
