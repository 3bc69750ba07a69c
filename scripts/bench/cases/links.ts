/** Links with an end to them: a cap on each connection, a cap on all together, and one connection in sixteen that crawls. */
import {
  type Bench,
  type Case,
  contest,
  listsOf,
  networkOf,
  nginxOf,
  roundsOf,
  scaled,
  serve,
  skippedCase,
  unserve,
} from "../bench.ts";
import {
  best,
  claim,
  compareTimes,
  formatBytes,
  formatRate,
  named,
  over,
  rampMs,
  rivalsIn,
  roundsText,
  seconds,
  seriesOf,
  steadyRate,
  TWICE_TEXT,
  tailVerdict,
  twiceBytes,
  wallOf,
} from "../figures.ts";
import type { Pace } from "../origin.ts";
import { type OursSettings, syncContender } from "../ours.ts";
import { type Offer, type RivalName, rivals } from "../rivals.ts";
import type { CaseReport, Contender, Outcome, Verdict } from "../terms.ts";

const MB = 1_000_000;
/** Tools that open several connections for one file; the others get what one connection gives. */
const PARALLEL: readonly RivalName[] = ["aria2c", "rclone", "lftp"];
const CONNECTIONS = 16;

/** A link, a pace for each connection, and who tries it. */
interface Track {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly bytes: number;
  readonly linkRate: number;
  readonly pace: Omit<Pace, "library"> | null;
  readonly fixed: readonly number[];
  readonly rivals: readonly RivalName[];
  readonly rounds: number;
  /** Of ours without a knob, where that is not judged. @default `rounds` */
  readonly freeRounds?: number;
  readonly verdicts: (outcomes: readonly Outcome[]) => readonly Verdict[];
}

const CAP = 20 * MB;
const CAPPED_LINK = 160 * MB;

export const cappedConnectionsCase: Case = {
  id: "cap",
  title: "20 MB/s a connection, 160 MB/s in all",
  seconds: 71,
  run: (bench, identity) =>
    runTrack(bench, {
      ...identity,
      about:
        "every connection paced to 20 MB/s by the kernel (SO_MAX_PACING_RATE), the link shaped to 160 MB/s, which four cannot fill",
      bytes: scaled(bench, 800, 480) * MB,
      linkRate: CAPPED_LINK,
      pace: { bytesPerSecond: CAP },
      fixed: bench.options.isQuick ? [] : [8, 16],
      rivals: bench.options.isQuick ? ["aria2c"] : PARALLEL,
      rounds: roundsOf(bench, 2),
      verdicts: (outcomes) => [
        ...rampVerdicts(outcomes),
        ...fixedVerdicts("Per-connection cap", outcomes),
        tailVerdict("Per-connection cap", adaptive(outcomes)),
      ],
    }),
};

const LINK = 100 * MB;

export const cappedLinkCase: Case = {
  id: "link",
  title: "A link of 100 MB/s",
  seconds: 47,
  run: (bench, identity) =>
    runTrack(bench, {
      ...identity,
      about: "one link shaped to 100 MB/s, no cap on a connection",
      bytes: scaled(bench, 500, 300) * MB,
      linkRate: LINK,
      pace: null,
      fixed: bench.options.isQuick ? [4] : [1, 4, 8, 16],
      rivals: bench.options.isQuick ? ["aria2c"] : ["curl + openssl", "aria2c", "rclone"],
      rounds: roundsOf(bench, 1),
      verdicts: (outcomes) => [
        ...fixedVerdicts("Capped link", outcomes),
        tailVerdict("Capped link", adaptive(outcomes)),
      ],
    }),
};

async function runTrack(bench: Bench, track: Track): Promise<CaseReport> {
  if (track.pace !== null && bench.native.pace === null) return skippedCase(track, "needs a C compiler");
  const opened = await networkOf(bench, [{ bytesPerSecond: track.linkRate }]);
  if (typeof opened === "string") return skippedCase(track, opened);
  await using network = opened;
  const [link] = network.links;
  const { folder, files } = await serve(bench, track.id, [track.bytes]);
  const lists = await listsOf(bench, track.id);
  const library = bench.native.pace ?? "";
  const pace = track.pace === null ? {} : { pace: { ...track.pace, library } };
  await using origin = await nginxOf(bench, { folder, address: link?.address ?? "", ...pace });
  const offer: Offer = { files, origins: [origin.url], caFile: null, connections: CONNECTIONS, lists };
  const contenders = [...ours(offer, track), ...rivals(track.rivals, offer, bench.tools)];
  const { id, rounds } = track;
  const outcomes = await contest(bench, {
    id,
    files,
    contenders,
    rounds,
    origins: [origin],
    network,
    timeoutSeconds: 60,
  });
  await unserve(bench, id);
  return {
    id,
    title: track.title,
    about: `${track.bytes / MB} MB over HTTP; ${track.about} (${link?.how}); ${roundsText(outcomes)}.`,
    outcomes,
    verdicts: track.verdicts(outcomes),
    series: outcomes.flatMap(seriesOf),
    skipped: [],
  };
}

/** Without a knob, and with the knob at each of `fixed`. */
function ours(offer: Offer, { fixed, rounds, freeRounds = rounds }: Track): readonly Contender[] {
  const settings: OursSettings[] = [
    { rounds: freeRounds },
    ...fixed.map((lanes) => ({ name: `modelferry --lanes ${lanes}`, lanes })),
  ];
  return settings.map((one) => syncContender(offer, one));
}

const adaptive = (outcomes: readonly Outcome[]): Outcome | undefined => named(outcomes, "modelferry sync");

function rampVerdicts(outcomes: readonly Outcome[]): readonly Verdict[] {
  const sync = adaptive(outcomes);
  const ramp = over(sync, (run) => rampMs(run, CAPPED_LINK) ?? Number.POSITIVE_INFINITY);
  const steady = over(sync, (run) => steadyRate(run, rampMs(run, CAPPED_LINK) ?? 0));
  const share = steady / CAPPED_LINK;
  const name = "Per-connection cap, 1 mirror";
  const other = best(rivalsIn(outcomes));
  return [
    claim({
      case: `${name}: rate once ramped`,
      of: sync,
      ours: formatRate(steady),
      other: rateText(other),
      limit: `link ${formatRate(CAPPED_LINK)}`,
      ratio: share.toFixed(2),
      target: "≥ 0.95 of the link",
      isMet: share >= 0.95,
    }),
    claim({
      case: `${name}: ramp to 90 % of the link`,
      of: sync,
      ours: Number.isFinite(ramp) ? seconds(ramp) : "never",
      target: "≤ 4 s",
      isMet: ramp <= 4000,
    }),
    compareTimes({ case: `${name}: whole time, best other tool`, ours: sync, versus: other, atMost: null }),
  ];
}

/** What another tool reached in the second half of its time. */
function rateText(outcome: Outcome | undefined): string {
  const steady = over(outcome, (run) => steadyRate(run, run.wallMs / 2));
  return outcome === undefined ? "–" : `${outcome.name} ${formatRate(steady)}`;
}

/** Our own choice of lanes against the best number that a person could have fixed. */
function fixedVerdicts(name: string, outcomes: readonly Outcome[]): readonly Verdict[] {
  const fixed = best(outcomes.filter((one) => one.kind === "ours" && one !== adaptive(outcomes)));
  const sync = adaptive(outcomes);
  const [mine, theirs] = [wallOf(sync) ?? Number.NaN, wallOf(fixed)];
  if (theirs === null || fixed === undefined) return [];
  return [
    claim({
      case: `${name}: speed against the best fixed number of lanes`,
      of: sync,
      ours: seconds(mine),
      other: `${fixed.name} ${seconds(theirs)}`,
      ratio: (theirs / mine).toFixed(2),
      target: "≥ 0.97",
      isMet: theirs / mine >= 0.97,
    }),
  ];
}

const STRAGGLER = { every: 16, bytesPerSecond: CAP / 100 };

/** The same link twice: with sixteen good connections, and with one in sixteen at a hundredth of the speed. */
export const stragglerCase: Case = {
  id: "straggler",
  title: "One connection of sixteen at 1 % of the speed",
  seconds: 47,
  isLong: true,
  run: async (bench, identity) => {
    const track: Track = {
      ...identity,
      about: "every connection paced to 20 MB/s, the link at 320 MB/s",
      bytes: scaled(bench, 800, 400) * MB,
      linkRate: 320 * MB,
      pace: { bytesPerSecond: CAP },
      fixed: [16],
      rivals: ["aria2c"],
      rounds: roundsOf(bench, 2),
      freeRounds: 1,
      verdicts: () => [],
    };
    const good = await runTrack(bench, track);
    if (good.outcomes.length === 0) return good;
    const about = `${track.about}; then each sixteenth connection at 0.2 MB/s`;
    const slow = await runTrack(bench, { ...track, about, pace: { bytesPerSecond: CAP, straggler: STRAGGLER } });
    const renamed = slow.outcomes.map((one) => ({ ...one, name: `${one.name}, straggler` }));
    return {
      ...slow,
      about: `${slow.about} ${TWICE_TEXT}`,
      outcomes: [...good.outcomes, ...renamed],
      verdicts: stragglerVerdicts(good.outcomes, slow.outcomes, track.bytes),
    };
  },
};

function stragglerVerdicts(good: readonly Outcome[], slow: readonly Outcome[], bytes: number): readonly Verdict[] {
  const name = "modelferry --lanes 16";
  const wasted = over(named(slow, name), (run) => twiceBytes(run, bytes));
  const time = compareTimes({
    case: "Straggler, 1 lane of 16 at 1 %: time, over without",
    ours: named(slow, name),
    versus: named(good, name),
    atMost: 1.15,
  });
  const rival = compareTimes({ case: "", ours: named(slow, "aria2c"), versus: named(good, "aria2c"), atMost: null });
  return [
    { ...time, limit: time.other, other: `aria2c ${rival.ratio} ×` },
    claim({
      case: "Straggler: bytes fetched twice",
      of: named(slow, name),
      ours: formatBytes(wasted),
      ratio: (wasted / bytes).toFixed(3),
      target: "≤ 0.03",
      isMet: wasted / bytes <= 0.03,
    }),
  ];
}
