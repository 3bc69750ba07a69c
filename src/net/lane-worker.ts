/** A lane worker: owns sockets, slabs and writes, so that whoever draws or plans never delays a byte. */
import type { LookupFunction } from "node:net";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import type { Dispatcher } from "undici";
import { systemClock } from "../base/clock.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import { serveThread } from "../base/threads.ts";
import { guardedLookup } from "./address-guard.ts";
import { type FastLane, openFastLane } from "./fast-lane.ts";
import { readFileRange } from "./file-lane.ts";
import { readGeneral } from "./general-lane.ts";
import {
  createPositions,
  type FromLaneWorker,
  type LaneWorkerSettings,
  type RangeRead,
  type ToLaneWorker,
} from "./lane-protocol.ts";
import { proxyFor } from "./proxy.ts";
import { createRangeSink, failureOf, type RangeSink } from "./range-sink.ts";
import { createRateLimiter } from "./rate-limiter.ts";

/** A range under way, and how to end it from outside. */
interface Active {
  readonly sink: RangeSink;
  readonly stop: () => void;
}

/** Bytes held longer than this are written even if the slab is not full: slow links must not lose them to a kill. */
const FLUSH_EVERY_MS = 100;
const LIMITER_TURN_MS = 5;

function start(settings: LaneWorkerSettings, post: (answer: FromLaneWorker) => void): (message: unknown) => void {
  const positions = createPositions(settings.positions);
  const active = new Map<number, Active>();
  const idle = new Map<string, FastLane[]>();
  const sessions = new Map<string, Buffer>();
  const fast = new Set<FastLane>();
  const limiter = createRateLimiter(systemClock);
  const secureContext = lazy(() => createContext(settings.extraCa));
  const dispatchers = new Map<boolean, Promise<Dispatcher>>();
  let isHeldBack = false;

  const holdBack = (): void => {
    const isOver = limiter.waitMs() > 0;
    if (isOver === isHeldBack) return;
    isHeldBack = isOver;
    for (const lane of fast) isOver ? lane.pause() : lane.resume();
  };
  const onReceived = (bytes: number): void => {
    limiter.spend(bytes);
    if (!isHeldBack && limiter.waitMs() > 0) holdBack();
  };
  const allowed = async (): Promise<void> => {
    for (let waitMs = limiter.waitMs(); waitMs > 0; waitMs = limiter.waitMs()) await systemClock.sleep(waitMs);
  };
  const laneFor = (endpoint: HttpEndpoint): { lane: FastLane; isReused: boolean } => {
    const url = new URL(endpoint.url);
    const waiting = idle.get(url.origin) ?? [];
    for (let lane = waiting.pop(); lane !== undefined; lane = waiting.pop()) {
      if (lane.isUsable() && lane.isIdle()) return { lane, isReused: true };
      fast.delete(lane);
    }
    const lookup: LookupFunction = guardedLookup({ mayBePrivate: endpoint.mayBePrivate });
    const session = {
      get: (key: string) => sessions.get(key),
      set: (key: string, ticket: Buffer) => void sessions.set(key, ticket),
    };
    const lane = openFastLane(url, { lookup, secureContext, session, userAgent: settings.userAgent, onReceived });
    fast.add(lane);
    return { lane, isReused: false };
  };
  const release = (lane: FastLane): void => {
    if (lane.isUsable() && lane.isIdle()) idle.set(lane.origin, [...(idle.get(lane.origin) ?? []), lane]);
    else fast.delete(lane);
  };
  const isForFastLane = (asked: RangeRead, endpoint: HttpEndpoint): boolean =>
    !asked.isGeneral && endpoint.hasRanges && proxyFor(new URL(endpoint.url), settings.proxy) === null;
  const sinkFor = (slot: number, read: RangeRead, lane: FastLane | null, retry: (() => void) | null): RangeSink => {
    const ended = (): void => {
      active.delete(slot);
      if (lane !== null) queueMicrotask(() => release(lane));
    };
    return createRangeSink(slot, read, {
      slab: lane?.slab ?? null,
      positions,
      ends: {
        done: (position) => {
          ended();
          post({ kind: "done", slot, position });
        },
        failed: (position, failure) => {
          ended();
          // A kept-alive connection may have been closed while it was idle: that says nothing about the mirror.
          if (retry !== null && failure.kind === "network" && position === read.start) return retry();
          post({ kind: "failed", slot, position, failure });
        },
      },
    });
  };
  const readFast = (slot: number, read: RangeRead, endpoint: HttpEndpoint): void => {
    const { lane, isReused } = laneFor(endpoint);
    const sink = sinkFor(slot, read, lane, isReused ? () => readFast(slot, read, endpoint) : null);
    const destroy = (): void => {
      lane.destroy();
      fast.delete(lane);
    };
    active.set(slot, { sink, stop: destroy });
    lane.start(endpoint, sink);
    if (isHeldBack) lane.pause();
  };
  const readSlowly = (slot: number, read: RangeRead): void => {
    const abort = new AbortController();
    const sink = sinkFor(slot, read, null, null);
    active.set(slot, { sink, stop: () => abort.abort() });
    const { endpoint } = read;
    const options = { signal: abort.signal, onReceived, allowed, userAgent: settings.userAgent };
    if (endpoint.kind === "file") return void readFileRange(endpoint, sink, options);
    const dispatcher = dispatchers.get(endpoint.mayBePrivate) ?? createDispatcher(settings, endpoint.mayBePrivate);
    dispatchers.set(endpoint.mayBePrivate, dispatcher);
    dispatcher.then(
      (ready) => readGeneral(endpoint, sink, { ...options, dispatcher: ready }),
      (error: unknown) => sink.fail(failureOf(error)),
    );
  };
  const read = (slot: number, asked: RangeRead): void => {
    const { endpoint } = asked;
    if (endpoint.kind === "http" && isForFastLane(asked, endpoint)) readFast(slot, asked, endpoint);
    else readSlowly(slot, asked);
  };
  const stop = (slot: number, kind: "cancelled" | "done"): void => {
    const one = active.get(slot);
    if (one === undefined) return;
    active.delete(slot);
    try {
      one.sink.flush();
    } catch {
      // Cancelled anyway; the next write to this file reports the disk.
    }
    one.stop();
    post({ kind, slot, position: positions.written[slot] ?? one.sink.read.start });
  };
  const shrink = (slot: number, wanted: number): void => {
    const sink = active.get(slot)?.sink;
    if (sink === undefined) return;
    post({ kind: "shrunk", slot, end: sink.shrink(wanted) });
    if (sink.received() >= sink.end()) stop(slot, "done");
  };

  systemClock.every(FLUSH_EVERY_MS, () => {
    for (const { sink } of [...active.values()]) {
      try {
        sink.flush();
      } catch (error) {
        sink.fail(failureOf(error));
      }
    }
  });
  systemClock.every(LIMITER_TURN_MS, holdBack);

  return (message) => {
    const order = message as ToLaneWorker;
    if (order.kind === "read") read(order.slot, order.read);
    else if (order.kind === "shrink") shrink(order.slot, order.end);
    else if (order.kind === "cancel") stop(order.slot, "cancelled");
    else limiter.limit(order.bytesPerSecond);
  };
}

function createContext(extraCa: string | null): SecureContext {
  return createSecureContext(extraCa === null ? {} : { ca: [...rootCertificates, extraCa] });
}

async function createDispatcher(settings: LaneWorkerSettings, mayBePrivate: boolean): Promise<Dispatcher> {
  const { createAgent } = await import("./agent.ts");
  return createAgent({
    extraCa: settings.extraCa,
    proxy: settings.proxy,
    mayBePrivate,
    lookup: guardedLookup({ mayBePrivate }),
  });
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

serveThread<LaneWorkerSettings>((settings, post) => start(settings, post));
