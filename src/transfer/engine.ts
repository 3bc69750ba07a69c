/** Runs what the scheduler decides on real lanes: the only place where its actions become deeds. */
import type { Clock } from "../base/clock.ts";
import { diskError } from "../base/disk-error.ts";
import { isModelsError, ModelsError, reasonOf } from "../base/errors.ts";
import { deferred } from "../base/flow.ts";
import type { Endpoint } from "../base/mirror.ts";
import type { ByteRange } from "../base/range.ts";
import type { LaneEnd, LanePool, RunningLane } from "../net/lane-pool.ts";
import {
  type ActiveJob,
  activate,
  carriers,
  type EngineJob,
  fill,
  type OpenAction,
  takeOff,
  takeWritten,
} from "./active-job.ts";
import type { Blame } from "./blame.ts";
import { diskFailure, mirrorsFailure } from "./failures.ts";
import type { Filled } from "./hedge.ts";
import type { JournalEntry } from "./journal.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Action, LaneProgress } from "./world.ts";

/** One job as the engine runs it. */
export interface EngineRun {
  /** Resolves when every byte is in the file; rejects when none can come any more. To be asked again after a spoil. */
  readonly whole: () => Promise<void>;
  /** What was written since the last call, by mirror. */
  readonly takeWritten: () => readonly JournalEntry[];
  /** Indexes of the mirrors that carry it now, most lanes first. */
  readonly carriers: () => readonly number[];
  readonly spoil: (range: ByteRange) => void;
  readonly giveUp: (mirror: number, blame: Blame) => void;
  /** Ends all lanes; when it resolves, nothing writes to the file any more. */
  readonly stop: () => Promise<void>;
}

export interface Engine {
  readonly run: (job: EngineJob) => EngineRun;
}

/** What a kill costs is what came since the last tick. */
const TICK_MS = 25;
/** Without a byte for this long, from any mirror, with nobody asking for patience, a job has failed. */
const HOPELESS_MS = 90_000;

export function createEngine(scheduler: Scheduler, ports: { clock: Clock; pool: LanePool }): Engine {
  const { clock, pool } = ports;
  const jobs = new Map<string, ActiveJob>();
  let stopTicking: (() => void) | null = null;
  let letSleep = (): void => {};
  let isTurnPlanned = false;
  let lastTickMs = 0;
  let lastId = 0;

  const perform = (action: Action): void => {
    if (action.kind === "resolve") return resolve(action.job, action.mirror);
    if (action.kind === "restart") return jobs.get(action.job)?.listeners.onRestart();
    if (action.kind === "open") return open(action);
    const lane = laneOf(action.lane);
    if (action.kind === "shrink") lane?.shrink(action.end);
    else lane?.cancel();
  };
  const laneOf = (id: number): RunningLane | undefined => {
    for (const job of jobs.values()) {
      const found = job.lanes.get(id);
      if (found !== undefined) return found.lane;
    }
    return undefined;
  };
  const turn = (): void => {
    isTurnPlanned = false;
    for (const action of scheduler.decide(clock.monotonicMs())) perform(action);
    for (const job of jobs.values()) settle(job);
  };
  const planTurn = (): void => {
    if (isTurnPlanned) return;
    isTurnPlanned = true;
    queueMicrotask(turn);
  };
  const tick = (): void => {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastTickMs;
    lastTickMs = nowMs;
    for (const job of jobs.values()) {
      for (const [id, { lane }] of job.lanes) scheduler.laneMoved(id, progressOf(lane), nowMs);
    }
    scheduler.tick(nowMs, pool.isSaturated());
    for (const job of jobs.values()) job.listeners.onTick(elapsedMs);
    turn();
  };
  const settle = (job: ActiveJob): void => {
    if (job.failure === null && !scheduler.isWhole(job.id)) {
      // Also while lanes are open: a server that accepts and says nothing always has one.
      const isHopeless = scheduler.hopelessMs(job.id, clock.monotonicMs()) > HOPELESS_MS;
      const isOver = job.lanes.size === 0 && !scheduler.hasMirror(job.id);
      if (isHopeless || isOver) job.failure = mirrorsFailure(job, isHopeless);
    }
    if (job.next === null || (job.failure === null && !scheduler.isWhole(job.id))) return;
    if (job.failure === null) job.next.resolve();
    else job.next.reject(job.failure);
    job.next = null;
  };

  const open = (action: OpenAction): void => {
    const job = jobs.get(action.job);
    const endpoint = job?.endpoints[action.mirror];
    if (job === undefined || endpoint === undefined || endpoint === null) {
      scheduler.laneEnded(action.lane, { kind: "cancelled", position: action.range.start }, clock.monotonicMs());
      return;
    }
    const { start, end } = action.range;
    const memory = action.standsFor === null ? null : new Uint8Array(new SharedArrayBuffer(end - start));
    const read = { endpoint, file: memory ?? job.file, start, end, size: job.size, isGeneral: action.isGeneral };
    const onShrunk = (end: number): void => {
      scheduler.laneShrunk(action.lane, end);
      planTurn();
    };
    try {
      const lane = pool.start(read, { onShrunk, onEnd: (end) => ended(job, action, end) });
      job.lanes.set(action.lane, { lane, mirror: action.mirror, taken: start, memory });
    } catch (error) {
      job.failure ??= new ModelsError("INTERRUPTED", `Cannot fetch "${job.name}": ${reasonOf(error)}`, {
        cause: error,
      });
      scheduler.laneEnded(action.lane, { kind: "cancelled", position: action.range.start }, clock.monotonicMs());
    }
  };
  const ended = (job: ActiveJob, opened: OpenAction, end: LaneEnd): void => {
    const { lane, mirror } = opened;
    const active = takeOff(job, opened, end);
    if (end.kind === "failed") job.lastTrouble = end.failure.message;
    if (end.kind === "failed" && end.failure.kind === "disk") job.failure ??= diskFailure(job.path, end.failure);
    const nowMs = clock.monotonicMs();
    if (active !== undefined) scheduler.laneMoved(lane, { ...progressOf(active.lane), position: end.position }, nowMs);
    const outcome = scheduler.laneEnded(lane, end, nowMs);
    if (outcome !== null && outcome.filled !== null) fillIn(job, outcome.filled);
    if (outcome !== null && outcome.error !== null) job.listeners.onError(mirror, outcome.error);
    if (outcome !== null && outcome.waitMs > 0) job.listeners.onWait(mirror, outcome.waitMs);
    if (outcome !== null && outcome.blame !== null) blame(job, mirror, outcome.blame);
    if (job.lanes.size === 0) job.idle?.resolve();
    job.listeners.onTick(0);
    planTurn();
  };
  const fillIn = (job: ActiveJob, filled: Filled): void => {
    try {
      fill(job, filled);
    } catch (error) {
      job.failure ??= diskError("write", job.path, error);
    }
  };
  const blame = (job: ActiveJob, mirror: number, why: Blame): void => {
    job.lastBlame = { label: job.mirrors[mirror]?.label ?? "", blame: why };
    job.listeners.onBlame(mirror, why);
  };
  const resolve = (id: string, index: number): void => {
    const job = jobs.get(id);
    const mirror = job?.mirrors[index];
    if (job === undefined || mirror === undefined) return;
    const refused = job.endpoints[index] ?? undefined;
    mirror.open(job.abort.signal, refused).then(
      (endpoint) => {
        if (job.abort.signal.aborted) return;
        job.endpoints[index] = endpoint;
        const hasRanges = endpoint.kind === "file" || endpoint.hasRanges;
        scheduler.mirrorOpened(id, index, { key: hostKey(endpoint), hasRanges }, clock.monotonicMs());
        planTurn();
      },
      (error: unknown) => {
        if (job.abort.signal.aborted) return;
        const why = { code: isModelsError(error) ? error.code : ("MIRROR_FAILED" as const), message: reasonOf(error) };
        job.lastTrouble = why.message;
        job.listeners.onError(index, why);
        const final = scheduler.mirrorUnresolved(id, index, why, clock.monotonicMs());
        if (final !== null) blame(job, index, final);
        planTurn();
      },
    );
  };
  const begin = (job: ActiveJob): void => {
    jobs.set(job.id, job);
    scheduler.addJob(job, clock.monotonicMs());
    if (stopTicking === null) {
      // Between two tries nothing else does: its threads may all have died.
      letSleep = clock.stayAwake();
      lastTickMs = clock.monotonicMs();
      stopTicking = clock.every(TICK_MS, tick);
    }
    planTurn();
  };
  const stop = async (job: ActiveJob): Promise<void> => {
    jobs.delete(job.id);
    scheduler.removeJob(job.id);
    job.abort.abort();
    job.idle ??= deferred<void>();
    for (const { lane } of job.lanes.values()) lane.cancel();
    if (job.lanes.size === 0) job.idle.resolve();
    await job.idle.promise;
    if (jobs.size > 0) return planTurn();
    stopTicking?.();
    stopTicking = null;
    letSleep();
  };

  return {
    run: (asked) => {
      lastId += 1;
      const job = activate(asked, String(lastId));
      begin(job);
      return {
        whole: () => {
          job.next ??= deferred<void>();
          planTurn();
          return job.next.promise;
        },
        takeWritten: () => takeWritten(job),
        carriers: () => carriers(job),
        spoil: (range) => scheduler.spoil(job.id, range),
        giveUp: (mirror, why) => {
          scheduler.mirrorDied(job.id, mirror);
          for (const lane of job.lanes.values()) if (lane.mirror === mirror) lane.lane.cancel();
          blame(job, mirror, why);
        },
        stop: () => stop(job),
      };
    },
  };
}

const progressOf = (lane: RunningLane): LaneProgress => ({
  position: lane.received(),
  firstByteMs: lane.firstByteMs(),
});

const hostKey = (endpoint: Endpoint): string => (endpoint.kind === "file" ? "file" : new URL(endpoint.url).origin);
