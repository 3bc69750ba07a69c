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

export interface RunningLane {
  /** End of what has come in. */
  readonly received: () => number;
  /** End of what is written to the file. */
  readonly written: () => number;
  /** Asks the lane to stop at `end`; `onShrunk` hears the end that holds, which may be later. */
  readonly shrink: (end: number) => void;
  readonly cancel: () => void;
}

export interface LaneListeners {
  readonly onEnd: (end: LaneEnd) => void;
  readonly onShrunk: (end: number) => void;
}

export interface LanePool {
  readonly start: (read: RangeRead, listeners: LaneListeners) => RunningLane;
  /** Bytes per second for all lanes together; null lifts the limit. */
  readonly limit: (bytesPerSecond: number | null) => void;
  readonly close: () => Promise<void>;
}

export type LanePoolSettings = Omit<LaneWorkerSettings, "positions"> & {
  /** Workers that share encrypted lanes; plain lanes stay with the first, where they measured faster. */
  readonly workers: number;
};

/** Starts no thread before the first read. */
export function createLanePool(settings: LanePoolSettings): LanePool {
  const positions = createPositions();
  const free = Array.from({ length: MAX_SLOTS }, (_, index) => MAX_SLOTS - 1 - index);
  const threads: Thread[] = [];
  const running = new Map<number, LaneListeners & { readonly thread: Thread }>();
  let bytesPerSecond: number | null = null;
  let turn = 0;

  const hear = (message: FromLaneWorker): void => {
    const listeners = running.get(message.slot);
    if (listeners === undefined) return;
    if (message.kind === "shrunk") return listeners.onShrunk(message.end);
    running.delete(message.slot);
    free.push(message.slot);
    listeners.onEnd(message);
  };
  const lost = (thread: Thread, error: Error | null): void => {
    if (!threads.includes(thread)) return;
    for (const [slot] of [...running].filter(([, one]) => one.thread === thread)) {
      const failure: LaneFailure = {
        kind: "network",
        message: `a lane worker ended: ${error?.message ?? "no reason given"}`,
      };
      hear({ kind: "failed", slot, position: positions.written[slot] ?? 0, failure });
    }
    threads.splice(threads.indexOf(thread), 1);
  };
  const threadAt = (index: number): Thread => {
    const known = threads[index];
    if (known !== undefined) return known;
    const initial: LaneWorkerSettings = { ...settings, positions: positions.buffer };
    const thread = startThread("./lane-worker.js", import.meta.url, initial);
    thread.onMessage((message) => hear(message as FromLaneWorker));
    thread.onEnd((error) => lost(thread, error));
    threads.push(thread);
    shareLimit();
    return thread;
  };
  const shareLimit = (): void => {
    const share = bytesPerSecond === null ? null : bytesPerSecond / Math.max(1, threads.length);
    for (const thread of threads) thread.post({ kind: "limit", bytesPerSecond: share } satisfies ToLaneWorker);
  };
  const workerFor = (read: RangeRead): Thread => {
    const isEncrypted = read.endpoint.kind === "http" && read.endpoint.url.startsWith("https:");
    if (!isEncrypted || bytesPerSecond !== null) return threadAt(0);
    turn += 1;
    return threadAt(Math.min(threads.length, turn % settings.workers));
  };

  return {
    start: (read, listeners) => {
      const slot = free.pop();
      if (slot === undefined) throw new RangeError(`more than ${MAX_SLOTS} lanes`);
      const thread = workerFor(read);
      positions.received[slot] = read.start;
      positions.written[slot] = read.start;
      running.set(slot, { ...listeners, thread });
      thread.post({ kind: "read", slot, read } satisfies ToLaneWorker);
      return {
        received: () => positions.received[slot] ?? read.start,
        written: () => positions.written[slot] ?? read.start,
        shrink: (end) => thread.post({ kind: "shrink", slot, end } satisfies ToLaneWorker),
        cancel: () => thread.post({ kind: "cancel", slot } satisfies ToLaneWorker),
      };
    },
    limit: (rate) => {
      bytesPerSecond = rate;
      shareLimit();
    },
    close: async () => {
      await Promise.all(threads.splice(0).map((thread) => thread.stop()));
    },
  };
}
