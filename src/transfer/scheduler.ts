/** Who fetches what next. Knows no clock, no network and no disk: facts go in, actions come out. */
import type { ByteRange, RangeSet } from "../base/range.ts";
import { addRange, gapsIn, removeRange } from "../base/range.ts";
import type { LaneEnd } from "../net/lane-pool.ts";
import { type AnswerFacts, answerFailure, answerUnresolved, type Blame } from "./answers.ts";
import { chooseJob } from "./choose-job.ts";
import { createLaneBudget } from "./lane-budget.ts";
import { createMeter } from "./meter.ts";
import { rangeSize } from "./range-size.ts";
import { isSilent } from "./stall.ts";
import { planTheft } from "./steal.ts";
import { type Action, type HostState, type JobState, type LaneState, leftBytes, type MirrorState } from "./world.ts";

export interface SchedulerSettings {
  /** Lanes of each host; null adapts between 1 and `lanesPerHost`. */
  readonly lanes: number | null;
  readonly lanesPerHost: number;
  readonly mostLanes: number;
  readonly random: () => number;
}

export interface NewJob {
  readonly id: string;
  readonly size: number;
  /** Higher goes first. */
  readonly priority: number;
  /** What is on disk already. */
  readonly done: RangeSet;
  readonly mirrors: readonly { readonly label: string }[];
}

/** What a range's end means for its job. */
export interface LaneOutcome {
  readonly job: string;
  readonly mirror: number;
  /** Bytes that are now in the file. */
  readonly range: ByteRange;
  /** The mirror was given up, and why. */
  readonly blame: Blame | null;
  readonly isError: boolean;
  /** How long its server is left alone because it asked for that; else 0. */
  readonly waitMs: number;
}

export interface Scheduler {
  readonly addJob: (job: NewJob, nowMs: number) => void;
  readonly removeJob: (id: string) => void;
  /** A mirror has an endpoint on `host`. */
  readonly mirrorOpened: (
    job: string,
    mirror: number,
    host: { key: string; hasRanges: boolean },
    nowMs: number,
  ) => void;
  /** A mirror could not say where it is; returns the blame when it is given up for that. */
  readonly mirrorUnresolved: (job: string, mirror: number, blame: Blame, nowMs: number) => Blame | null;
  /** A mirror is given up for this job. */
  readonly mirrorDied: (job: string, mirror: number) => void;
  /** Bytes that were thought good are fetched again. */
  readonly spoil: (job: string, range: ByteRange) => void;
  /** Tells where each open lane is; called every few dozen milliseconds. */
  readonly tick: (positions: ReadonlyMap<number, number>, nowMs: number) => void;
  readonly laneShrunk: (lane: number, end: number) => void;
  readonly laneEnded: (lane: number, end: LaneEnd, nowMs: number) => LaneOutcome | null;
  /** What is to be done now. */
  readonly decide: (nowMs: number) => readonly Action[];
  /** True when every byte of the job is in the file. */
  readonly isWhole: (id: string) => boolean;
  /** Milliseconds since the job last got a byte, or could hope for one: a mirror that has not failed, or asked for patience. */
  readonly hopelessMs: (id: string, nowMs: number) => number;
  /** True while at least one mirror of the job is not given up. */
  readonly hasMirror: (id: string) => boolean;
}

/** Between two ticks; longer, and this process was stopped or starved. */
const STANDSTILL_MS = 1_500;

export function createScheduler(settings: SchedulerSettings): Scheduler {
  const jobs = new Map<string, JobState>();
  const hosts = new Map<string, HostState>();
  const lanes = new Map<number, LaneState>();
  let lastLane = 0;
  let lastOrder = 0;
  let lastTickMs = 0;

  const hostOf = (key: string, nowMs: number): HostState => {
    const known = hosts.get(key);
    if (known !== undefined) return known;
    const budget = createLaneBudget({ first: 4, most: settings.lanesPerHost, fixed: settings.lanes }, nowMs);
    const host = {
      key,
      budget,
      meter: createMeter(),
      laneMeter: createMeter(),
      lanes: new Set<LaneState>(),
      firstByteMs: 50,
      restUntilMs: 0,
      bytesSinceTick: 0,
    };
    hosts.set(key, host);
    return host;
  };
  const moveLane = (lane: LaneState, position: number, nowMs: number): void => {
    if (position <= lane.position) return;
    if (lane.position === lane.start) lane.host.firstByteMs += (nowMs - lane.startedMs - lane.host.firstByteMs) * 0.3;
    const bytes = position - lane.position;
    lane.host.bytesSinceTick += bytes;
    lane.meter.add(bytes, Math.max(1, nowMs - lane.lastMoveMs));
    lane.position = position;
    lane.lastMoveMs = nowMs;
    lane.job.lastHopeMs = nowMs;
    lane.mirror.failures = 0;
    lane.mirror.waitedMs = 0;
    if (lane.generation === lane.mirror.generation) lane.mirror.refusals = 0;
  };
  /** This process stood still: that its lanes did, too, says nothing about their servers. */
  const forgiveSilence = (ms: number): void => {
    for (const lane of lanes.values()) lane.lastMoveMs += ms;
  };
  const measureHosts = (ms: number, nowMs: number): void => {
    for (const host of hosts.values()) {
      host.budget.observe(host.bytesSinceTick, busyLanes(host), nowMs);
      if (host.lanes.size > 0 || host.bytesSinceTick > 0) {
        host.meter.add(host.bytesSinceTick, ms);
        host.laneMeter.add(host.bytesSinceTick, ms * Math.max(1, host.lanes.size));
      }
      host.bytesSinceTick = 0;
    }
  };
  const openLane = (job: JobState, mirror: MirrorState, host: HostState, nowMs: number): Action | null => {
    const first = job.pending[0];
    if (first === undefined) return null;
    const pace = { laneRate: host.laneMeter.rate(), firstByteMs: host.firstByteMs };
    const bytes = mirror.hasRanges
      ? rangeSize(pace, leftBytes(job), Math.max(host.budget.limit(), job.lanes.size))
      : job.size;
    const range = { start: first.start, end: Math.min(first.end, first.start + bytes) };
    job.pending = removeRange(job.pending, range);
    lastLane += 1;
    const lane: LaneState = {
      id: lastLane,
      job,
      mirror,
      host,
      generation: mirror.generation,
      ...range,
      position: range.start,
      startedMs: nowMs,
      lastMoveMs: nowMs,
      meter: createMeter(),
      cutMs: Number.NEGATIVE_INFINITY,
      isStalled: false,
      isCancelled: false,
    };
    lanes.set(lane.id, lane);
    job.lanes.add(lane);
    host.lanes.add(lane);
    return { kind: "open", lane: lane.id, job: job.id, mirror: mirror.index, range, isGeneral: mirror.isGeneral };
  };
  const cancelSilent = (nowMs: number): Action[] =>
    [...lanes.values()]
      .filter((lane) => !lane.isCancelled && isSilent(lane, nowMs))
      .map((lane) => {
        lane.isStalled = true;
        lane.isCancelled = true;
        return { kind: "cancel", lane: lane.id };
      });
  const resolveClosed = (nowMs: number): Action[] =>
    [...jobs.values()].flatMap((job) =>
      job.mirrors
        .filter((mirror) => mirror.status === "closed" && mirror.restUntilMs <= nowMs && !job.isEnded)
        .map((mirror): Action => {
          mirror.status = "opening";
          return { kind: "resolve", job: job.id, mirror: mirror.index };
        }),
    );
  const restartWhole = (): Action[] =>
    [...jobs.values()].filter(needsRestart).map((job) => {
      job.pending = [{ start: 0, end: job.size }];
      return { kind: "restart", job: job.id };
    });
  const factsOf = (job: JobState, mirror: MirrorState, nowMs: number): AnswerFacts => ({
    nowMs,
    hasOthers: job.mirrors.some((other) => other !== mirror && other.status !== "dead"),
    random: settings.random,
  });
  const hasRoom = (host: HostState): boolean =>
    host.lanes.size < settings.lanesPerHost && busyLanes(host) < host.budget.limit();
  const fillHost = (host: HostState, nowMs: number): Action[] => {
    const actions: Action[] = [];
    const all = [...jobs.values()];
    while (hasRoom(host) && lanes.size < settings.mostLanes && host.restUntilMs <= nowMs) {
      const choice = chooseJob(all, host, nowMs);
      const action = choice === null ? null : openLane(choice.job, choice.mirror, host, nowMs);
      if (action === null) break;
      actions.push(action);
    }
    return actions;
  };
  const stealFor = (host: HostState, nowMs: number): Action[] => {
    if (host.lanes.size >= host.budget.limit() || host.restUntilMs > nowMs) return [];
    const theft = planTheft([...jobs.values()], host, nowMs);
    if (theft === null) return [];
    theft.victim.cutMs = nowMs;
    return [{ kind: "shrink", lane: theft.victim.id, end: theft.end }];
  };

  return {
    addJob: ({ id, size, priority, done, mirrors }, nowMs) => {
      lastOrder += 1;
      if (jobs.size === 0 && lanes.size === 0) lastTickMs = nowMs;
      jobs.set(id, {
        id,
        size,
        priority,
        order: lastOrder,
        mirrors: mirrors.map(({ label }, index) => newMirror(label, index)),
        lanes: new Set(),
        pending: gapsIn({ start: 0, end: size }, done),
        lastHopeMs: nowMs,
        isEnded: false,
      });
    },
    removeJob: (id) => {
      const job = jobs.get(id);
      if (job !== undefined) job.isEnded = true;
      jobs.delete(id);
    },
    mirrorOpened: (id, index, { key, hasRanges }, nowMs) => {
      const mirror = jobs.get(id)?.mirrors[index];
      if (mirror === undefined || mirror.status === "dead") return;
      mirror.status = "open";
      mirror.generation += 1;
      mirror.hasRanges = hasRanges;
      mirror.host = hostOf(key, nowMs);
    },
    mirrorUnresolved: (id, index, blame, nowMs) => {
      const job = jobs.get(id);
      const mirror = job?.mirrors[index];
      if (job === undefined || mirror === undefined) return null;
      return answerUnresolved(mirror, blame, factsOf(job, mirror, nowMs));
    },
    mirrorDied: (id, index) => {
      const mirror = jobs.get(id)?.mirrors[index];
      if (mirror !== undefined) mirror.status = "dead";
    },
    spoil: (id, range) => {
      const job = jobs.get(id);
      if (job !== undefined) job.pending = addRange(job.pending, range);
    },
    tick: (positions, nowMs) => {
      const ms = nowMs - lastTickMs;
      lastTickMs = nowMs;
      if (ms > STANDSTILL_MS) forgiveSilence(ms);
      for (const [id, position] of positions) {
        const lane = lanes.get(id);
        if (lane !== undefined) moveLane(lane, position, nowMs);
      }
      measureHosts(ms, nowMs);
      for (const job of jobs.values())
        if (job.mirrors.some((mirror) => isHopeful(mirror, nowMs))) job.lastHopeMs = nowMs;
    },
    laneShrunk: (id, end) => {
      const lane = lanes.get(id);
      if (lane === undefined) return;
      if (end < lane.end) lane.job.pending = addRange(lane.job.pending, { start: end, end: lane.end });
      lane.end = end;
    },
    laneEnded: (id, end, nowMs) => {
      const lane = lanes.get(id);
      if (lane === undefined) return null;
      moveLane(lane, end.position, nowMs);
      lanes.delete(id);
      lane.job.lanes.delete(lane);
      lane.host.lanes.delete(lane);
      lane.job.pending = addRange(lane.job.pending, { start: end.position, end: lane.end });
      const range = { start: lane.start, end: end.position };
      const outcome = { job: lane.job.id, mirror: lane.mirror.index, range, blame: null, isError: false, waitMs: 0 };
      const failure = end.kind === "failed" ? end.failure : null;
      const stall =
        lane.isStalled && end.kind !== "done" ? ({ kind: "network", message: "it fell silent" } as const) : null;
      const reason = failure ?? stall;
      if (reason === null) return outcome;
      const blame = answerFailure(lane, reason, factsOf(lane.job, lane.mirror, nowMs));
      const waitMs = reason.kind === "busy" ? Math.max(0, lane.host.restUntilMs - nowMs) : 0;
      return { ...outcome, blame, isError: true, waitMs };
    },
    decide: (nowMs) => {
      const actions = [...cancelSilent(nowMs), ...resolveClosed(nowMs), ...restartWhole()];
      const fastest = [...hosts.values()].sort((one, other) => other.laneMeter.rate() - one.laneMeter.rate());
      for (const host of fastest) actions.push(...fillHost(host, nowMs));
      for (const host of fastest) actions.push(...stealFor(host, nowMs));
      return actions;
    },
    isWhole: (id) => {
      const job = jobs.get(id);
      return job !== undefined && job.pending.length === 0 && job.lanes.size === 0;
    },
    hopelessMs: (id, nowMs) => {
      const job = jobs.get(id);
      return job === undefined ? 0 : nowMs - job.lastHopeMs;
    },
    hasMirror: (id) => jobs.get(id)?.mirrors.some(({ status }) => status !== "dead") ?? false,
  };
}

function newMirror(label: string, index: number): MirrorState {
  return {
    index,
    label,
    status: "closed",
    host: null,
    isGeneral: false,
    hasRanges: true,
    restUntilMs: 0,
    failures: 0,
    refusals: 0,
    waitedMs: 0,
    generation: 0,
    patience: 1,
  };
}

/** True when a byte may come of this mirror yet: it has not failed, is being asked where it is, or asked for patience. */
function isHopeful(mirror: MirrorState, nowMs: number): boolean {
  if (mirror.status === "dead") return false;
  return (
    mirror.failures === 0 || mirror.status === "opening" || (mirror.host !== null && mirror.host.restUntilMs > nowMs)
  );
}

/**
 * Lanes that take a place of the host's budget. One that ends within the time to a first byte does not: the next range
 * is asked for on another connection meanwhile, so that the host never waits for a request.
 */
function busyLanes(host: HostState): number {
  let busy = 0;
  for (const lane of host.lanes) {
    const leftMs = ((lane.end - lane.position) / Math.max(1, lane.meter.rate())) * 1000;
    if (lane.position === lane.start || leftMs > host.firstByteMs) busy += 1;
  }
  return busy;
}

/** True when all that is left are servers without ranges, and a part of the file is missing. */
function needsRestart(job: JobState): boolean {
  const left = job.mirrors.filter(({ status }) => status !== "dead");
  const isWholeOnly = left.length > 0 && left.every(({ status, hasRanges }) => status === "open" && !hasRanges);
  const isPart = job.pending.length > 0 && (job.pending.length > 1 || leftBytes(job) < job.size);
  return isWholeOnly && isPart && job.lanes.size === 0;
}
