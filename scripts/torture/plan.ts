/** What one world is: files, mirrors with what they do wrong, processes, and the moments at which they are killed. Pure. */
import { FAULTS, type FaultKind, type FaultPlace } from "./faults.ts";
import { type Chance, createChance } from "./random.ts";

export type MirrorKind = "http" | "https" | "hub" | "bucket" | "s3";

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Index of the file. */
  readonly file: number;
  readonly place: FaultPlace;
  /** Null for as long as the world lasts. */
  readonly times: number | null;
}

export interface PlannedMirror {
  readonly kind: MirrorKind;
  readonly bytesPerSecond: number;
  readonly faults: readonly PlannedFault[];
  /** Whether every link that was handed out stops working in the middle (the Hub's links only). */
  readonly hasLinksExpire: boolean;
}

/** When a process is killed: after so many ms, or once so much of all bytes went out and then so many ms. */
export interface PlannedKill {
  readonly share: number | null;
  readonly delayMs: number;
  /** Whether all processes are killed, or one while the others go on. */
  readonly isForAll: boolean;
}

export interface WorldPlan {
  readonly seed: number;
  readonly index: number;
  readonly sizes: readonly number[];
  readonly mirrors: readonly PlannedMirror[];
  /** Processes that sync the same tree. */
  readonly clients: number;
  readonly kills: readonly PlannedKill[];
  /** Whether at least one mirror stays good, so that the file must come. */
  readonly mustSucceed: boolean;
}

const MB = 1_000_000;
/** One world of so many is there to say what a kill costs. */
const LARGE_EVERY = 20;
const HOPELESS_EVERY = 50;
const WEIGHTED: readonly FaultKind[] = FAULTS.flatMap((kind) => Array<FaultKind>(kind.weight).fill(kind));

/** The world number `index` of the run that `seed` begins. */
export function planWorld(seed: number, index: number): WorldPlan {
  const chance = createChance(seed, index);
  return index % LARGE_EVERY === LARGE_EVERY - 1
    ? planLarge(chance, { seed, index })
    : planSmall(chance, { seed, index });
}

function planSmall(chance: Chance, identity: Pick<WorldPlan, "seed" | "index">): WorldPlan {
  const sizes = Array.from({ length: chance.pick([1, 1, 2]) }, () => sizeIn(chance));
  const planned = Array.from({ length: chance.between(1, 3) }, () => planMirror(chance, sizes));
  // There is one Hub and one S3 endpoint in a process' environment.
  const isSecond = ({ kind }: PlannedMirror, at: number): boolean =>
    (kind === "hub" || kind === "s3") && planned.findIndex((other) => other.kind === kind) < at;
  const unlike = planned.map(
    (mirror, at): PlannedMirror => (isSecond(mirror, at) ? { ...mirror, kind: "http" } : mirror),
  );
  const mirrors = isHopeless(unlike) && identity.index % HOPELESS_EVERY !== 0 ? unlike.map(withEnd) : unlike;
  const clients = chance.pick([1, 1, 1, 1, 2, 2, 3, 4]);
  const kills = Array.from({ length: chance.between(1, 5) }, () => planKill(chance));
  return {
    ...identity,
    sizes,
    mirrors,
    clients,
    kills,
    mustSucceed: mirrors.some(({ faults }) => faults.every(isSurvivable)),
  };
}

/** What a kill costs: nothing but kills, and a file that takes some ten seconds, as real ones take at least. */
function planLarge(chance: Chance, identity: Pick<WorldPlan, "seed" | "index">): WorldPlan {
  const kill = (): PlannedKill => ({ share: 0.05 + 0.25 * chance.share(), delayMs: 0, isForAll: true });
  const rate = chance.between(20 * MB, 30 * MB);
  const mirror = { bytesPerSecond: rate, faults: [], hasLinksExpire: false };
  const kind = chance.pick<MirrorKind>(["http", "https", "hub", "bucket"]);
  return {
    ...identity,
    sizes: [chance.between(250 * MB, 300 * MB)],
    mirrors: [{ ...mirror, kind }],
    clients: 1,
    kills: Array.from({ length: chance.between(2, 3) }, kill),
    mustSucceed: true,
  };
}

/** Nobody is at fault for good, but nobody gets anywhere: a sync gives up after a minute and a half. Few worlds do that. */
const isHopeless = (mirrors: readonly PlannedMirror[]): boolean =>
  mirrors.every(({ faults }) => faults.some(({ kind, times }) => kind.grade === "passing" && times === null));

const withEnd = (mirror: PlannedMirror): PlannedMirror => ({
  ...mirror,
  faults: mirror.faults.map((fault) =>
    fault.kind.grade === "passing" ? { ...fault, times: fault.times ?? 3 } : fault,
  ),
});

/** A mirror that does nothing damning, and nothing for ever, is a good one in the end. */
const isSurvivable = ({ kind, times }: PlannedFault): boolean => kind.grade === "passing" && times !== null;

/** Mostly small, sometimes odd: one range, one byte more than a range, many. */
const sizeIn = (chance: Chance): number =>
  chance.pick([
    () => chance.between(3000, 300_000),
    () => 1024 * 1024 + chance.between(-1, 1),
    () => 16 * 1024 * 1024 + chance.between(-1, 1),
    () => chance.between(2 * MB, 12 * MB),
    () => chance.between(8 * MB, 24 * MB),
  ])();

function planMirror(chance: Chance, sizes: readonly number[]): PlannedMirror {
  const kind = chance.pick<MirrorKind>(["http", "http", "https", "https", "hub", "hub", "bucket", "s3"]);
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  // The whole takes from half a second to two.
  const bytesPerSecond = Math.max(MB, whole / (0.4 + 1.4 * chance.share()));
  // The real server behind S3 does nothing wrong on command; it is there for its signatures.
  const count = kind === "s3" ? 0 : chance.pick([0, 1, 1, 2, 3]);
  return {
    kind,
    bytesPerSecond: Math.round(bytesPerSecond),
    faults: Array.from({ length: count }, () => planFault(chance, sizes)),
    hasLinksExpire: chance.isLucky(0.3),
  };
}

function planFault(chance: Chance, sizes: readonly number[]): PlannedFault {
  const file = chance.between(0, sizes.length - 1);
  const size = sizes[file] ?? 1;
  const place = { size, offset: chance.between(0, size - 1), afterBytes: chance.between(0, Math.min(size, 4 * MB)) };
  return { kind: chance.pick(WEIGHTED), file, place, times: chance.isLucky(0.12) ? null : chance.between(1, 3) };
}

function planKill(chance: Chance): PlannedKill {
  const isForAll = chance.isLucky(0.6);
  const what = chance.share();
  // At the start, while bytes move (mostly), and around the last byte: proof, name, receipt, lockfile.
  if (what < 0.15) return { share: null, delayMs: chance.between(50, 700), isForAll };
  if (what < 0.7) return { share: chance.share(), delayMs: chance.between(0, 30), isForAll };
  return { share: 1, delayMs: chance.between(0, 250), isForAll };
}
