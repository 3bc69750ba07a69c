/** From runs to figures: rates over time, ramps, holes, and the verdicts that compare them with a target. */
import { formatBytes, formatRate } from "../../src/base/bytes.ts";
import { median } from "./rounds.ts";
import type { Outcome, Run, Series, Verdict } from "./terms.ts";

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 100_000 ? 2 : 0)} s`;

export const wallOf = (outcome: Outcome | undefined): number | null => outcome?.median?.wallMs ?? null;

export const named = (outcomes: readonly Outcome[], name: string): Outcome | undefined =>
  outcomes.find((outcome) => outcome.name === name);

/** Until what it wrote is on the disk, which most leave to the kernel: a command and the sync after it. */
const durableOf = (outcome: Outcome | undefined): number | null =>
  wallOf(outcome) === null ? null : over(outcome, ({ wallMs, syncMs }) => wallMs + (syncMs ?? 0));

type TimeOf = (outcome: Outcome | undefined) => number | null;

/** The fastest of those that finished. */
export function best(outcomes: readonly Outcome[], timeOf: TimeOf = wallOf): Outcome | undefined {
  return [...outcomes]
    .filter(({ median: medians }) => medians !== null)
    .sort((one, other) => (timeOf(one) ?? 0) - (timeOf(other) ?? 0))[0];
}

export const rivalsIn = (outcomes: readonly Outcome[]): readonly Outcome[] =>
  outcomes.filter(({ kind }) => kind === "rival");

/** How often everyone was asked, for the text of a case; who failed is not asked again, and says so itself. */
export function roundsText(outcomes: readonly Outcome[]): string {
  const most = Math.max(0, ...outcomes.map(({ runs }) => runs.length));
  const fewer = outcomes.filter(({ runs, problem }) => problem === null && runs.length < most);
  const names = fewer.map(({ name, runs }) => `${name} (${runs.length})`).join(", ");
  const planned = Math.max(0, ...outcomes.map((outcome) => outcome.planned));
  const isCut = planned > most && outcomes.some(({ problem }) => problem === null);
  const all = `${most} alternating round${most === 1 ? "" : "s"}${isCut ? ` of ${planned}, for lack of time` : ""}`;
  return fewer.length === 0 ? all : `${all}, fewer of who is far behind or not judged: ${names}`;
}

export interface TimeClaim {
  readonly case: string;
  readonly ours: Outcome | undefined;
  /** Who it is compared with. */
  readonly versus: Outcome | undefined;
  readonly limit?: Outcome | undefined;
  /** The time of ours over that of the other; null when there is no target. */
  readonly atMost: number | null;
  /** @default the wall time */
  readonly timeOf?: TimeOf;
}

/** A claim about times, as medians over the rounds. */
export function compareTimes({ case: name, ours, versus, limit, atMost, timeOf = wallOf }: TimeClaim): Verdict {
  const [mine, theirs] = [timeOf(ours), timeOf(versus)];
  const ratio = mine === null || theirs === null ? null : mine / theirs;
  const isLimit = versus?.kind === "limit";
  const shown = (outcome: Outcome | undefined): string => {
    const ms = timeOf(outcome);
    return outcome === undefined || ms === null ? "–" : `${outcome.name} ${seconds(ms)}`;
  };
  return {
    case: name,
    ours: shown(ours),
    other: isLimit ? "–" : shown(versus),
    limit: isLimit ? shown(versus) : shown(limit),
    ratio: ratio === null ? "–" : ratio.toFixed(2),
    target: atMost === null ? "–" : `≤ ${atMost.toFixed(2)} ×`,
    isMet: isMetBy(ours, ratio, atMost),
  };
}

/** The claim that nobody has a proven file on the disk sooner. */
export function compareProven(name: string, outcomes: readonly Outcome[]): Verdict {
  const proven = rivalsIn(outcomes).filter(({ isVerifying }) => isVerifying);
  return compareTimes({
    case: `${name}, until it is on the disk: best other with a digest`,
    ours: named(outcomes, "modelferry sync"),
    versus: best(proven, durableOf),
    atMost: 1,
    timeOf: durableOf,
  });
}

/** A run of ours that failed meets nothing. */
function isMetBy(ours: Outcome | undefined, ratio: number | null, atMost: number | null): boolean | null {
  if (atMost === null || ours === undefined) return null;
  if (ours.problem !== null) return false;
  return ratio === null ? null : ratio <= atMost;
}

export interface FigureClaim {
  readonly case: string;
  /** Whose runs the figure is from: one that failed meets nothing. */
  readonly of: Outcome | undefined;
  readonly ours: string;
  readonly other?: string;
  readonly limit?: string;
  readonly ratio?: string;
  readonly target: string;
  readonly isMet: boolean;
}

/** A claim about one figure of our own. */
export function claim({
  case: name,
  of,
  ours,
  other = "–",
  limit = "–",
  ratio = "–",
  target,
  isMet,
}: FigureClaim): Verdict {
  const rest = { case: name, other, limit, target };
  if (of === undefined || of.runs.length === 0) return { ...rest, ours: "–", ratio: "–", isMet: null };
  return of.problem === null
    ? { ...rest, ours, ratio, isMet }
    : { ...rest, ours: of.problem, ratio: "–", isMet: false };
}

/** Bytes that came over all links by the time of each sample. */
export const totals = (run: Run): readonly { readonly atMs: number; readonly bytes: number }[] => {
  const base = sum(run.samples[0]?.bytes ?? []);
  return run.samples.map(({ atMs, bytes }) => ({ atMs, bytes: sum(bytes) - base }));
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Beyond the headers of full packets, which the links subtract: those of short ones, handshakes, heads of answers (0.27 % seen). */
const SMALL_TALK = 0.003;

/** What came over the links beyond the `bytes` that were asked for: fetched twice, or dropped on the floor. */
export function twiceBytes(run: Run, bytes: number): number {
  const crossed = totals(run).at(-1)?.bytes ?? Number.NaN;
  return Math.max(0, Math.round(crossed - bytes * (1 + SMALL_TALK)));
}

/** How {@link twiceBytes} counts, for the text of a case. */
export const TWICE_TEXT: string = `What was fetched twice is what crossed the links beyond the file, less ${SMALL_TALK * 100} % for headers.`;

const WINDOW_MS = 500;

/** The rate in the half second before each sample. */
export function rates(points: readonly { readonly atMs: number; readonly bytes: number }[]): Series["points"] {
  let from = 0;
  return points.flatMap((point, at): [number, number][] => {
    while (from < at && point.atMs - (points[from]?.atMs ?? 0) > WINDOW_MS) from += 1;
    const first = points[Math.max(0, from - 1)];
    if (first === undefined || point.atMs - first.atMs < WINDOW_MS / 2) return [];
    return [[point.atMs, ((point.bytes - first.bytes) / (point.atMs - first.atMs)) * 1000]];
  });
}

/** One line of a chart: the first good run of an outcome, with a point each quarter of a second. */
export function seriesOf(outcome: Outcome | undefined): readonly Series[] {
  const run = outcome?.runs.find(({ problem }) => problem === null);
  if (outcome === undefined || run === undefined) return [];
  const points = rates(totals(run));
  const every = Math.max(1, Math.round(250 / 50));
  return [{ name: outcome.name, kind: outcome.kind, points: points.filter((_, at) => at % every === 0) }];
}

/** How long from the start until half a second ran at `share` of `goal`, in ms; null when it never did. */
export function rampMs(run: Run, goal: number, share: number = 0.9): number | null {
  const reached = rates(totals(run)).find(([, rate]) => rate >= goal * share);
  return reached === undefined ? null : Math.max(0, reached[0] - WINDOW_MS / 2);
}

/** The rate from `fromMs` until the last hundredth of the bytes, in bytes a second. */
export function steadyRate(run: Run, fromMs: number): number {
  const points = totals(run);
  const whole = points.at(-1)?.bytes ?? 0;
  const inside = points.filter(({ atMs, bytes }) => atMs >= fromMs && bytes <= whole * 0.99);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
  return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
}

/** What closing connections still say to each other when the last byte has come. */
const FAREWELL_BYTES = 4096;
const FLOW_SAMPLES = 4;

/** The longest time in which almost nothing came, from the first megabyte to the last byte. */
export function longestHoleMs(run: Run, goal: number): number {
  const points = totals(run);
  const whole = points.at(-1)?.bytes ?? 0;
  const last = points.findIndex(({ bytes }) => bytes >= whole - FAREWELL_BYTES);
  const inside = points.slice(0, last + 1).filter(({ bytes }) => bytes > 1e6);
  let [longest, from] = [0, inside[0]?.atMs ?? 0];
  for (const [at, point] of inside.entries()) {
    longest = Math.max(longest, point.atMs - from);
    const before = inside[Math.max(0, at - FLOW_SAMPLES)] ?? point;
    const isFlowing = point.bytes - before.bytes > goal * 0.1 * ((point.atMs - before.atMs) / 1000);
    if (isFlowing || at === 0) from = point.atMs;
  }
  return longest;
}

/** From the last byte on the link to the end of the command. */
function tailMs(run: Run): number {
  const points = totals(run);
  const whole = points.at(-1)?.bytes ?? 0;
  const last = points.find(({ bytes }) => bytes >= whole * 0.999);
  return Math.max(0, run.wallMs - (last?.atMs ?? run.wallMs));
}

export function tailVerdict(name: string, ours: Outcome | undefined): Verdict {
  const tail = over(ours, tailMs);
  const allowed = 500 + 0.02 * (wallOf(ours) ?? 0);
  return claim({
    case: `${name}: last byte to published, and the process gone`,
    of: ours,
    ours: seconds(tail),
    target: `≤ ${seconds(allowed)} (0.5 s + 2 %)`,
    isMet: tail <= allowed,
  });
}

/** The median of a figure over the good runs; NaN when there is none. */
export const over = (outcome: Outcome | undefined, pick: (run: Run) => number): number =>
  median((outcome?.runs ?? []).filter(({ problem }) => problem === null).map(pick));

export const rate = (bytes: number, ms: number): number => (bytes / ms) * 1000;
export { formatBytes, formatRate };
