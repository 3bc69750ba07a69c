/** Who fetches what next. Knows no clock, no network and no disk: facts go in, actions come out. */
import type { HostPace } from "../base/host-pace.ts";
import { addRange, type ByteRange } from "../base/range.ts";
import type { LaneEnd } from "../net/lane-pool.ts";
import type { LaneFailure } from "../net/lane-protocol.ts";
import { type AnswerFacts, answerFailure, answerUnresolved } from "./answers.ts";
import { type Blame, blameOf } from "./blame.ts";
import { decide } from "./decide.ts";
import { type Filled, takeSpare } from "./hedge.ts";
import { beginHost, type HostLimits, measureHost, paceOf } from "./host-state.ts";
import { beginJob, hasHope, hasOthers, isWhole, type NewJob } from "./job-state.ts";
import { endLane, moveLane, shrinkLane } from "./lane-state.ts";
import type { Action, HostState, JobState, LaneProgress, LaneState, MirrorState, World } from "./world.ts";

export interface SchedulerSettings extends HostLimits {
  /** Lanes of all hosts together. */
  readonly mostLanes: number;
  /** Bytes per second for everything together, or null. */
  readonly maxRate: number | null;
  readonly random: () => number;
}

/** What a range's end means for its job. */
export interface LaneOutcome {
  readonly job: string;
  readonly mirror: number;
  /** Bytes that are now in the file. */
  readonly range: ByteRange;
  /** The mirror was given up, and why. */
  readonly blame: Blame | null;
  /** What its mirror did wrong, given up for that or not. */
  readonly error: Blame | null;
  /** How long its server is left alone because it asked for that; else 0. */
  readonly waitMs: number;
  /** What a hedge had of the rest of its range, all or a part of it; null where there was none. */
  readonly filled: Filled | null;
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
  /** Tells how far an open lane is. */
  readonly laneMoved: (lane: number, progress: LaneProgress, nowMs: number) => void;
  /** Called every few dozen milliseconds, when it was told of each lane; says whether the box could read no faster. */
  readonly tick: (nowMs: number, isSaturated?: boolean) => void;
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
  /** What was found out about hosts, for the next run to begin with; `at` is the wall time. */
  readonly paces: (at: number) => readonly HostPace[];
}

/** Between two ticks; longer, and this process was stopped or starved. */
const STANDSTILL_MS = 1_500;
/** A tick that comes so late tells of a box with too much to do, for so long. */
const LATE_MS = 75;
const STARVED_MS = 500;

export function createScheduler(settings: SchedulerSettings): Scheduler {
  const world: World = { jobs: new Map(), hosts: new Map(), lanes: new Map(), starvedUntilMs: 0 };
  const { jobs, hosts, lanes } = world;
  let lastLane = 0;
  let lastOrder = 0;
  let lastTickMs = 0;
  const limits = { ...settings, nextLane: () => ++lastLane };

  const hostOf = (key: string, nowMs: number): HostState => {
    const host = hosts.get(key) ?? beginHost(key, settings, nowMs);
    hosts.set(key, host);
    return host;
  };
  const mirrorOf = (id: string, index: number): MirrorState | undefined => jobs.get(id)?.mirrors[index];
  const factsOf = (job: JobState, mirror: MirrorState, nowMs: number): AnswerFacts => ({
    nowMs,
    hasOthers: hasOthers(job, mirror),
    isPinned: job.isPinned,
    random: settings.random,
  });

  return {
    addJob: (job, nowMs) => {
      lastOrder += 1;
      if (jobs.size === 0 && lanes.size === 0) lastTickMs = nowMs;
      jobs.set(job.id, beginJob(job, lastOrder, nowMs));
    },
    removeJob: (id) => {
      const job = jobs.get(id);
      if (job !== undefined) job.isEnded = true;
      jobs.delete(id);
    },
    mirrorOpened: (id, index, { key, hasRanges }, nowMs) => {
      const mirror = mirrorOf(id, index);
      if (mirror === undefined || mirror.status === "dead") return;
      mirror.status = "open";
      mirror.generation += 1;
      mirror.hasRanges = hasRanges;
      mirror.host = hostOf(key, nowMs);
    },
    mirrorUnresolved: (id, index, blame, nowMs) => {
      const [job, mirror] = [jobs.get(id), mirrorOf(id, index)];
      if (job === undefined || mirror === undefined) return null;
      return answerUnresolved(mirror, blame, factsOf(job, mirror, nowMs));
    },
    mirrorDied: (id, index) => {
      const mirror = mirrorOf(id, index);
      if (mirror !== undefined) mirror.status = "dead";
    },
    spoil: (id, range) => {
      const job = jobs.get(id);
      if (job !== undefined) job.pending = addRange(job.pending, range);
    },
    laneMoved: (id, progress, nowMs) => {
      const lane = lanes.get(id);
      if (lane !== undefined) moveLane(lane, progress, nowMs);
    },
    tick: (nowMs, isSaturated = false) => {
      const ms = nowMs - lastTickMs;
      lastTickMs = nowMs;
      if (ms > LATE_MS) world.starvedUntilMs = nowMs + STARVED_MS;
      if (ms > STANDSTILL_MS) forgiveSilence([...lanes.values(), ...hosts.values()], ms, nowMs);
      for (const host of hosts.values()) measureHost(host, ms, { nowMs, isSaturated });
      for (const job of jobs.values()) if (hasHope(job, nowMs)) job.lastHopeMs = nowMs;
    },
    laneShrunk: (id, end) => {
      const lane = lanes.get(id);
      if (lane !== undefined) shrinkLane(lane, end);
    },
    laneEnded: (id, end, nowMs) => {
      const lane = lanes.get(id);
      if (lane === undefined) return null;
      lanes.delete(id);
      endLane(lane, end.position, nowMs);
      const { job, mirror, host, start } = lane;
      const range = { start, end: end.position };
      if (end.kind === "done" && lane.standsFor !== null) {
        // It may have been sent less than it asked for.
        lane.end = end.position;
        lane.standsFor.spare = lane;
      }
      const filled = takeSpare(lane, end.position);
      const outcome = { job: job.id, mirror: mirror.index, range, blame: null, error: null, waitMs: 0, filled };
      const failure = failureIn(lane, end);
      if (failure === null) return outcome;
      const blame = answerFailure(lane, failure, factsOf(job, mirror, nowMs));
      const waitMs = failure.kind === "busy" ? Math.max(0, host.restUntilMs - nowMs) : 0;
      const error = failure.kind === "disk" ? null : (blame ?? blameOf(lane, failure, nowMs));
      return { ...outcome, blame, error, waitMs };
    },
    decide: (nowMs) => decide(world, limits, nowMs),
    isWhole: (id) => {
      const job = jobs.get(id);
      return job !== undefined && isWhole(job);
    },
    hopelessMs: (id, nowMs) => {
      const job = jobs.get(id);
      return job === undefined ? 0 : nowMs - job.lastHopeMs;
    },
    hasMirror: (id) => jobs.get(id)?.mirrors.some(({ status }) => status !== "dead") ?? false,
    paces: (at) => [...hosts.values()].map((host) => paceOf(host, at)).filter((pace) => pace !== null),
  };
}

/** This process stood still: that its lanes did, too, says nothing about their servers. */
function forgiveSilence(all: readonly { lastMoveMs: number }[], ms: number, nowMs: number): void {
  for (const one of all) one.lastMoveMs = Math.min(nowMs, one.lastMoveMs + ms);
}

function failureIn(lane: LaneState, end: LaneEnd): LaneFailure | null {
  if (end.kind === "failed") return end.failure;
  return lane.isStalled && end.kind !== "done" ? { kind: "network", message: "it fell silent" } : null;
}
