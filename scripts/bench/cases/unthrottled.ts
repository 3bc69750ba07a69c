/** Loopback at full speed: one file and a kit of six, over HTTP and HTTPS, and how much of it all is the digest. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "../../../tests/origins/certificate.ts";
import { type Bench, type Case, contest, listsOf, nginxOf, roundsOf, scaled, serve, unserve } from "../bench.ts";
import { best, claim, compareProven, compareTimes, formatBytes, named, rivalsIn, roundsText } from "../figures.ts";
import { limitOf, limits } from "../limits.ts";
import { lanesContender, syncContender } from "../ours.ts";
import { type Offer, type RivalName, rivals } from "../rivals.ts";
import type { CaseReport, Contender, Outcome, Verdict } from "../terms.ts";

const MIB = 1024 * 1024;
const CONNECTIONS = 8;

const ONE_FILE: readonly RivalName[] = [
  "curl",
  "curl + openssl",
  "wget2",
  "lftp",
  "rclone",
  "s5cmd",
  "pget",
  "aria2c",
  "aria2c + checksum",
];
const MANY_FILES: readonly RivalName[] = [
  "curl",
  "curl + openssl",
  "wget2",
  "lftp",
  "rclone",
  "aria2c",
  "aria2c + checksum",
];
/** s5cmd and pget have no way to be given an authority. */
const TRUSTING = (name: RivalName): boolean => name !== "s5cmd" && name !== "pget";
/** Shares of the whole, in sixteenths: a transformer, a text encoder, two LoRAs, an encoder and a VAE. */
const KIT_SHARES = [8, 4, 1, 1, 1, 1] as const;

export const httpCase: Case = {
  id: "http",
  title: "HTTP, unthrottled, one file",
  seconds: 83,
  run: (bench, identity) =>
    race(bench, {
      ...identity,
      sizes: [oneFile(bench)],
      rivals: ONE_FILE,
      isTls: false,
      rounds: 3,
      verdicts: (outcomes) => [...bareVerdicts(outcomes), ...digestVerdicts(outcomes), ...costVerdicts(outcomes)],
    }),
};

export const httpsCase: Case = {
  id: "https",
  title: "HTTPS, unthrottled, one file",
  seconds: 54,
  run: (bench, identity) =>
    race(bench, {
      ...identity,
      sizes: [oneFile(bench)],
      rivals: ONE_FILE.filter(TRUSTING),
      isTls: true,
      rounds: 3,
      verdicts: (outcomes) => secureVerdicts("HTTPS unthrottled, sha256", outcomes),
    }),
};

export const kitCase: Case = {
  id: "kit",
  title: "HTTP, unthrottled, a kit of six files",
  seconds: 52,
  run: (bench, identity) =>
    race(bench, {
      ...identity,
      sizes: kitSizes(bench),
      rivals: MANY_FILES,
      isTls: false,
      rounds: 3,
      verdicts: kitVerdicts,
    }),
};

export const secureKitCase: Case = {
  id: "kit-https",
  title: "HTTPS, unthrottled, a kit of six files",
  seconds: 36,
  run: (bench, identity) =>
    race(bench, {
      ...identity,
      sizes: kitSizes(bench),
      rivals: ["curl", "curl + openssl", "wget2", "rclone"],
      isTls: true,
      rounds: 3,
      verdicts: (outcomes) => secureVerdicts("Kit of six over HTTPS, sha256", outcomes),
    }),
};

const kitSizes = (bench: Bench): readonly number[] =>
  KIT_SHARES.map((share) => Math.floor((oneFile(bench) / 16) * share) + share);

const oneFile = (bench: Bench): number => scaled(bench, 1024 * MIB, 256 * MIB);

interface Race {
  readonly id: string;
  readonly title: string;
  readonly sizes: readonly number[];
  readonly rivals: readonly RivalName[];
  readonly isTls: boolean;
  readonly rounds: number;
  readonly verdicts: (outcomes: readonly Outcome[]) => readonly Verdict[];
}

async function race(bench: Bench, wanted: Race): Promise<CaseReport> {
  const { files } = await serve(bench, wanted.id, wanted.sizes);
  const lists = await listsOf(bench, wanted.id);
  const authority = wanted.isTls ? await createAuthority() : undefined;
  const caFile = authority === undefined ? null : join(lists, "ca.pem");
  if (authority !== undefined && caFile !== null) await writeFile(caFile, authority.ca);
  // One folder up, so that an object store's client finds a bucket.
  await using origin = await nginxOf(bench, {
    folder: bench.memory,
    ...(authority === undefined ? {} : { authority }),
  });
  const offer: Offer = { files, origins: [`${origin.url}/${wanted.id}`], caFile, connections: CONNECTIONS, lists };
  const contenders = [
    ...limits(bench, { offer, origin }),
    ...(files.length === 1 ? [bareLanes(offer)] : []),
    syncContender(offer),
    ...rivals(wanted.rivals, offer, bench.tools).map(onceIfSlow),
  ];
  const rounds = roundsOf(bench, wanted.rounds);
  const outcomes = await contest(bench, { id: wanted.id, files, contenders, rounds, origins: [origin] });
  await unserve(bench, wanted.id);
  const size = formatBytes(files.reduce((sum, file) => sum + file.size, 0));
  return {
    id: wanted.id,
    title: wanted.title,
    about: `${size} in ${files.length} file(s) from nginx on loopback (${wanted.isTls ? "TLS 1.3, sessions kept" : "plain HTTP, sendfile"}), served from memory, written to the disk; ${roundsText(outcomes)}. Ours is synced to the disk when it ends, the others' pages may still be dirty.`,
    outcomes,
    verdicts: wanted.verdicts(outcomes),
    series: [],
    skipped: [],
  };
}

/** Judged over plain HTTP only; one run tells how they fare with TLS. */
const bareLanes = (offer: Offer): Contender =>
  offer.caFile === null ? lanesContender(offer) : { ...lanesContender(offer), rounds: 1 };

/** The slowest of all, by far more than its runs differ: one run tells enough. */
const onceIfSlow = (contender: Contender): Contender =>
  contender.name === "aria2c + checksum" ? { ...contender, rounds: 1 } : contender;

const unverified = (outcomes: readonly Outcome[]): readonly Outcome[] =>
  rivalsIn(outcomes).filter(({ isVerifying }) => !isVerifying);

function bareVerdicts(outcomes: readonly Outcome[]): readonly Verdict[] {
  const [ours, limit] = [named(outcomes, "modelferry's lanes"), limitOf(outcomes)];
  const name = "HTTP unthrottled, no digest";
  return [
    compareTimes({ case: `${name}: the C limit`, ours, versus: limit, atMost: 1.15 }),
    compareTimes({ case: `${name}: best other tool`, ours, versus: best(unverified(outcomes)), limit, atMost: 0.6 }),
  ];
}

function digestVerdicts(outcomes: readonly Outcome[]): readonly Verdict[] {
  const ours = named(outcomes, "modelferry sync");
  const limit = limitOf(outcomes);
  const name = "HTTP unthrottled, sha256";
  const [curl, aria] = [named(outcomes, "curl + openssl"), named(outcomes, "aria2c + checksum")];
  return [
    compareTimes({ case: `${name}: curl + openssl`, ours, versus: curl, limit, atMost: 0.6 }),
    compareTimes({ case: `${name}: aria2c + checksum`, ours, versus: aria, limit, atMost: 0.3 }),
    compareProven(name, outcomes),
  ];
}

function costVerdicts(outcomes: readonly Outcome[]): readonly Verdict[] {
  const ours = named(outcomes, "modelferry sync");
  const bare = named(outcomes, "modelferry's lanes");
  const rss = ours?.median?.rssBytes ?? Number.NaN;
  return [
    { ...compareTimes({ case: "Verification on, over off", ours, versus: bare, atMost: null }), target: "–" },
    claim({
      case: "Peak memory of sync",
      of: ours,
      ours: formatBytes(rss),
      target: "≤ 250 MB",
      isMet: rss <= 250e6,
    }),
  ];
}

function secureVerdicts(name: string, outcomes: readonly Outcome[]): readonly Verdict[] {
  const ours = named(outcomes, "modelferry sync");
  const curl = named(outcomes, "curl + openssl");
  return [
    compareTimes({ case: `${name}: curl + openssl`, ours, versus: curl, atMost: 0.7 }),
    compareTimes({ case: `${name}: best other without a digest`, ours, versus: best(unverified(outcomes)), atMost: 1 }),
    compareProven(name, outcomes),
  ];
}

function kitVerdicts(outcomes: readonly Outcome[]): readonly Verdict[] {
  const ours = named(outcomes, "modelferry sync");
  const name = "Kit of six, sha256";
  return [
    compareTimes({ case: `${name}: curl + openssl`, ours, versus: named(outcomes, "curl + openssl"), atMost: 0.6 }),
    compareTimes({
      case: `${name}: aria2c + checksum`,
      ours,
      versus: named(outcomes, "aria2c + checksum"),
      atMost: 0.3,
    }),
    compareProven(name, outcomes),
  ];
}
