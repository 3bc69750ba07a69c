/** How a benchmark whose machine is slow still ends when it should, and says what it left out. */
import { expect, test } from "vitest";
import { roundsText } from "../../scripts/bench/figures.ts";
import type { Outcome } from "../../scripts/bench/terms.ts";
import { lastBeginMs } from "../../scripts/bench/time-left.ts";

const CASES = [{ seconds: 60 }, { seconds: 30 }, { seconds: 10 }];

test("lastBeginMs() leaves the cases that follow their time, and a tenth more", () => {
  expect(lastBeginMs(200_000, CASES)).toBe(156_000);
  expect(lastBeginMs(200_000, CASES.slice(1))).toBe(189_000);
  expect(lastBeginMs(200_000, CASES.slice(2))).toBe(200_000);
});

test("lastBeginMs() has no end where nobody waits for it", () => {
  expect(lastBeginMs(Number.POSITIVE_INFINITY, CASES)).toBe(Number.POSITIVE_INFINITY);
});

const run = {
  wallMs: 1,
  cpuMs: null,
  rssBytes: null,
  syncMs: null,
  elsewhere: 0,
  problem: null,
  samples: [],
  summary: null,
};

function outcome(name: string, planned: number, count: number, problem: string | null = null): Outcome {
  const runs = Array.from({ length: count }, () => ({ ...run, problem }));
  return { name, kind: "rival", isVerifying: false, planned, runs, median: null, problem };
}

test("roundsText() says when rounds were left out, and who was asked less often by intent", () => {
  expect(roundsText([outcome("curl", 3, 3), outcome("aria2c", 1, 1)])).toBe(
    "3 alternating rounds, fewer of who is far behind or not judged: aria2c (1)",
  );
  expect(roundsText([outcome("curl", 3, 1), outcome("aria2c", 1, 1)])).toBe(
    "1 alternating round of 3, for lack of time",
  );
});

test("roundsText() does not call it lack of time when everyone failed", () => {
  expect(roundsText([outcome("curl", 3, 1, "exit code 7")])).toBe("1 alternating round");
});
