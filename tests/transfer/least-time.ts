/** The time in which a simulated world could be fetched by who knows everything, to hold the scheduler against. */
import { factorAt, type SimulatedHost, type SimulatedJob } from "./simulated-world.ts";

const STEP_MS = 20;
const MOST_MS = 3_600_000;

/**
 * Connections of a host so many milliseconds after its first byte: four, twice as many after a quarter of a second, and
 * twice as many every 0.7 s, as each number must be looked at before the next one is tried.
 */
const rampedLanes = (ms: number): number => 4 * 2 ** Math.max(0, Math.ceil((ms - 249) / 700));

/**
 * When each job would be whole, in milliseconds: one after the other, those of the highest priority first, each with all
 * that its hosts can carry while they live. For jobs on the same hosts no scheduler that ramps up so is faster in all.
 */
export function leastMs(hosts: readonly SimulatedHost[], jobs: readonly SimulatedJob[]): readonly number[] {
  const order = [...jobs.keys()].sort((one, other) => (jobs[other]?.priority ?? 0) - (jobs[one]?.priority ?? 0));
  const whole = jobs.map(() => 0);
  let nowMs = 0;
  for (const index of order) {
    const job = jobs[index];
    let left = job?.size ?? 0;
    for (; left > 0; nowMs += STEP_MS) {
      if (nowMs > MOST_MS) throw new RangeError("this world takes more than an hour");
      for (const host of job?.hosts ?? []) left -= (rateAt(hosts[host] as SimulatedHost, nowMs) * STEP_MS) / 1000;
    }
    whole[index] = nowMs;
  }
  return whole;
}

function rateAt(host: SimulatedHost, nowMs: number): number {
  const { capacity, perLane, latencyMs, diesAtMs = MOST_MS, hangsAtMs = MOST_MS, isBusy } = host;
  if (nowMs < latencyMs || nowMs >= Math.min(diesAtMs, hangsAtMs)) return 0;
  if (isBusy !== undefined && nowMs >= isBusy.fromMs && nowMs < isBusy.untilMs) return 0;
  return Math.min(capacity, perLane * rampedLanes(nowMs - latencyMs)) * factorAt(host, nowMs);
}

/**
 * The same hosts with all that is bad for a fetch this much earlier, and what is good later: who is late by a second when
 * the fast host dies may need minutes more, whatever he does then.
 */
export function unluckier(hosts: readonly SimulatedHost[], ms: number): readonly SimulatedHost[] {
  return hosts.map(({ diesAtMs, hangsAtMs, shift, ...host }) => ({
    ...host,
    ...(diesAtMs === undefined ? {} : { diesAtMs: diesAtMs - ms }),
    ...(hangsAtMs === undefined ? {} : { hangsAtMs: hangsAtMs - ms }),
    ...(shift === undefined ? {} : { shift: { ...shift, atMs: shift.atMs + (shift.factor < 1 ? -ms : ms) } }),
  }));
}
