/** The range reads of one worker: each on the lane that fits it, told of exactly once when it ends. */
import type { SecureContext } from "node:tls";
import type { Dispatcher } from "undici";
import type { Clock } from "../base/clock.ts";
import { lazy } from "../base/flow.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import { guardedLookup } from "./address-guard.ts";
import { createFastLanes } from "./fast-lanes.ts";
import { readFileRange } from "./file-lane.ts";
import { readGeneral } from "./general-lane.ts";
import {
  createPositions,
  type FromLaneWorker,
  type LaneFailure,
  type LaneWorkerSettings,
  MAX_SLOTS,
  type RangeRead,
  type ToLaneWorker,
} from "./lane-protocol.ts";
import { proxyFor } from "./proxy.ts";
import { createRangeSink, failureOf, type RangeSink } from "./range-sink.ts";
import { createRateGate } from "./rate-gate.ts";
import { createResolver, type Resolve } from "./resolver.ts";
import { createSlab, type Slab } from "./slab.ts";
import { trustContext } from "./trust.ts";

export interface RangeReadsPorts {
  readonly clock: Clock;
  readonly post: (answer: FromLaneWorker) => void;
}

/** A range under way. */
interface Active {
  readonly sink: RangeSink;
  /** Ends its lane; the sink has ended before. */
  readonly stop: () => void;
}

/** Bytes held longer than this are written even if the slab is not full: slow links must not lose them to a kill. */
const FLUSH_EVERY_MS = 15;

/** Starts the reads of one thread; the returned function obeys orders. */
export function createRangeReads(settings: LaneWorkerSettings, ports: RangeReadsPorts): (order: ToLaneWorker) => void {
  const { clock, post } = ports;
  const { userAgent } = settings;
  const positions = createPositions(settings.positions);
  const active = new Map<number, Active>();
  const gate = createRateGate(clock);
  const secureContext = lazy<SecureContext>(() => trustContext(settings.extraCa));
  const resolve = createResolver(clock);
  const lanes = createFastLanes({ clock, gate, secureContext, resolve, userAgent });
  const dispatchers = createDispatchers(settings, resolve);
  const slabs: Slab[] = [];

  const sinkOf = (slot: number, read: RangeRead, slab: Slab, onEnd: (failure: LaneFailure | null) => boolean) => {
    const ended = (position: number, failure: LaneFailure | null): void => {
      active.delete(slot);
      if (onEnd(failure)) return;
      post(failure === null ? { kind: "done", slot, position } : { kind: "failed", slot, position, failure });
    };
    const ends = { done: (position: number) => ended(position, null), failed: ended };
    return createRangeSink(read, { slot, slab, positions, ends, nowMs: clock.monotonicMs });
  };
  const readFast = (slot: number, read: RangeRead, endpoint: HttpEndpoint): void => {
    const { lane, isReused } = lanes.take(endpoint);
    const sink = sinkOf(slot, read, lane.slab, (failure) => {
      // A kept-alive connection may have been closed while it was idle: that says nothing about the mirror.
      const isStale = isReused && failure?.kind === "network" && sink.received() === read.start;
      if (isStale) start(slot, { ...read, end: sink.end() });
      else lanes.give(endpoint, lane);
      return isStale;
    });
    active.set(slot, { sink, stop: lane.destroy });
    try {
      lane.start(endpoint, sink);
    } catch (error) {
      lane.destroy();
      sink.fail(failureOf(error));
    }
  };
  const readSlowly = (slot: number, read: RangeRead): void => {
    const { endpoint } = read;
    const abort = new AbortController();
    const slab = slabs.pop() ?? createSlab();
    const sink = sinkOf(slot, read, slab, () => false);
    active.set(slot, { sink, stop: () => abort.abort() });
    const options = { signal: abort.signal, gate, userAgent };
    const work =
      endpoint.kind === "file"
        ? readFileRange(endpoint, sink, options)
        : dispatchers(endpoint.mayBePrivate).then((dispatcher) =>
            readGeneral(endpoint, sink, { ...options, dispatcher }),
          );
    work
      .catch((error: unknown) => sink.fail(failureOf(error)))
      .finally(() => {
        slab.clear();
        slabs.push(slab);
      });
  };
  const isForFastLane = ({ endpoint, isGeneral }: RangeRead): boolean =>
    endpoint.kind === "http" &&
    !isGeneral &&
    endpoint.hasRanges &&
    proxyFor(new URL(endpoint.url), settings.proxy) === null;
  const start = (slot: number, read: RangeRead): void => {
    try {
      if (read.endpoint.kind === "http" && isForFastLane(read)) readFast(slot, read, read.endpoint);
      else readSlowly(slot, read);
    } catch (error) {
      active.delete(slot);
      post({ kind: "failed", slot, position: read.start, failure: failureOf(error) });
    }
  };
  const stop = (slot: number, kind: "cancelled" | "done"): void => {
    const one = active.get(slot);
    if (one === undefined) return;
    active.delete(slot);
    const position = one.sink.stop();
    one.stop();
    post({ kind, slot, position });
  };
  const shrink = (slot: number, wanted: number): void => {
    const sink = active.get(slot)?.sink;
    if (sink === undefined) return;
    post({ kind: "shrunk", slot, end: sink.shrink(wanted) });
    if (sink.received() >= sink.end()) stop(slot, "done");
  };
  const flushAll = (): void => {
    for (const { sink, stop: end } of [...active.values()]) {
      try {
        sink.flush();
      } catch (error) {
        sink.fail(failureOf(error));
        end();
      }
    }
    lanes.sweep();
  };
  clock.every(FLUSH_EVERY_MS, flushAll);

  return (order) => {
    if (order.kind === "read") start(order.slot, order.read);
    else if (order.kind === "shrink") shrink(order.slot, order.end);
    else if (order.kind === "cancel") stop(order.slot, "cancelled");
    else if (order.kind === "limit") gate.limit(order.bytesPerSecond);
    else gate.spend(order.bytes);
  };
}

/** Loaded by the first range that needs it: most runs never do. */
function createDispatchers(
  settings: LaneWorkerSettings,
  resolve: Resolve,
): (mayBePrivate: boolean) => Promise<Dispatcher> {
  const known = new Map<boolean, Promise<Dispatcher>>();
  const open = async (mayBePrivate: boolean): Promise<Dispatcher> => {
    const { createAgent } = await import("./agent.ts");
    const { extraCa, proxy } = settings;
    // The scheduler decides how many lanes there are and how long they may be silent.
    return createAgent({
      extraCa,
      proxy,
      mayBePrivate,
      lookup: guardedLookup({ mayBePrivate }, resolve),
      connections: MAX_SLOTS,
      idleTimeoutMs: IDLE_MS,
    });
  };
  return (mayBePrivate) => {
    const dispatcher = known.get(mayBePrivate) ?? open(mayBePrivate);
    known.set(mayBePrivate, dispatcher);
    return dispatcher;
  };
}

const IDLE_MS = 300_000;
