/** A long way with loss: 40 ms there and back, one packet in a thousand gone, under the kernel's own cubic. */
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
  named,
  rivalsIn,
  roundsText,
  seconds,
  seriesOf,
  wallOf,
} from "../figures.ts";
import { syncContender } from "../ours.ts";
import { type Offer, type RivalName, rivals } from "../rivals.ts";
import type { CaseReport, Outcome, Verdict } from "../terms.ts";

const MB = 1_000_000;
const LINK = { bytesPerSecond: 50 * MB, delayMs: 40, lossPercent: 0.1 };
const PARALLEL: readonly RivalName[] = ["aria2c"];
/** Asked once; rclone and curl need more than 30 s. */
const SLOW: readonly RivalName[] = ["lftp"];
const CONNECTIONS = 16;

export const delayCase: Case = {
  id: "delay",
  title: "40 ms of delay, 0.1 % of loss",
  seconds: 76,
  run: async (bench, { id, title }) => {
    const opened = await networkOf(bench, [LINK]);
    if (typeof opened === "string") return skippedCase({ id, title }, opened);
    await using network = opened;
    const [link] = network.links;
    const bytes = scaled(bench, 200, 100) * MB;
    const { folder, files } = await serve(bench, id, [bytes]);
    await using origin = await nginxOf(bench, { folder, address: link?.address ?? "" });
    const lists = await listsOf(bench, id);
    const offer: Offer = { files, origins: [origin.url], caFile: null, connections: CONNECTIONS, lists };
    const rounds = roundsOf(bench, 3);
    const contenders = [syncContender(offer), ...fixedLanes(bench, offer), ...rivals(PARALLEL, offer, bench.tools)];
    const once = rivals(bench.options.isQuick ? [] : SLOW, offer, bench.tools).map((one) => ({
      ...one,
      rounds: 1,
    }));
    const outcomes = await contest(bench, {
      id,
      files,
      contenders: [...contenders, ...once],
      rounds,
      origins: [origin],
      network,
      timeoutSeconds: scaled(bench, 25, 12),
    });
    await unserve(bench, id);
    return reportOf({ id, title }, outcomes, {
      about: `${formatBytes(bytes)} over HTTP through ${link?.how}: 40 ms there and back, 0.1 % of packets lost, at most 50 MB/s, cubic on the origin's side; ${roundsText(outcomes)}.`,
    });
  },
};

/** Eight need much longer, for each loss then costs more of the whole, and there is no time for them. */
const fixedLanes = (bench: Bench, offer: Offer) =>
  bench.options.isQuick
    ? []
    : [16].map((lanes) => syncContender(offer, { name: `modelferry --lanes ${lanes}`, lanes }));

function reportOf(
  identity: { readonly id: string; readonly title: string },
  outcomes: readonly Outcome[],
  { about }: { readonly about: string },
): CaseReport {
  const ours = named(outcomes, "modelferry sync");
  const verdicts: readonly Verdict[] = [
    compareTimes({
      case: "40 ms of delay and loss: best other tool",
      ours,
      versus: best(rivalsIn(outcomes)),
      atMost: 1,
    }),
    ...fixedVerdict(outcomes, ours),
  ];
  return { ...identity, about, outcomes, verdicts, series: outcomes.flatMap(seriesOf), skipped: [] };
}

/** Our own choice of lanes against the most that a person could have asked for. */
function fixedVerdict(outcomes: readonly Outcome[], ours: Outcome | undefined): readonly Verdict[] {
  const fixed = named(outcomes, "modelferry --lanes 16");
  const [mine, theirs] = [wallOf(ours) ?? Number.NaN, wallOf(fixed)];
  if (theirs === null) return [];
  return [
    claim({
      case: "40 ms of delay and loss: speed against 16 fixed lanes",
      of: ours,
      ours: seconds(mine),
      other: `modelferry --lanes 16 ${seconds(theirs)}`,
      ratio: (theirs / mine).toFixed(2),
      target: "≥ 0.97",
      isMet: theirs / mine >= 0.97,
    }),
  ];
}
