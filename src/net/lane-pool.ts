/** The main thread's side of the lane workers: starts range reads, tells how far they are and how they ended. */
import { startThread, type Thread } from "../base/threads.ts";
import {
  createPositions,
  type FromLaneWorker,
  type LaneFailure,
  type LaneWorkerSettings,
  MAX_SLOTS,
  type RangeRead,
  type ToLaneWorker,
} from "./lane-protocol.ts";

/** How a range read ended. Everything from its start to `position` is written to the file. */
export type LaneEnd =
  | { readonly kind: "done"; readonly position: number }
  | { readonly kind: "cancelled"; readonly position: number }
  | { readonly kind: "failed"; readonly position: number; readonly failure: LaneFailure };

/** A range under way. Once it has ended, its positions stand still and orders to it do nothing. */
export interface RunningLane {
  /** End of what has come in. */
  readonly received: () => number;
  /** End of what is written to the file. */
  readonly written: () => number;
  /** Milliseconds that its first byte took; null before it came. */
  readonly firstByteMs: () => number | null;
  /** Asks the lane to stop at `end`; `onShrunk` hears the end that holds, which may be later. */
  readonly shrink: (end: number) => void;
  readonly cancel: () => void;
}

export interface LaneListeners {
  /** Called exactly once; nothing is written for this range any more. */
  readonly onEnd: (end: LaneEnd) => void;
  readonly onShrunk: (end: number) => void;
}

export interface LanePool {
  /** Starts the first thread before there is a read for it. */
  readonly warm: () => void;
  readonly start: (read: RangeRead, listeners: LaneListeners) => RunningLane;
  /** Bytes per second for all lanes together; null lifts the limit. */
  readonly limit: (bytesPerSecond: number | null) => void;
  /** Counts bytes that came in elsewhere: under a limit, the lanes wait for them. */
  readonly spend: (bytes: number) => void;
  /** Whether every thread with lanes was at work all the time since the last call: then more lanes wait for each other. */
  readonly isSaturated: () => boolean;
  /** Ends every thread, then every range that was under way, as cancelled. */
  readonly close: () => Promise<void>;
}

export type LanePoolSettings = Omit<LaneWorkerSettings, "positions"> & {
  /** Most threads that share lanes: decryption costs more than a copy, so that encrypted ones are worth more. */
  readonly workers: { readonly plain: number; readonly encrypted: number };
};

/** A thread that rests for less than this part of a moment has no time for more. */
const SATURATED = 0.95;

interface Running {
  readonly thread: Thread;
  readonly end: (end: LaneEnd) => void;
  readonly onShrunk: (end: number) => void;
}

/** Starts no thread before it is warmed or asked to read. */
export function createLanePool(
  { workers, ...settings }: LanePoolSettings,
  start: (settings: LaneWorkerSettings) => Thread = startLaneThread,
): LanePool {
  const positions = createPositions();
  const free = Array.from({ length: MAX_SLOTS }, (_, index) => MAX_SLOTS - 1 - index);
  const threads: Thread[] = [];
  const running = new Map<number, Running>();
  const shares = new WeakMap<Thread, number | null>();
  let bytesPerSecond: number | null = null;
  let isClosed = false;

  const hear = (thread: Thread, message: FromLaneWorker): void => {
    const one = running.get(message.slot);
    // A last word of a thread that crashed must not end the range that has its slot now.
    if (one?.thread !== thread) return;
    const { slot: _, ...end } = message;
    if (end.kind === "shrunk") one.onShrunk(end.end);
    else one.end(end);
  };
  const writtenAt = (slot: number): number => positions.written[slot] ?? 0;
  const lost = (thread: Thread, error: Error | null): void => {
    const index = threads.indexOf(thread);
    if (index < 0) return;
    threads.splice(index, 1);
    const message = `a lane worker ended: ${error?.message ?? "no reason given"}`;
    for (const [slot, one] of [...running]) {
      if (one.thread !== thread) continue;
      one.end({ kind: "failed", position: writtenAt(slot), failure: { kind: "network", message } });
    }
  };
  const lanesOf = (thread: Thread): number => [...running.values()].filter((one) => one.thread === thread).length;
  /** A thread without work does not keep the process alive. */
  const rest = (thread: Thread): void => {
    if (lanesOf(thread) > 0) thread.ref();
    else thread.unref();
  };
  const threadAt = (index: number): Thread => {
    const known = threads[index];
    if (known !== undefined) return known;
    const thread = start({ ...settings, positions: positions.buffer });
    thread.onMessage((message) => hear(thread, message as FromLaneWorker));
    thread.onEnd((error) => lost(thread, error));
    threads.push(thread);
    return thread;
  };
  /** Each thread may read its lanes' part of what all lanes together may. */
  const shareLimit = (): void => {
    for (const thread of threads) {
      const part = running.size === 0 ? 1 / threads.length : lanesOf(thread) / running.size;
      const share = bytesPerSecond === null ? null : Math.max(1, bytesPerSecond * part);
      if (shares.get(thread) === share) continue;
      shares.set(thread, share);
      thread.post({ kind: "limit", bytesPerSecond: share } satisfies ToLaneWorker);
    }
  };
  const threadFor = ({ endpoint }: RangeRead): Thread => {
    const isEncrypted = endpoint.kind === "http" && endpoint.url.startsWith("https:");
    if (bytesPerSecond !== null) return threadAt(0);
    const most = isEncrypted ? workers.encrypted : workers.plain;
    const lanes = threads.slice(0, most).map(lanesOf);
    const least = Math.min(...lanes);
    return threadAt(least > 0 && lanes.length < most ? lanes.length : lanes.indexOf(least));
  };
  /** Registers a range: its slot is free again as soon as its end was told. */
  const register = (slot: number, thread: Thread, listeners: LaneListeners): (() => boolean) => {
    const one: Running = {
      thread,
      onShrunk: listeners.onShrunk,
      end: (end) => {
        running.delete(slot);
        free.push(slot);
        if (!isClosed) rest(thread);
        if (!isClosed && bytesPerSecond !== null) shareLimit();
        listeners.onEnd(end);
      },
    };
    running.set(slot, one);
    return () => running.get(slot) === one;
  };

  return {
    warm: () => rest(threadAt(0)),
    start: (read, listeners) => {
      const slot = isClosed ? undefined : free.pop();
      if (slot === undefined) throw new RangeError(isClosed ? "the lanes are closed" : `more than ${MAX_SLOTS} lanes`);
      const thread = threadFor(read);
      positions.received[slot] = read.start;
      positions.written[slot] = read.start;
      positions.firstByteMs[slot] = 0;
      const firstByteMs = (): number | null => positions.firstByteMs[slot] || null;
      let ended: { readonly position: number; readonly firstByteMs: number | null } | null = null;
      const isRunning = register(slot, thread, {
        ...listeners,
        onEnd: (end) => {
          ended = { position: end.position, firstByteMs: firstByteMs() };
          listeners.onEnd(end);
        },
      });
      rest(thread);
      if (bytesPerSecond !== null) shareLimit();
      thread.post({ kind: "read", slot, read } satisfies ToLaneWorker);
      const order = (message: ToLaneWorker): void => {
        if (isRunning()) thread.post(message);
      };
      return {
        received: () => ended?.position ?? positions.received[slot] ?? read.start,
        written: () => ended?.position ?? writtenAt(slot),
        firstByteMs: () => (ended === null ? firstByteMs() : ended.firstByteMs),
        shrink: (end) => order({ kind: "shrink", slot, end }),
        cancel: () => order({ kind: "cancel", slot }),
      };
    },
    limit: (rate) => {
      bytesPerSecond = rate;
      shareLimit();
    },
    spend: (bytes) => {
      // Limited lanes are all with the first thread.
      if (bytesPerSecond !== null) threads[0]?.post({ kind: "spend", bytes } satisfies ToLaneWorker);
    },
    isSaturated: () => {
      const loads = threads.map((thread) => ({ load: thread.load(), lanes: lanesOf(thread) }));
      const busy = loads.filter(({ lanes }) => lanes > 0);
      return busy.length > 0 && busy.every(({ load }) => load > SATURATED);
    },
    close: async () => {
      isClosed = true;
      await Promise.all(threads.splice(0).map((thread) => thread.stop()));
      for (const [slot, one] of [...running]) one.end({ kind: "cancelled", position: writtenAt(slot) });
    },
  };
}

const startLaneThread = (settings: LaneWorkerSettings): Thread =>
  startThread("./lane-worker.js", import.meta.url, settings);
