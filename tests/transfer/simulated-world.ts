/** A world of mirrors without a network or a clock: hosts with capacities, caps a connection, latencies and deaths. */

import type { HostPace } from "../../src/base/host-pace.ts";
import { addRange, type ByteRange, type RangeSet, rangeBytes } from "../../src/base/range.ts";
import type { LaneFailure } from "../../src/net/lane-protocol.ts";
import { createScheduler, type Scheduler } from "../../src/transfer/scheduler.ts";
import type { LaneProgress } from "../../src/transfer/world.ts";

export interface SimulatedHost {
  /** Bytes per second of the whole host. */
  readonly capacity: number;
  /** Bytes per second of one connection. */
  readonly perLane: number;
  readonly latencyMs: number;
  /** From this moment every connection is reset. */
  readonly diesAtMs?: number;
  /** From this moment nothing moves, and nothing is said. */
  readonly hangsAtMs?: number;
  /** The first lane to it runs at this part of its speed. */
  readonly straggler?: number;
  /** Who asks in this time is told to come back at its end. */
  readonly isBusy?: { readonly fromMs: number; readonly untilMs: number };
  /** From this moment it carries so many times as much, in all and on each connection. */
  readonly shift?: { readonly atMs: number; readonly factor: number };
  /** Every connection beyond so many is told that the host is too busy, and for how long to leave it alone. */
  readonly busyBeyond?: { readonly lanes: number; readonly waitMs: number };
  /** A connection that comes from before this byte of a file gets no further. */
  readonly sticksAt?: number;
  /** What an earlier run remembered of it. */
  readonly remembered?: { readonly lanes: number; readonly bytesPerSecond: number };
}

export interface SimulatedJob {
  readonly id: string;
  readonly size: number;
  /** Indexes of the hosts that mirror it. */
  readonly hosts: readonly number[];
  /** Higher goes first. @default 0 */
  readonly priority?: number;
}

export interface SimulatedRun {
  readonly finishMs: number;
  /** When each job was whole; the end of the run for one that was not. */
  readonly finishedMs: readonly number[];
  readonly isWhole: boolean;
  /** Bytes that were moved, by host. */
  readonly moved: readonly number[];
  readonly mostLanes: readonly number[];
  readonly requests: number;
  /** Longest time in which no byte moved at all. */
  readonly longestHoleMs: number;
  /** What the next run is to know. */
  readonly paces: readonly HostPace[];
}

interface Lane {
  readonly id: number;
  readonly job: string;
  readonly host: number;
  readonly start: number;
  end: number;
  position: number;
  readonly startedMs: number;
  readonly speed: number;
  /** The lane whose rest it has, too. */
  readonly standsFor: number | null;
}

const STEP_MS = 20;

/** How many times its first capacity a host has. */
export const factorAt = ({ shift }: SimulatedHost, nowMs: number): number =>
  shift !== undefined && nowMs >= shift.atMs ? shift.factor : 1;

export function simulate(
  hosts: readonly SimulatedHost[],
  jobs: readonly SimulatedJob[],
  options: { limitMs: number; lanes?: number; lanesPerHost?: number },
): SimulatedRun {
  const scheduler = createScheduler({
    lanes: options.lanes ?? null,
    lanesPerHost: options.lanesPerHost ?? 32,
    remembered: new Map(hosts.flatMap(rememberedOf)),
    mostLanes: 64,
    maxRate: null,
    random: () => 0.5,
  });
  const world = createWorld(scheduler, hosts, jobs);
  const finishedMs = jobs.map((): number | null => null);
  let nowMs = 0;
  while (nowMs < options.limitMs && finishedMs.includes(null)) {
    world.step(nowMs);
    nowMs += STEP_MS;
    for (const [index, { id }] of jobs.entries()) if (scheduler.isWhole(id)) finishedMs[index] ??= nowMs;
  }
  return {
    ...world.result(),
    paces: scheduler.paces(0),
    finishMs: nowMs,
    finishedMs: finishedMs.map((ms) => ms ?? nowMs),
    isWhole: jobs.every(({ id, size }) => scheduler.isWhole(id) && world.doneBytes(id) === size),
  };
}

const keyOf = (host: number): string => `host ${host}`;

function rememberedOf({ remembered }: SimulatedHost, index: number): readonly (readonly [string, HostPace])[] {
  if (remembered === undefined) return [];
  const laneBytesPerSecond = remembered.bytesPerSecond / remembered.lanes;
  return [[keyOf(index), { origin: keyOf(index), ...remembered, laneBytesPerSecond, at: 0 }]];
}

function createWorld(scheduler: Scheduler, hosts: readonly SimulatedHost[], jobs: readonly SimulatedJob[]) {
  const lanes = new Map<number, Lane>();
  const opening: { readonly job: string; readonly mirror: number; readonly atMs: number }[] = [];
  const done = new Map<string, RangeSet>();
  const moved = hosts.map(() => 0);
  const mostLanes = hosts.map(() => 0);
  const hasStraggler = hosts.map(() => false);
  let requests = 0;
  let lastMoveMs = 0;
  let longestHoleMs = 0;
  const hostOf = (job: string, mirror: number): number => jobs.find(({ id }) => id === job)?.hosts[mirror] ?? 0;

  for (const { id, size, priority = 0, hosts: own } of jobs) {
    scheduler.addJob({ id, size, priority, done: [], mirrors: own.map((host) => ({ label: `host ${host}` })) }, 0);
  }
  const end = (lane: Lane, failure: LaneFailure | null, nowMs: number): void => {
    lanes.delete(lane.id);
    const write = (range: ByteRange): unknown => done.set(lane.job, addRange(done.get(lane.job) ?? [], range));
    if (lane.standsFor === null) write({ start: lane.start, end: lane.position });
    const position = lane.position;
    scheduler.laneMoved(lane.id, progressOf(lane), nowMs);
    const outcome = scheduler.laneEnded(
      lane.id,
      failure === null
        ? { kind: position >= lane.end ? "done" : "cancelled", position }
        : { kind: "failed", position, failure },
      nowMs,
    );
    if (outcome?.filled !== null && outcome !== null) write(outcome.filled.range);
  };
  const progressOf = ({ host, position }: Lane): LaneProgress => ({
    position,
    firstByteMs: hosts[host]?.latencyMs ?? 0,
  });
  const act = (nowMs: number): void => {
    for (const action of scheduler.decide(nowMs)) {
      if (action.kind === "resolve") opening.push({ job: action.job, mirror: action.mirror, atMs: nowMs + 40 });
      if (action.kind === "open") {
        const host = hostOf(action.job, action.mirror);
        const speed = hosts[host]?.straggler !== undefined && !hasStraggler[host] ? hosts[host].straggler : 1;
        hasStraggler[host] = true;
        requests += 1;
        lanes.set(action.lane, {
          id: action.lane,
          job: action.job,
          host,
          ...action.range,
          position: action.range.start,
          startedMs: nowMs,
          speed,
          standsFor: action.standsFor,
        });
      }
      const lane = "lane" in action ? lanes.get(action.lane) : undefined;
      if (lane === undefined) continue;
      if (action.kind === "cancel") end(lane, null, nowMs);
      if (action.kind === "shrink") {
        lane.end = Math.min(lane.end, Math.max(action.end, lane.position));
        scheduler.laneShrunk(lane.id, lane.end);
        if (lane.position >= lane.end) end(lane, null, nowMs);
      }
    }
  };
  /** Ends a lane that asked while its host was busy; true when it did. */
  const sendAway = (lane: Lane, { isBusy, latencyMs }: SimulatedHost, nowMs: number): boolean => {
    const askedMs = lane.startedMs + latencyMs;
    if (isBusy === undefined || askedMs < isBusy.fromMs || askedMs >= isBusy.untilMs) return false;
    const waitMs = isBusy.untilMs - askedMs;
    end(lane, { kind: "busy", status: 429, waitMs, message: "it answered 429" }, nowMs);
    return true;
  };
  const move = (nowMs: number): void => {
    for (const [index, host] of hosts.entries()) {
      const own = [...lanes.values()].filter((lane) => lane.host === index);
      mostLanes[index] = Math.max(mostLanes[index] ?? 0, own.length);
      if (host.diesAtMs !== undefined && nowMs >= host.diesAtMs) {
        for (const lane of own) end(lane, { kind: "network", message: "reset" }, nowMs);
        continue;
      }
      if (host.hangsAtMs !== undefined && nowMs >= host.hangsAtMs) continue;
      const { lanes: most, waitMs } = host.busyBeyond ?? { lanes: own.length, waitMs: 0 };
      for (const lane of own.slice(most)) end(lane, { kind: "busy", status: 429, message: "too busy", waitMs }, nowMs);
      const moving = own
        .slice(0, most)
        .filter((lane) => nowMs - lane.startedMs >= host.latencyMs && !sendAway(lane, host, nowMs))
        .sort((one, other) => one.speed - other.speed);
      const factor = factorAt(host, nowMs);
      let left = host.capacity * factor;
      for (const [place, lane] of moving.entries()) {
        // What a slow connection leaves of its share is the others'.
        const rate = Math.min(host.perLane * factor * lane.speed, left / (moving.length - place));
        left -= rate;
        const most = host.sticksAt !== undefined && lane.start < host.sticksAt ? host.sticksAt : lane.end;
        const bytes = Math.min(Math.min(most, lane.end) - lane.position, Math.round((rate * STEP_MS) / 1000));
        lane.position += bytes;
        moved[index] = (moved[index] ?? 0) + bytes;
        if (bytes > 0) lastMoveMs = nowMs;
        if (lane.position >= lane.end) end(lane, null, nowMs);
      }
    }
    longestHoleMs = Math.max(longestHoleMs, nowMs - lastMoveMs);
  };
  return {
    step: (nowMs: number): void => {
      for (const { job, mirror } of opening.filter(({ atMs }) => atMs <= nowMs)) {
        scheduler.mirrorOpened(job, mirror, { key: keyOf(hostOf(job, mirror)), hasRanges: true }, nowMs);
      }
      opening.splice(0, opening.length, ...opening.filter(({ atMs }) => atMs > nowMs));
      move(nowMs);
      for (const [id, lane] of lanes) scheduler.laneMoved(id, progressOf(lane), nowMs);
      scheduler.tick(nowMs);
      act(nowMs);
    },
    doneBytes: (job: string): number => rangeBytes(done.get(job) ?? []),
    result: () => ({ moved, mostLanes, requests, longestHoleMs }),
  };
}
