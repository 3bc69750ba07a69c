/** One host of the scheduler: what it carried lately and in earlier runs, and how many of its lanes are busy. Pure. */
import type { HostPace } from "../base/host-pace.ts";
import { createLaneBudget } from "./lane-budget.ts";
import { createMeter } from "./meter.ts";
import type { HostState, LaneState } from "./world.ts";

export interface HostLimits {
  /** Lanes of each host; null adapts between 1 and `lanesPerHost`. */
  readonly lanes: number | null;
  readonly lanesPerHost: number;
  /** What hosts gave in earlier runs, by {@link HostState.key}: a first guess, until this run has measured. */
  readonly remembered: ReadonlyMap<string, HostPace>;
}

const FIRST_LANES = 4;
/** What a host is thought to take to its first byte before one came. */
const FIRST_BYTE_MS = 50;
/** After so long in silence nothing is expected, or several times what it takes to a first byte. */
const LOST_MS = 1_000;

/** The host at `key`, of which nothing is known yet but what is remembered. */
export function beginHost(key: string, { lanes, lanesPerHost, remembered }: HostLimits, nowMs: number): HostState {
  const guess = remembered.get(key) ?? null;
  const settings = { first: FIRST_LANES, most: lanesPerHost, fixed: lanes, guess: guess?.lanes ?? null };
  return {
    key,
    guess,
    budget: createLaneBudget(settings, nowMs),
    meter: createMeter(),
    laneMeter: createMeter(),
    lanes: new Set(),
    firstByteMs: FIRST_BYTE_MS,
    firstBytes: 0,
    restUntilMs: 0,
    lastMoveMs: nowMs,
    isMute: false,
    bytesSinceTick: 0,
  };
}

/** Takes into account what came in the `ms` up to `nowMs`. */
export function measureHost(
  host: HostState,
  ms: number,
  { nowMs, isSaturated }: { readonly nowMs: number; readonly isSaturated: boolean },
): void {
  if (host.lanes.size > 0 && nowMs - host.lastMoveMs > lostAfterMs(host)) host.isMute = true;
  host.budget.observe(host.bytesSinceTick, busyLanes(host), nowMs, isSaturated);
  if (host.lanes.size > 0 || host.bytesSinceTick > 0) {
    host.meter.add(host.bytesSinceTick, ms);
    host.laneMeter.add(host.bytesSinceTick, ms * Math.max(1, host.lanes.size));
  }
  host.bytesSinceTick = 0;
}

/** Bytes per second of the whole host: as measured, else as remembered, else 0. */
export function hostRate({ meter, guess }: HostState): number {
  return meter.rate() || (guess?.bytesPerSecond ?? 0);
}

/** Bytes per second of one lane of it: as measured, else as remembered, else 0. */
export function laneRate({ laneMeter, guess }: HostState): number {
  return laneMeter.rate() || (guess?.laneBytesPerSecond ?? 0);
}

/** What the next run is to know of this host; null when nothing was found out. */
export function paceOf({ key, budget, meter }: HostState, at: number): HostPace | null {
  const found = budget.found();
  const bytesPerSecond = Math.round(found?.rate || meter.rate());
  if (found === null || bytesPerSecond === 0) return null;
  const laneBytesPerSecond = Math.round(bytesPerSecond / found.lanes);
  return { origin: key, bytesPerSecond, laneBytesPerSecond, lanes: found.lanes, at };
}

/**
 * Lanes that take a place of the host's budget. One that ends within the time to a first byte does not: the next range
 * is asked for on another connection meanwhile, so that the host never waits for a request.
 */
export function busyLanes(host: HostState): number {
  let busy = 0;
  for (const lane of host.lanes) busy += isBusy(lane) ? 1 : 0;
  return busy;
}

/** Silence, in milliseconds, after which a lane of the host is trusted with nothing, whatever it did before. */
export function lostAfterMs({ firstByteMs }: HostState): number {
  return Math.max(LOST_MS, 4 * firstByteMs);
}

/** True unless it ends within the time to a first byte. */
export function isBusy({ position, start, end, meter, host }: LaneState): boolean {
  return position === start || ((end - position) / Math.max(1, meter.rate())) * 1000 > host.firstByteMs;
}
