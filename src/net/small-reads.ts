/** Small files read whole into memory, each with one request on a fast lane; so many at a time, the others in turn. */
import type { SecureContext } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { lazy } from "../base/flow.ts";
import type { HttpEndpoint } from "../base/mirror.ts";
import type { FastLane, LaneSink } from "./fast-lane.ts";
import { createFastLanes } from "./fast-lanes.ts";
import { createRateGate } from "./rate-gate.ts";
import { createResolver } from "./resolver.ts";
import { trustContext } from "./trust.ts";

export interface SmallReadsSettings {
  /** PEM text of certificate authorities to trust beside the system's, or null. */
  readonly extraCa: string | null;
  readonly userAgent: string;
  /** Files that are asked for at a time. */
  readonly connections: number;
}

export interface SmallRead {
  readonly endpoint: HttpEndpoint;
  /** Bytes of the file, which the answer must repeat; at most 256 KiB. */
  readonly size: number;
  /** For the whole answer, however slowly its bytes drip. */
  readonly deadlineMs: number;
}

/**
 * Hears the whole file, or null when anything was in the way. Its memory is used again once what this returns has
 * settled; it must not reject.
 */
export type SmallReadEnd = (bytes: Uint8Array | null) => Promise<void> | null;

export interface SmallReads {
  /** Asks when it is its turn; the returned function gives it up, and `onEnd` is not called then. */
  readonly start: (read: SmallRead, onEnd: SmallReadEnd) => () => void;
}

interface Active extends SmallRead {
  readonly onEnd: SmallReadEnd;
  lane: FastLane | null;
  startedMs: number;
  heardMs: number;
}

/** Of a file. */
const MOST_BYTES = 256 * 1024;
const LOOK_EVERY_MS = 1_000;
/** A connection that brings nothing for so long is given up. */
const QUIET_MS = 20_000;

/** Opens no connection before the first read. */
export function createSmallReads(settings: SmallReadsSettings, { clock }: { readonly clock: Clock }): SmallReads {
  const { userAgent, connections } = settings;
  const lanes = createFastLanes({
    clock,
    gate: createRateGate(clock),
    secureContext: lazy<SecureContext>(() => trustContext(settings.extraCa)),
    resolve: createResolver(clock),
    userAgent,
  });
  const waiting = new Set<Active>();
  const active = new Set<Active>();
  /** For the next files: new memory costs as much as to fill it. */
  const memory: ArrayBuffer[] = [];

  const end = (one: Active, bytes: Uint8Array<ArrayBuffer> | null): void => {
    if (!active.delete(one)) return;
    const used = one.onEnd(bytes);
    if (bytes !== null) void Promise.resolve(used).then(() => memory.push(bytes.buffer));
    startNext();
  };
  /** Whoever waits for the same host is not asked for either: it may be busy, and others know how to wait for it. */
  const fail = (one: Active): void => {
    const host = hostOf(one);
    const unasked = [...waiting].filter((other) => hostOf(other) === host);
    for (const other of unasked) waiting.delete(other);
    end(one, null);
    for (const other of unasked) void other.onEnd(null);
  };
  const startNext = (): void => {
    for (const one of waiting) {
      if (active.size >= connections) return;
      waiting.delete(one);
      active.add(one);
      ask(one);
    }
  };
  const ask = (one: Active): void => {
    one.startedMs = one.heardMs = clock.monotonicMs();
    try {
      const { lane, isReused } = lanes.take(one.endpoint);
      one.lane = lane;
      lane.start(one.endpoint, sinkOf(one, lane, isReused));
    } catch {
      one.lane?.destroy();
      fail(one);
    }
  };
  const sinkOf = (one: Active, lane: FastLane, isReused: boolean): LaneSink => {
    const { endpoint, size } = one;
    let received = 0;
    let last = size;
    let bytes: Uint8Array<ArrayBuffer> | null = null;
    return {
      read: { start: 0, end: size, size },
      end: () => last,
      // A server that sends only a part has no use here: what it sends is dropped.
      shrink: (wanted) => {
        last = Math.min(last, wanted);
        return last;
      },
      accept: (count) => {
        one.heardMs = clock.monotonicMs();
        received += Math.min(count, last - received);
        if (received < last) return true;
        if (last < size) return false;
        bytes = new Uint8Array(memory.pop() ?? new ArrayBuffer(MOST_BYTES), 0, size);
        bytes.set(lane.slab.held().subarray(0, size));
        lane.slab.drop(size);
        return false;
      },
      finish: () => {
        lanes.give(endpoint, lane);
        end(one, bytes);
      },
      fail: (failure) => {
        // A kept-alive connection may have been closed while it was idle: that says nothing about the mirror.
        if (isReused && failure.kind === "network" && received === 0) ask(one);
        else fail(one);
      },
    };
  };
  const giveUp = (one: Active): void => {
    waiting.delete(one);
    if (!active.delete(one)) return;
    one.lane?.destroy();
    startNext();
  };
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    for (const one of [...active]) {
      if (nowMs - one.heardMs < QUIET_MS && nowMs - one.startedMs < one.deadlineMs) continue;
      one.lane?.destroy();
      fail(one);
    }
    lanes.sweep();
  };
  clock.every(LOOK_EVERY_MS, look);

  return {
    start: (read, onEnd) => {
      const one: Active = { ...read, onEnd, lane: null, startedMs: 0, heardMs: 0 };
      waiting.add(one);
      startNext();
      return () => giveUp(one);
    },
  };
}

const hostOf = ({ endpoint }: SmallRead): string => new URL(endpoint.url).host;
