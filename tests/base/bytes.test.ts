import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatRate, isCount, parseBytes } from "../../src/base/bytes.ts";

describe("parseBytes()", () => {
  it.each([
    ["0", 0],
    ["1000000", 1_000_000],
    ["50MB", 50_000_000],
    ["50 mb", 50_000_000],
    [" 800k ", 800_000],
    ["1.5GiB", 1_610_612_736],
    ["1.5 Gi", 1_610_612_736],
    ["2T", 2_000_000_000_000],
    ["110MB/s", 110_000_000],
    ["7B", 7],
    ["0.5k", 500],
  ])("reads %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(["", "fast", "-1", "1e9", "0x10", "MB", "1.MB", ".5MB", "5 MB GB", "5i", "5iB", "1,5GB", "Infinity", "NaN"])(
    "refuses %j and says how to write it",
    (text) => {
      expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: "USAGE", fix: expect.any(String) }));
    },
  );

  it("refuses what no file can have: more than a safe integer", () => {
    expect(() => parseBytes("99999999TB")).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => parseBytes("9".repeat(400))).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("reads back what formatBytes() wrote, within its rounding", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900_000_000_000_000 }), (bytes) => {
        expect(Math.abs(parseBytes(formatBytes(bytes)) - bytes)).toBeLessThanOrEqual(Math.max(0.5, bytes * 0.05));
      }),
    );
  });
});

describe("formatBytes()", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [99_949, "99.9 kB"],
    [99_950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [23_782_506_688, "23.8 GB"],
    [5e15, "5000 TB"],
  ])("writes %i as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("never takes more than four digits below a petabyte", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_499_999_999_999 }), (bytes) => {
        expect(formatBytes(bytes)).toMatch(/^(\d{1,2}\.\d|\d{1,3}) [kMGT]?B$/);
      }),
    );
  });
});

describe("formatRate() and formatDuration()", () => {
  it("writes bytes per second", () => {
    expect(formatRate(110_000_000)).toBe("110 MB/s");
  });

  it.each([
    [0, "0.0 s"],
    [840, "0.8 s"],
    [9_949, "9.9 s"],
    [9_950, "10 s"],
    [59_400, "59 s"],
    [59_600, "1 m 00 s"],
    [200_000, "3 m 20 s"],
    [3_599_600, "1 h 00 m"],
    [3_900_000, "1 h 05 m"],
  ])("writes %i ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe("isCount()", () => {
  it("takes whole numbers that JavaScript holds exactly, and not -0, which a lockfile would not give back", () => {
    expect([0, 5, Number.MAX_SAFE_INTEGER].every(isCount)).toBe(true);
    for (const one of [-0, -1, 0.5, 2 ** 53, Number.NaN, 1e308, "5", null])
      expect(isCount(one), String(one)).toBe(false);
  });
});
