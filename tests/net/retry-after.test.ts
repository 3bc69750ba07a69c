import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryAfterMs } from "../../src/net/retry-after.ts";

const wait = (headers: Readonly<Record<string, string>>): number | null => retryAfterMs((name) => headers[name]);
const DATE = "Sat, 21 Nov 2026 10:00:00 GMT";

describe("retryAfterMs()", () => {
  it.each<readonly [string, Readonly<Record<string, string>>, number | null]>([
    ["nothing", {}, null],
    ["more seconds than a number holds as milliseconds", { "retry-after": "9".repeat(15) }, Number.MAX_SAFE_INTEGER],
    ["the Hub's RateLimit", { ratelimit: '"resolvers";r=0;t=87' }, 88_000],
    ["RateLimit with blanks", { ratelimit: '"api" ; r=0 ; t=5' }, 6_000],
    ["RateLimit in the other order", { ratelimit: '"api";t=5;r=0' }, 6_000],
    ["RateLimit with more parameters", { ratelimit: '"api";r=0;w=300;t=5' }, 6_000],
    ["RateLimit with something left", { ratelimit: '"resolvers";r=10;t=87' }, null],
    ["RateLimit that begins like zero", { ratelimit: '"resolvers";r=01;t=87' }, null],
    ["RateLimit with nothing left before one with plenty", { ratelimit: '"a";r=0;t=87, "b";r=9;t=300' }, 88_000],
    ["RateLimit with nothing left after one with plenty", { ratelimit: '"b";r=9;t=300, "a";r=0;t=87' }, 88_000],
    ["two RateLimits with nothing left: the longer", { ratelimit: '"a";r=0;t=5, "b";r=0;t=60' }, 61_000],
    ["RateLimit before Retry-After", { ratelimit: '"a";r=0;t=87', "retry-after": "1" }, 88_000],
    ["Retry-After when RateLimit has something left", { ratelimit: '"a";r=3;t=87', "retry-after": "1" }, 1_000],
    ["seconds", { "retry-after": "120" }, 120_000],
    ["no seconds", { "retry-after": "0" }, 0],
    ["blanks around", { "retry-after": " 7 " }, 7_000],
    ["an absurd wait", { "retry-after": "1000000000" }, 1e12],
    ["a date, against the answer's own", { "retry-after": "Sat, 21 Nov 2026 10:01:30 GMT", date: DATE }, 90_000],
    ["a date in the past", { "retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", date: DATE }, 0],
    ["an old kind of date", { "retry-after": "Saturday, 21-Nov-26 10:01:30 GMT", date: DATE }, 90_000],
    ["a date without one to hold it against", { "retry-after": "Sat, 21 Nov 2026 10:01:30 GMT" }, null],
    ["a fraction", { "retry-after": "1.5", date: DATE }, null],
    ["a negative number", { "retry-after": "-5", date: DATE }, null],
    ["words", { "retry-after": "soon", date: DATE }, null],
    ["more digits than a number has", { "retry-after": "9".repeat(40), date: DATE }, null],
  ])("reads %s", (_, headers, expected) => {
    expect(wait(headers)).toBe(expected);
  });

  it("gives null or a finite wait, whatever comes", () => {
    const anyValue = fc.oneof(fc.string(), fc.stringMatching(/^["a-z;=0-9 ,rt]{0,40}$/), fc.constant(DATE));
    fc.assert(
      fc.property(anyValue, anyValue, anyValue, (ratelimit, after, date) => {
        const waitMs = wait({ ratelimit, "retry-after": after, date });
        expect(waitMs === null || (Number.isFinite(waitMs) && waitMs >= 0)).toBe(true);
      }),
    );
  });

  it("is quick with a hostile header", () => {
    const startMs = performance.now();
    wait({ ratelimit: `${";r=0".repeat(4_000)};x` });
    expect(performance.now() - startMs).toBeLessThan(100);
  });
});
