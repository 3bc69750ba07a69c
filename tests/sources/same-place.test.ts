/** Signatures do not make a place. */
import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../src/base/mirror.ts";
import { samePlaceKey } from "../../src/sources/same-place.ts";

const http = (url: string): Endpoint => ({
  kind: "http",
  url,
  headers: {},
  validator: null,
  mayBePrivate: false,
  hasRanges: true,
});
const same = (one: string, other: string): boolean => samePlaceKey(http(one)) === samePlaceKey(http(other));

describe("samePlaceKey()", () => {
  it.each([
    ["https://h/a?Expires=1&Signature=x&Key-Pair-Id=k", "https://h/a?Expires=2&Signature=y&Key-Pair-Id=k"],
    ["https://h/a?X-Amz-Date=1&X-Amz-Signature=x&x-id=GetObject", "https://h/a"],
    ["https://h/a?b=1&c=2", "https://h/a?c=2&b=1"],
  ])("takes %s and %s for one", (one, other) => expect(same(one, other)).toBe(true));

  it.each([
    ["https://h/a", "https://h/b"],
    ["https://h/a", "https://h:8443/a"],
    ["https://h/a?id=1", "https://h/a?id=2"],
  ])("tells %s from %s", (one, other) => expect(same(one, other)).toBe(false));

  it("knows files by their path", () => {
    expect(samePlaceKey({ kind: "file", path: "/a" })).not.toBe(samePlaceKey({ kind: "file", path: "/b" }));
  });
});
