/** Several mirrors of one file: unequal ones, and one that dies when half of the file is there. */
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
  formatBytes,
  formatRate,
  longestHoleMs,
  named,
  over,
  rampMs,
  rate,
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
import type { Nginx } from "../origin.ts";
import { syncContender } from "../ours.ts";
import { type Offer, rivals } from "../rivals.ts";
import type { CaseReport, Contender, Outcome, Sample, Verdict } from "../terms.ts";

const MB = 1_000_000;
const CONNECTIONS = 8;

const unequal = (id: string, rates: readonly number[], isLong: boolean = false): Case => ({
  id,
  isLong,
  title: `Mirrors of ${rates.join(" + ")} MB/s`,
  seconds: 40,
  run: (bench, identity) => runUnequal(bench, { ...identity, rates: rates.map((one) => one * MB) }),
});

/** What the project began with: a hub at 110 MB/s and a bucket at 38. */
export const twoMirrorsCase: Case = unequal("mirrors2", [110, 38]);
export const threeMirrorsCase: Case = unequal("mirrors3", [90, 45, 15], true);

interface Unequal {
  readonly id: string;
  readonly title: string;
  readonly rates: readonly number[];
}

async function runUnequal(bench: Bench, { id, title, rates }: Unequal): Promise<CaseReport> {
  const bytes = scaled(bench, 900, 300) * MB;
  const rounds = roundsOf(bench, 2);
  const scene = await openScene(bench, id, { rates, bytes });
  if (typeof scene === "string") return skippedCase({ id, title }, scene);
  await using network = scene.network;
  const { files, offer, origins } = scene;
  const alone = { ...offer, origins: offer.origins.slice(0, 1) };
  const contenders = [
    syncContender(offer),
    syncContender(alone, { name: "modelferry, the best mirror alone", rounds: 1 }),
    ...rivals(["aria2c"], offer, bench.tools).map(aria2OfAll),
  ];
  const outcomes = await contest(bench, { id, files, contenders, rounds, origins, network, timeoutSeconds: 60 });
  await scene.close();
  const sum = rates.reduce((total, one) => total + one, 0);
  return {
    id,
    title,
    about: `${formatBytes(bytes)} over HTTP; each mirror is an nginx behind a link of its own (${network.links[0]?.how}); ${roundsText(outcomes)}. The time is the whole command's, process start and digest included.`,
    outcomes,
    verdicts: sumVerdicts(outcomes, { bytes, sum, title }),
    series: outcomes.flatMap(seriesOf),
    skipped: [],
  };
}

const aria2OfAll = (contender: Contender): Contender => ({ ...contender, name: `${contender.name}, all mirrors` });

interface Scene {
  readonly network: Exclude<Awaited<ReturnType<typeof networkOf>>, string>;
  readonly files: Offer["files"];
  readonly offer: Offer;
  readonly origins: readonly Nginx[];
  readonly folder: string;
  readonly close: () => Promise<void>;
}

/** One nginx behind each link, all with the same file. */
async function openScene(
  bench: Bench,
  id: string,
  { rates, bytes }: { readonly rates: readonly number[]; readonly bytes: number },
): Promise<Scene | string> {
  const network = await networkOf(
    bench,
    rates.map((bytesPerSecond) => ({ bytesPerSecond })),
  );
  if (typeof network === "string") return network;
  const { folder, files } = await serve(bench, id, [bytes]);
  const lists = await listsOf(bench, id);
  const origins: Nginx[] = [];
  for (const { address } of network.links) origins.push(await nginxOf(bench, { folder, address }));
  const offer = { files, origins: origins.map(({ url }) => url), caFile: null, connections: CONNECTIONS, lists };
  const close = async (): Promise<void> => {
    for (const origin of origins) await origin[Symbol.asyncDispose]();
    await unserve(bench, id);
  };
  return { network, files, offer, origins, folder, close };
}

function sumVerdicts(
  outcomes: readonly Outcome[],
  { bytes, sum, title }: { readonly bytes: number; readonly sum: number; readonly title: string },
): readonly Verdict[] {
  const speed = (outcome: Outcome | undefined): number => rate(bytes, wallOf(outcome) ?? Number.NaN);
  const sync = named(outcomes, "modelferry sync");
  const [ours, alone] = [speed(sync), speed(named(outcomes, "modelferry, the best mirror alone"))];
  const rival = best(rivalsIn(outcomes));
  const seen = {
    of: sync,
    ours: formatRate(ours),
    other: rival ? `${rival.name} ${formatRate(speed(rival))}` : "–",
  };
  const steady = over(sync, (run) => steadyRate(run, rampMs(run, sum) ?? 0));
  const rivalSteady = over(rival, (run) => steadyRate(run, rampMs(run, sum) ?? 0));
  return [
    claim({
      of: sync,
      case: `${title}: rate once ramped, share of the sum`,
      ours: formatRate(steady),
      other: rival ? `${rival.name} ${formatRate(rivalSteady)}` : "–",
      limit: `sum ${formatRate(sum)}`,
      ratio: (steady / sum).toFixed(2),
      target: "≥ 0.95",
      isMet: steady / sum >= 0.95,
    }),
    claim({
      ...seen,
      case: `${title}: whole command, share of the sum`,
      limit: `sum ${formatRate(sum)}`,
      ratio: (ours / sum).toFixed(2),
      target: "≥ 0.95",
      isMet: ours / sum >= 0.95,
    }),
    claim({
      ...seen,
      case: `${title}: over the best alone`,
      limit: `alone ${formatRate(alone)}`,
      ratio: (ours / alone).toFixed(2),
      target: "≥ 0.98",
      isMet: ours / alone >= 0.98,
    }),
    tailVerdict(title, sync),
  ];
}

const EQUAL = [80 * MB, 80 * MB] as const;
/** What a person who fears dead mirrors would tell aria2c, whose own minute is longer than the run. */
const PATIENCE_SECONDS = 5;

const dying = (id: string, title: string, kill: (link: { readonly cut: () => void }, origin: Nginx) => void): Case => ({
  id,
  title,
  seconds: 20,
  run: (bench, identity) => runDying(bench, identity, kill),
});

/** Every connection is reset, and new ones are refused. */
export const deathCase: Case = dying("death", "A mirror that dies at half", (_, origin) => origin.kill());
/** Nothing comes any more, and nobody says so. */
export const silenceCase: Case = dying("silence", "A mirror that falls silent at half", (link) => link.cut());

async function runDying(
  bench: Bench,
  { id, title }: { readonly id: string; readonly title: string },
  kill: (link: { readonly cut: () => void }, origin: Nginx) => void,
): Promise<CaseReport> {
  const bytes = scaled(bench, 800, 480) * MB;
  const rounds = roundsOf(bench, 1);
  const scene = await openScene(bench, id, { rates: EQUAL, bytes });
  if (typeof scene === "string") return skippedCase({ id, title }, scene);
  await using network = scene.network;
  const { files, offer, folder } = scene;
  const [first, doomed] = scene.origins as readonly [Nginx, Nginx];
  const link = network.links[1] as (typeof network.links)[number];
  // The second mirror is started anew for every run, on a port of its own each time; the contenders read its address late.
  let victim = doomed;
  let isDead = true;
  let base = 0;
  const late = (): Offer => ({ ...offer, origins: [first.url, victim.url], patienceSeconds: PATIENCE_SECONDS });
  const onSample = ({ bytes: counted }: Sample): void => {
    const sum = counted.reduce((total, one) => total + one, 0) - base;
    if (isDead || sum < bytes / 2) return;
    isDead = true;
    kill(link, victim);
  };
  const prepare = async (): Promise<void> => {
    link.mend();
    await victim[Symbol.asyncDispose]();
    victim = await nginxOf(bench, { folder, address: link.address });
    base = network.links.reduce((total, one) => total + one.bytes(), 0);
    isDead = false;
  };
  const lazily = (make: () => Contender): Contender => ({ ...make(), command: (into) => make().command(into) });
  const contenders = [
    lazily(() => syncContender(late())),
    ...rivals(bench.options.isQuick ? [] : ["aria2c"], offer, bench.tools).map((_, at) =>
      lazily(() => aria2OfAll(rivals(["aria2c"], late(), bench.tools)[at] as Contender)),
    ),
  ];
  const origins = [first];
  const outcomes = await contest(bench, {
    id,
    files,
    contenders,
    rounds,
    origins,
    network,
    onSample,
    prepare,
    timeoutSeconds: 20,
  });
  await victim[Symbol.asyncDispose]();
  await scene.close();
  return {
    id,
    title,
    about: `${formatBytes(bytes)} over HTTP from two mirrors of 80 MB/s; the second one dies when half has come (${id === "death" ? "its server is killed: resets, then refused connections" : "all packets from it are dropped: silence, connections to it hang"}); ${roundsText(outcomes)}. aria2c is told to wait ${PATIENCE_SECONDS} s for a mirror, not its own 60. ${TWICE_TEXT}`,
    outcomes,
    verdicts: deathVerdicts(outcomes, { title, bytes }),
    series: outcomes.flatMap(seriesOf),
    skipped: [],
  };
}

/** A range is at most this long. */
const RANGE_BYTES = 64 * 1024 * 1024;

function deathVerdicts(
  outcomes: readonly Outcome[],
  { title, bytes }: { readonly title: string; readonly bytes: number },
): readonly Verdict[] {
  const ours = named(outcomes, "modelferry sync");
  const rival = rivalsIn(outcomes)[0];
  const hole = over(ours, (run) => longestHoleMs(run, EQUAL[0]));
  const theirs = over(rival, (run) => longestHoleMs(run, EQUAL[0]));
  const wasted = over(ours, (run) => twiceBytes(run, bytes));
  const wastedByRival = over(rival, (run) => twiceBytes(run, bytes));
  const ideal = (bytes / 2 / (2 * EQUAL[0]) + bytes / 2 / EQUAL[0]) * 1000;
  const wall = wallOf(ours) ?? Number.NaN;
  return [
    claim({
      case: `${title}: longest hole`,
      of: ours,
      ours: seconds(hole),
      other: rival === undefined ? "–" : `${rival.name} ${rival.problem ?? seconds(theirs)}`,
      target: "≤ 2 s",
      isMet: hole <= 2000,
    }),
    claim({
      case: `${title}: time lost against a perfect plan`,
      of: ours,
      ours: `${seconds(wall)}, ${seconds(wall - ideal)} lost`,
      limit: `perfect ${seconds(ideal)}`,
      ratio: (wall / ideal).toFixed(2),
      target: "≤ 2 s lost",
      isMet: wall - ideal <= 2000,
    }),
    claim({
      case: `${title}: fetched twice`,
      of: ours,
      ours: formatBytes(wasted),
      other: rival === undefined ? "–" : `${rival.name} ${rival.problem ?? formatBytes(wastedByRival)}`,
      target: "≤ 1 range a lane",
      isMet: wasted <= RANGE_BYTES,
    }),
  ];
}
