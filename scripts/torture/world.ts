/** A world as a plan: its files, mirrors, faults, clients and kills, drawn from the seed alone. Pure. */
import { createDraw, type Draw } from "./draw.ts";
import type { MirrorKind, TortureFault } from "./fault.ts";
import { FAULTS, faultOf, isFatal, suits } from "./faults.ts";

export interface FilePlan {
  /** Which of the prepared files it is. */
  readonly stock: number;
  readonly name: string;
}

export interface MirrorPlan {
  readonly kind: MirrorKind;
  /** Its part of the world's whole rate; all parts make 1. */
  readonly share: number;
  readonly latencyMs: number;
  /** Ids of its faults. */
  readonly faults: readonly string[];
}

/** When a kill comes: as the process starts, while bytes move, while the digest is proven, as the file gets its name. */
export type Moment = "start" | "moving" | "proving" | "placing";

export interface KillPlan {
  readonly moment: Moment;
  /** How far into the moment, from 0 to 1. */
  readonly at: number;
  /** Which of the clients, where none is known to hold the file. */
  readonly victim: number;
}

export interface ClientPlan {
  /** Plain lines and stacks of errors instead of JSON. */
  readonly isPlain: boolean;
  readonly delayMs: number;
}

export interface WorldPlan {
  readonly seed: string;
  readonly number: number;
  readonly files: readonly FilePlan[];
  /** How long an undisturbed fetch would take. */
  readonly idealMs: number;
  readonly mirrors: readonly MirrorPlan[];
  readonly clients: readonly ClientPlan[];
  readonly kills: readonly KillPlan[];
  /** A lock of a process on another machine that is gone lies there from the beginning. */
  readonly hasDeadHolder: boolean;
}

/** Sizes of the files that are prepared for all worlds; the last one is the large one. */
export const STOCK_BYTES: readonly number[] = [1, 2, 3, 5, 7, 9, 12, 16, 24, 40, 200].map(
  (mb, index) => mb * 1_000_000 + index,
);
const KINDS: readonly MirrorKind[] = ["http", "https", "hub", "s3"];
/** One file takes as long as real ones do at least: only there a share says what a kill costs. Its place in the stock. */
export const LARGE_STOCK: number = 10;
const LARGE_EVERY = 25;
/** Of five worlds one is calm, three have one fault, one has several. */
const CYCLE = 5;
const DEAD_HOLDER_EVERY = 25;

/** World `number` of `seed`: always the same. */
export function planWorld(seed: string, number: number): WorldPlan {
  const draw = createDraw(`${seed} ${number}`);
  if (number % LARGE_EVERY === 10) return planLarge(draw, { seed, number });
  const faults = faultsFor(number, draw);
  const hasDeadHolder = number % DEAD_HOLDER_EVERY === 0;
  return {
    seed,
    number,
    files: filesFor(draw),
    idealMs: draw.whole(900, 1_900),
    mirrors: mirrorsFor(faults, draw),
    clients: hasDeadHolder ? [{ isPlain: false, delayMs: 0 }] : clientsFor(draw),
    kills: killsFor(draw),
    hasDeadHolder,
  };
}

/** A large file, one process, nothing wrong but kills. */
function planLarge(draw: Draw, identity: Pick<WorldPlan, "seed" | "number">): WorldPlan {
  const kinds: readonly MirrorKind[] = ["http", "https", "hub"];
  const kill = (): KillPlan => ({ moment: "moving", at: draw.real() * 0.4, victim: 0 });
  return {
    ...identity,
    files: [{ stock: LARGE_STOCK, name: "large" }],
    idealMs: draw.whole(7_000, 9_000),
    mirrors: [{ kind: draw.pick(kinds), share: 1, latencyMs: draw.whole(0, 25), faults: [] }],
    clients: [{ isPlain: false, delayMs: 0 }],
    kills: Array.from({ length: draw.whole(3, 4) }, kill),
    hasDeadHolder: false,
  };
}

/** Every fault comes alone again and again, in the order of the table; in some worlds several come together. */
function faultsFor(number: number, draw: Draw): readonly TortureFault[] {
  const turn = number % CYCLE;
  if (turn === 0) return [];
  if (turn === CYCLE - 1) return Array.from({ length: draw.whole(2, 4) }, () => draw.pick(FAULTS));
  const alone = Math.floor(number / CYCLE) * (CYCLE - 2) + turn - 1;
  return [faultOf(FAULTS[alone % FAULTS.length]?.id ?? "")];
}

function filesFor(draw: Draw): readonly FilePlan[] {
  const first = draw.whole(0, LARGE_STOCK - 1);
  const count = draw.chance(0.3) ? 2 : 1;
  return Array.from({ length: count }, (_, index) => {
    const stock = (first + index * 3) % LARGE_STOCK;
    return { stock, name: `weights-${stock}` };
  });
}

interface Growing {
  readonly kind: MirrorKind;
  readonly weight: number;
  readonly latencyMs: number;
  readonly faults: TortureFault[];
}

/** One to three mirrors, each fault at one that it suits; where a lone mirror would be asked for minutes, a good one comes along. */
function mirrorsFor(faults: readonly TortureFault[], draw: Draw): readonly MirrorPlan[] {
  const mirrors: Growing[] = [];
  // There is one Hub and one S3 endpoint that a process can be told of.
  const isFree = (kind: MirrorKind): boolean => kind.startsWith("http") || mirrors.every((one) => one.kind !== kind);
  const grow = (kinds: readonly MirrorKind[]): Growing => {
    const made = { kind: draw.pick(kinds), weight: 0.2 + draw.real(), latencyMs: draw.whole(0, 25), faults: [] };
    mirrors.push(made);
    return made;
  };
  for (const fault of faults) {
    const fitting = mirrors.filter(({ kind }) => suits(fault, kind));
    const free = mirrors.length < 3 ? KINDS.filter((kind) => suits(fault, kind) && isFree(kind)) : [];
    const isApart = free.length > 0 && (fitting.length === 0 || draw.chance(0.4));
    const home = isApart ? grow(free) : fitting[0];
    home?.faults.push(fault);
  }
  const wanted = draw.whole(1, 3);
  while (mirrors.length < wanted) grow(KINDS.filter(isFree));
  const isSlow = faults.some(({ course }) => course === "fatal-slowly");
  // Without any fault: one that is dropped for a while would leave the process with the slow one alone.
  if (isSlow && mirrors.every((one) => one.faults.length > 0)) {
    if (mirrors.length < 3) grow(KINDS.filter(isFree));
    else mirrors[2]?.faults.splice(0);
  }
  const whole = mirrors.reduce((sum, { weight }) => sum + weight, 0);
  return mirrors.map(({ kind, weight, latencyMs, faults: own }) => ({
    kind,
    share: weight / whole,
    latencyMs,
    faults: own.map(({ id }) => id),
  }));
}

function clientsFor(draw: Draw): readonly ClientPlan[] {
  const dice = draw.real();
  const count = dice < 0.55 ? 1 : dice < 0.8 ? 2 : dice < 0.92 ? 3 : 4;
  return Array.from({ length: count }, () => ({ isPlain: draw.chance(0.2), delayMs: draw.whole(0, 150) }));
}

function killsFor(draw: Draw): readonly KillPlan[] {
  const count = draw.whole(2, 4);
  return Array.from({ length: count }, (): KillPlan => {
    const dice = draw.real();
    const moment = dice < 0.15 ? "start" : dice < 0.8 ? "moving" : dice < 0.9 ? "proving" : "placing";
    return { moment, at: draw.real(), victim: draw.whole(0, 3) };
  });
}

/** True when the world has a mirror that brings every file to whoever asks often enough. */
export function mustSurvive({ mirrors }: WorldPlan): boolean {
  return mirrors.some(({ faults }) => !faults.some((id) => isFatal(faultOf(id))));
}

/** True when bytes that came may have to come again, whatever is durable. */
export function hasLies({ mirrors }: WorldPlan): boolean {
  return mirrors.some(({ faults }) => faults.some((id) => faultOf(id).isLie === true));
}
