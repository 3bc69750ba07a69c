import { describe, expect, it } from "vitest";
import { headerOf, isSameVersion, validatorIn } from "../../src/base/validator.ts";

const OLD = "Thu, 01 Jan 2026 00:00:00 GMT";
const read = (headers: Readonly<Record<string, string>>): string | null => validatorIn((name) => headers[name]);

describe("validatorIn()", () => {
  it.each<readonly [string, Readonly<Record<string, string>>, string | null]>([
    ["a strong ETag", { etag: '"a"' }, '"a"'],
    ["a weak ETag", { etag: 'W/"a"' }, 'W/"a"'],
    [
      "an ETag, not the date beside it",
      { etag: '"a"', "last-modified": OLD, date: "Thu, 01 Jan 2026 00:01:00 GMT" },
      '"a"',
    ],
    ["a date that is a minute old", { "last-modified": OLD, date: "Thu, 01 Jan 2026 00:01:00 GMT" }, OLD],
    ["no date that is younger", { "last-modified": OLD, date: "Thu, 01 Jan 2026 00:00:59 GMT" }, null],
    ["no date of the future", { "last-modified": OLD, date: "Wed, 31 Dec 2025 23:00:00 GMT" }, null],
    ["no date without one to hold it against", { "last-modified": OLD }, null],
    ["no date in other words", { "last-modified": "2025", date: OLD }, null],
    ["nothing where nothing is", {}, null],
    ["no ETag without quotes", { etag: "a" }, null],
  ])("takes %s", (_, headers, validator) => {
    expect(read(headers)).toBe(validator);
  });
});

describe("headerOf()", () => {
  it.each([
    ['"a"', "ETag"],
    ['W/"a"', "ETag"],
    [`"${OLD}"`, "ETag"],
    [OLD, "Last-Modified"],
  ])("says where %s came from", (validator, name) => {
    expect(headerOf(validator)).toBe(name);
  });
});

describe("isSameVersion()", () => {
  it("takes a tag that a cache made weak for the same", () => {
    expect(isSameVersion('"a"', 'W/"a"')).toBe(true);
    expect(isSameVersion('W/"a"', '"a"')).toBe(true);
    expect(isSameVersion('"a"', '"b"')).toBe(false);
    expect(isSameVersion('W/"a"', 'W/"b"')).toBe(false);
  });
});
