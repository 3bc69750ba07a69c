/** Runs what the scheduler decides on real lanes: the only place where its actions become deeds. */
import type { Clock } from "../base/clock.ts";
import { isModelsError, ModelsError, reasonOf } from "../base/errors.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import type { Endpoint, Mirror } from "../base/mirror.ts";
import type { ByteRange, RangeSet } from "../base/range.ts";
import type { LanePool, RunningLane } from "../net/lane-pool.ts";
import type { Blame } from "./answers.ts";
import type { JournalEntry } from "./journal.ts";
import type { LaneOutcome, Scheduler } from "./scheduler.ts";
import type { Action } from "./world.ts";

export interface EngineJob {
  readonly id: string;
  readonly size: number;
  readonly priority: number;
  readonly done: RangeSet;
  readonly mirrors: readonly Mirror[];
  /** Descriptor of the partial file. */
  readonly file: number;
  readonly signal: AbortSignal;
  readonly listeners: EngineListeners;
}

export interface EngineListeners {
  /** Called every tick, and whenever a range ends. */
  readonly onTick: (elapsedMs: number) => void;
  readonly onError: (mirror: number) => void;
  /** A mirror was given up for this job. */
  readonly onBlame: (mirror: number, blame: Blame) => void;
  /** What is there is of no use: the file begins again at byte 0. */
  readonly onRestart: () => void;
}

/** One job as the engine runs it. */
export interface EngineRun {
  /** Resolves when every byte is in the file; rejects when none can come any more. May be asked again after a spoil. */
  readonly whole: () => Promise<void>;
  /** What was written since the last call, by mirror. */
  readonly takeWritten: () => readonly JournalEntry[];
  /** Indexes of the mirrors that carry it now, fastest first. */
  readonly carriers: () => readonly number[];
  readonly spoil: (range: ByteRange) => void;
  readonly giveUp: (mirror: number) => void;
  /** Ends all lanes; when it resolves, nothing writes to the file any more. */
  readonly stop: () => Promise<void>;
}

export interface Engine {
  readonly run: (job: EngineJob) => EngineRun;
}

const TICK_MS = 40;
/** Without a byte for this long, from any mirror, with nobody asking for patience, a job has failed. */
const HOPELESS_MS = 90_000;

interface ActiveJob extends EngineJob {
  readonly abort: AbortController;
  readonly endpoints: (Endpoint | null)[];
  readonly lanes: Map<number, ActiveLane>;
  written: JournalEntry[];
  whole: Deferred<void>;
  isSettled: boolean;
  lastBlame: { readonly label: string; readonly blame: Blame } | null;
  idle: Deferred<void> | null;
}

interface ActiveLane {
  readonly lane: RunningLane;
  readonly mirror: number;
  /** Everything before this was handed out by takeWritten. */
  taken: number;
}

export function createEngine(scheduler: Scheduler, ports: { clock: Clock; pool: LanePool }): Engine {
  const { clock, pool } = ports;
  const jobs = new Map<string, ActiveJob>();
  let stopTicking: (() => void) | null = null;
  let isTurnPlanned = false;
  let lastTickMs = 0;

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
    const positions = new Map<number, number>();
    for (const job of jobs.values()) for (const [id, { lane }] of job.lanes) positions.set(id, lane.received());
    scheduler.tick(positions, nowMs);
    for (const job of jobs.values()) job.listeners.onTick(elapsedMs);
    turn();
  };
  const settle = (job: ActiveJob): void => {
    if (job.isSettled) return;
    if (scheduler.isWhole(job.id)) {
      job.isSettled = true;
      return job.whole.resolve();
    }
    const isHopeless = scheduler.hopelessMs(job.id, clock.monotonicMs()) > HOPELESS_MS;
    if ((scheduler.hasMirror(job.id) && !isHopeless) || job.lanes.size > 0) return;
    job.isSettled = true;
    job.whole.reject(failureOf(job, isHopeless));
  };

  const open = (action: Extract<Action, { kind: "open" }>): void => {
    const job = jobs.get(action.job);
    const endpoint = job?.endpoints[action.mirror];
    if (job === undefined || endpoint === undefined || endpoint === null) {
      scheduler.laneEnded(action.lane, { kind: "cancelled", position: action.range.start }, clock.monotonicMs());
      return;
    }
    const read = { endpoint, file: job.file, ...action.range, size: job.size, isGeneral: action.isGeneral };
    const lane = pool.start(read, {
      onShrunk: (end) => {
        scheduler.laneShrunk(action.lane, end);
        planTurn();
      },
      onEnd: (end) => {
        const active = job.lanes.get(action.lane);
        job.lanes.delete(action.lane);
        take(job, action.mirror, { start: active?.taken ?? action.range.start, end: end.position });
        if (end.kind === "failed" && end.failure.kind === "disk") job.whole.reject(diskFailure(job, end.failure));
        const outcome = scheduler.laneEnded(action.lane, end, clock.monotonicMs());
        if (outcome !== null) tell(job, outcome);
        if (job.lanes.size === 0) job.idle?.resolve();
        job.listeners.onTick(0);
        planTurn();
      },
    });
    job.lanes.set(action.lane, { lane, mirror: action.mirror, taken: action.range.start });
  };
  const take = (job: ActiveJob, mirror: number, range: ByteRange): void => {
    const source = job.mirrors[mirror]?.source;
    if (range.end > range.start && source !== undefined) job.written.push({ mirror: source, range });
  };
  const tell = (job: ActiveJob, outcome: LaneOutcome): void => {
    if (outcome.isError) job.listeners.onError(outcome.mirror);
    if (outcome.blame !== null) blame(job, outcome.mirror, outcome.blame);
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
        job.endpoints[index] = endpoint;
        const hasRanges = endpoint.kind === "file" || endpoint.hasRanges;
        scheduler.mirrorOpened(id, index, { key: hostKey(endpoint), hasRanges }, clock.monotonicMs());
        planTurn();
      },
      (error: unknown) => {
        if (job.abort.signal.aborted) return;
        scheduler.mirrorDied(id, index);
        blame(job, index, { code: isModelsError(error) ? error.code : "MIRROR_FAILED", message: reasonOf(error) });
        planTurn();
      },
    );
  };
  const stop = async (job: ActiveJob): Promise<void> => {
    jobs.delete(job.id);
    scheduler.removeJob(job.id);
    job.abort.abort();
    job.whole.promise.catch(() => {});
    job.idle ??= deferred<void>();
    for (const { lane } of job.lanes.values()) lane.cancel();
    if (job.lanes.size === 0) job.idle.resolve();
    await job.idle.promise;
    if (jobs.size > 0) return planTurn();
    stopTicking?.();
    stopTicking = null;
  };

  return {
    run: (asked) => {
      const job: ActiveJob = {
        ...asked,
        abort: new AbortController(),
        endpoints: asked.mirrors.map(() => null),
        lanes: new Map(),
        written: [],
        whole: deferred<void>(),
        isSettled: false,
        lastBlame: null,
        idle: null,
      };
      jobs.set(job.id, job);
      scheduler.addJob(job, clock.monotonicMs());
      job.signal.addEventListener("abort", () => job.whole.reject(job.signal.reason), { once: true });
      if (stopTicking === null) {
        lastTickMs = clock.monotonicMs();
        stopTicking = clock.every(TICK_MS, tick);
      }
      planTurn();
      return {
        whole: () => {
          planTurn();
          return job.whole.promise;
        },
        takeWritten: () => takeWritten(job, take),
        carriers: () => carriers(job),
        spoil: (range) => {
          if (job.isSettled) job.whole = deferred<void>();
          job.isSettled = false;
          scheduler.spoil(job.id, range);
          planTurn();
        },
        giveUp: (mirror) => scheduler.mirrorDied(job.id, mirror),
        stop: () => stop(job),
      };
    },
  };
}

function takeWritten(
  job: ActiveJob,
  take: (job: ActiveJob, mirror: number, range: ByteRange) => void,
): readonly JournalEntry[] {
  for (const active of job.lanes.values()) {
    const written = active.lane.written();
    take(job, active.mirror, { start: active.taken, end: written });
    active.taken = Math.max(active.taken, written);
  }
  const entries = job.written;
  job.written = [];
  return entries;
}

function carriers(job: ActiveJob): readonly number[] {
  const lanes = new Map<number, number>();
  for (const { mirror } of job.lanes.values()) lanes.set(mirror, (lanes.get(mirror) ?? 0) + 1);
  return [...lanes].sort(([, one], [, other]) => other - one).map(([mirror]) => mirror);
}

const hostKey = (endpoint: Endpoint): string => (endpoint.kind === "file" ? "file" : new URL(endpoint.url).origin);

function failureOf(job: ActiveJob, isHopeless: boolean): ModelsError {
  const last = job.lastBlame;
  const seen =
    last === null ? "no mirror answers" : `the last mirror, ${last.label}, was given up because ${last.blame.message}`;
  const code = last === null || isHopeless ? "MIRROR_FAILED" : last.blame.code;
  return new ModelsError(code, `Cannot fetch "${job.id}": ${seen}`, {
    fix: "run the same command again, it resumes where it stopped; another source or --mirror helps",
  });
}

function diskFailure(job: ActiveJob, failure: { readonly code: string; readonly message: string }): ModelsError {
  const isFull = failure.code === "ENOSPC" || failure.code === "EDQUOT";
  return new ModelsError(isFull ? "DISK_FULL" : "DISK_FAILED", `Cannot write "${job.id}": ${failure.message}`, {
    fix: isFull
      ? "free space and run the same command again, it resumes"
      : "look at the disk, then run the same command again, it resumes",
  });
}
