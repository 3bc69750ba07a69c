/** A thousand small files: what a file costs beside its bytes. */
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
import { totalBytes } from "../content.ts";
import { best, compareProven, compareTimes, formatBytes, named, rivalsIn, roundsText } from "../figures.ts";
import type { Network } from "../links.ts";
import { syncContender } from "../ours.ts";
import { type Offer, type RivalName, rivals } from "../rivals.ts";
import type { CaseReport } from "../terms.ts";

const RIVALS: readonly RivalName[] = [
  "curl",
  "curl + openssl",
  "wget2",
  "lftp",
  "rclone",
  "aria2c",
  "aria2c + checksum",
];
const CONNECTIONS = 16;
/** Ours takes up to twice the connections that bring ranges to bring small files, and far away that is what counts. */
const FAR_CONNECTIONS = 32;
/** Those near the best are asked as often as ours, the others once: on loopback those are none but aria2c. */
const OFTEN: readonly string[] = ["wget2", "curl", "curl + openssl"];
const OFTEN_NEARBY: readonly string[] = [...OFTEN, "lftp", "rclone"];
const FAR = { bytesPerSecond: 100_000_000, delayMs: 40 };

export const smallCase: Case = {
  id: "small",
  title: "1,000 small files, loopback",
  seconds: 25,
  run: (bench, identity) => runSmall(bench, identity, null),
};

export const farSmallCase: Case = {
  id: "small-far",
  title: "1,000 small files, 40 ms away",
  seconds: 45,
  run: async (bench, identity) => {
    const opened = await networkOf(bench, [FAR]);
    if (typeof opened === "string") return skippedCase(identity, opened);
    await using network = opened;
    return await runSmall(bench, identity, network);
  },
};

async function runSmall(
  bench: Bench,
  { id, title }: { readonly id: string; readonly title: string },
  network: Network | null,
): Promise<CaseReport> {
  const count = scaled(bench, 1000, 200);
  // Spread evenly from 20 to 180 kB, in no order.
  const sizes = Array.from({ length: count }, (_, index) => 20_000 + ((index * 7919) % 160_000));
  const { folder, files } = await serve(bench, id, sizes);
  const link = network?.links[0];
  await using origin = await nginxOf(bench, { folder, ...(link === undefined ? {} : { address: link.address }) });
  const lists = await listsOf(bench, id);
  const connections = network === null ? CONNECTIONS : FAR_CONNECTIONS;
  const offer: Offer = { files, origins: [origin.url], caFile: null, connections, lists };
  const rounds = roundsOf(bench, 3);
  const often = network === null ? OFTEN_NEARBY : OFTEN;
  const outcomes = await contest(bench, {
    id,
    files,
    contenders: [
      syncContender(offer),
      ...rivals(RIVALS, offer, bench.tools).map((one) => (often.includes(one.name) ? one : { ...one, rounds: 1 })),
    ],
    rounds,
    origins: [origin],
    timeoutSeconds: 60,
    ...(network === null ? {} : { network }),
  });
  await unserve(bench, id);
  const ours = named(outcomes, "modelferry sync");
  const where = link === undefined ? "loopback" : `a link of 100 MB/s with 40 ms there and back (${link.how})`;
  return {
    id,
    title,
    about: `${count} files of 20 to 180 kB, ${formatBytes(totalBytes(files))} in all, over HTTP on ${where}; ${connections} connections for who has such a knob, up to 32 for ours; ${roundsText(outcomes)}. Ours looks at each file's mirrors, hashes, syncs and writes a receipt.`,
    outcomes,
    verdicts: [
      compareTimes({ case: `${title}: best other tool`, ours, versus: best(rivalsIn(outcomes)), atMost: 1 }),
      compareProven(title, outcomes),
    ],
    series: [],
    skipped: [],
  };
}
