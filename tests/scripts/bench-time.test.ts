/** What the benchmark says of time: when it ends, which rounds it left out, and who has files on the disk first. */
import { expect, test } from "vitest";
import { compareProven, roundsText } from "../../scripts/bench/figures.ts";
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

test("compareProven() counts the sync that a command left undone, and only who proves a digest", () => {
  const timed = (name: string, kind: Outcome["kind"], wallMs: number, syncMs: number, isVerifying = true): Outcome => ({
    ...outcome(name, 1, 0),
    kind,
    isVerifying,
    runs: [{ ...run, wallMs, syncMs }],
    median: { wallMs, cpuMs: null, rssBytes: null, syncMs, elsewhere: 0 },
  });
  const ours = timed("modelferry sync", "ours", 2_000, 0);
  const rivals = [
    timed("dirty", "rival", 1_700, 700),
    timed("slow", "rival", 2_500, 0),
    timed("unproven", "rival", 100, 0, false),
  ];
  expect(compareProven("a kit", [ours, ...rivals])).toMatchObject({
    other: "dirty 2.40 s",
    ratio: "0.83",
    isMet: true,
  });
  const sooner = timed("sooner", "rival", 1_000, 900);
  expect(compareProven("a kit", [ours, ...rivals, sooner])).toMatchObject({ other: "sooner 1.90 s", isMet: false });
});
