/** What is to be done now, as actions: give up silent lanes, ask for addresses, open lanes, cut slow ones. Pure. */
import { chooseJob, mirrorOn, openHosts } from "./choose-job.ts";
import { planHedge } from "./hedge.ts";
import { busyLanes, laneRate } from "./host-state.ts";
import { needsRestart } from "./job-state.ts";
import { beginHedge, beginLane } from "./lane-state.ts";
import { isSilent } from "./stall.ts";
import { planRelief, planRetirement, planTheft, type Theft } from "./steal.ts";
import type { Action, HostState, JobState, LaneState, World } from "./world.ts";

export interface DecideLimits {
  readonly lanesPerHost: number;
  /** Lanes of all hosts together. */
  readonly mostLanes: number;
  /** Bytes per second for everything together, or null: under a limit nothing is asked for twice. */
  readonly maxRate: number | null;
  /** A number that no lane had before. */
  readonly nextLane: () => number;
}

/** Of all lanes, each host may have this many before others have more; fewer where there are many hosts. */
const RESERVED_LANES = 8;

/** Changes `world` as if the actions were done already, and returns them in the order in which they are to be done. */
export function decide(world: World, limits: DecideLimits, nowMs: number): readonly Action[] {
  const actions = [
    ...cancelSilent(world, nowMs),
    ...cancelOutrun(world),
    ...resolveClosed(world, nowMs),
    ...restartWhole(world),
  ];
  // What is begun again is open to lanes when everyone knows: until then its bytes count as being there.
  if (actions.some(({ kind }) => kind === "restart")) return actions;
  const fastest = [...world.hosts.values()].sort((one, other) => laneRate(other) - laneRate(one));
  for (const host of fastest) actions.push(...planRetirement(host, nowMs).flatMap((theft) => cut(theft, nowMs)));
  for (const host of fastest) actions.push(...fillHost(world, host, { ...limits, nowMs }));
  for (const job of world.jobs.values()) if (isInLine(job, fastest, nowMs)) job.lastHopeMs = nowMs;
  for (const host of fastest) actions.push(...stealFor(world, host, nowMs));
  for (const job of world.jobs.values()) actions.push(...planRelief(job, nowMs).flatMap((theft) => cut(theft, nowMs)));
  for (const host of fastest) actions.push(...hedgeOn(world, host, { ...limits, nowMs }));
  return actions;
}

function cancelSilent({ lanes }: World, nowMs: number): readonly Action[] {
  const silent = [...lanes.values()].filter((lane) => !lane.isCancelled && isSilent(lane, nowMs));
  return silent.map((lane) => {
    lane.isStalled = true;
    lane.isCancelled = true;
    return { kind: "cancel", lane: lane.id };
  });
}

/** Of a lane and its hedge the one that is behind, once the other has all. */
function cancelOutrun({ lanes }: World): readonly Action[] {
  const isOutrun = ({ spare, standsFor }: LaneState): boolean =>
    spare !== null || (standsFor !== null && !lanes.has(standsFor.id));
  const outrun = [...lanes.values()].filter((lane) => !lane.isCancelled && isOutrun(lane));
  return outrun.map((lane) => {
    lane.isCancelled = true;
    return { kind: "cancel", lane: lane.id };
  });
}

function resolveClosed({ jobs }: World, nowMs: number): readonly Action[] {
  return [...jobs.values()].flatMap((job) => {
    const closed = job.mirrors.filter(({ status, restUntilMs }) => status === "closed" && restUntilMs <= nowMs);
    return (job.isEnded ? [] : closed).map((mirror): Action => {
      mirror.status = "opening";
      return { kind: "resolve", job: job.id, mirror: mirror.index };
    });
  });
}

function restartWhole({ jobs }: World): readonly Action[] {
  return [...jobs.values()].filter(needsRestart).map((job) => {
    job.pending = [{ start: 0, end: job.size }];
    return { kind: "restart", job: job.id };
  });
}

type FillLimits = DecideLimits & { readonly nowMs: number };

function fillHost(world: World, host: HostState, limits: FillLimits): readonly Action[] {
  const actions: Action[] = [];
  while (hasRoom(world, host, limits)) {
    const choice = chooseJob([...world.jobs.values()], host, limits.nowMs);
    const lane = choice === null ? null : beginLane(limits.nextLane(), choice.job, { ...choice, nowMs: limits.nowMs });
    if (lane === null) break;
    actions.push(opening(world, lane));
  }
  return actions;
}

function hedgeOn(world: World, host: HostState, limits: FillLimits): readonly Action[] {
  const { nowMs, maxRate } = limits;
  if (maxRate !== null || nowMs < world.starvedUntilMs || host.isMute || !hasRoom(world, host, limits)) return [];
  const hedge = planHedge([...world.jobs.values()], host, nowMs);
  return hedge === null ? [] : [opening(world, beginHedge(limits.nextLane(), hedge.victim, { ...hedge, nowMs }))];
}

/** True when one more lane of `host` may be opened now. */
function hasRoom(world: World, host: HostState, { lanesPerHost, mostLanes, nowMs }: FillLimits): boolean {
  const mostHere = mostLanes - reservedLanes(world, host, mostLanes);
  const taken = host.budget.isStrict() ? host.lanes.size : busyLanes(host);
  const isFull = world.lanes.size >= mostHere || host.lanes.size >= lanesPerHost || taken >= host.budget.limit();
  return !isFull && host.restUntilMs <= nowMs;
}

function opening(world: World, lane: LaneState): Action {
  world.lanes.set(lane.id, lane);
  const { id, start, end, job, mirror } = lane;
  const from = { job: job.id, mirror: mirror.index, isGeneral: mirror.isGeneral };
  return { kind: "open", lane: id, ...from, range: { start, end }, standsFor: lane.standsFor?.id ?? null };
}

/** Lanes that are kept free for other hosts: two that could use all of them must not keep a third from starting. */
function reservedLanes({ jobs }: World, host: HostState, mostLanes: number): number {
  const others = new Set([...jobs.values()].flatMap((job) => [...openHosts(job)]));
  others.delete(host);
  // Never more than its part: what all keep for all others, nobody could use.
  const most = Math.min(RESERVED_LANES, Math.floor(mostLanes / (others.size + 1)));
  const missing = [...others].map(({ budget, lanes }) => Math.min(most, budget.limit()) - lanes.size);
  return missing.reduce((sum, lanes) => sum + Math.max(0, lanes), 0);
}

/** True when nothing but the lanes of others keeps the job from a mirror that is well. */
function isInLine(job: JobState, hosts: readonly HostState[], nowMs: number): boolean {
  if (job.lanes.size > 0 || job.pending.length === 0) return false;
  return hosts.some((host) => host.lanes.size > 0 && mirrorOn(job, host, nowMs) !== null);
}

function stealFor({ jobs }: World, host: HostState, nowMs: number): readonly Action[] {
  if (host.lanes.size >= host.budget.limit() || host.restUntilMs > nowMs || host.isMute) return [];
  return cut(planTheft([...jobs.values()], host, nowMs), nowMs);
}

function cut(theft: Theft | null, nowMs: number): readonly Action[] {
  if (theft === null) return [];
  theft.victim.cutMs = nowMs;
  return [{ kind: "shrink", lane: theft.victim.id, end: theft.end }];
}
