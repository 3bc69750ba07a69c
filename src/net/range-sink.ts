/** Where the bytes of one range read go: into the file at their place, with the positions told to the other threads. */
import type { LaneFailure, Positions, RangeRead } from "./lane-protocol.ts";
import { createSlab, type Slab } from "./slab.ts";

/** One range being read, whatever lane carries it. */
export interface RangeSink {
  readonly slot: number;
  readonly read: RangeRead;
  readonly slab: Slab;
  /** End of the range now; shrinking moves it. */
  readonly end: () => number;
  /** End of what came in so far, written or not. */
  readonly received: () => number;
  /** Counts `count` bytes that were put into the slab; writes when it is full. Returns false when the range is whole. */
  readonly accept: (count: number) => boolean;
  /** Writes what is held. @throws DiskProblem */
  readonly flush: () => void;
  /** Gives up the part behind `end`, as far as it has not come in; returns the end that holds. */
  readonly shrink: (end: number) => number;
  readonly finish: () => void;
  /** Ends the read; what came in before is written and counts. */
  readonly fail: (failure: LaneFailure) => void;
}

export interface SinkEnds {
  readonly done: (position: number) => void;
  readonly failed: (position: number, failure: LaneFailure) => void;
}

/** Makes the sink of `read`. It ends exactly once: by `finish` or by `fail`. A disk error throws {@link DiskProblem}. */
export function createRangeSink(
  slot: number,
  read: RangeRead,
  options: { slab: Slab | null; positions: Positions; ends: SinkEnds },
): RangeSink {
  const { positions, ends } = options;
  const slab = options.slab ?? createSlab();
  let end = read.end;
  let received = read.start;
  let written = read.start;
  let isEnded = false;
  positions.received[slot] = received;
  positions.written[slot] = written;

  const flush = (): void => {
    const held = received - written;
    if (held === 0) return;
    try {
      slab.writeOut(read.file, written, held);
    } catch (error) {
      throw new DiskProblem(error as NodeJS.ErrnoException);
    }
    written = received;
    positions.written[slot] = written;
  };
  /** Keeps what came before a failure; a disk that refuses it is the failure that counts. */
  const flushed = (): LaneFailure | null => {
    try {
      flush();
      return null;
    } catch (error) {
      return failureOf(error);
    }
  };
  return {
    slot,
    read,
    slab,
    end: () => end,
    received: () => received,
    accept: (count) => {
      received += Math.min(count, end - received);
      positions.received[slot] = received;
      if (slab.isNearlyFull() || received === end) flush();
      return received < end;
    },
    flush,
    shrink: (wanted) => {
      end = Math.min(end, Math.max(wanted, received));
      return end;
    },
    finish: () => {
      if (isEnded) return;
      isEnded = true;
      ends.done(written);
    },
    fail: (failure) => {
      if (isEnded) return;
      isEnded = true;
      ends.failed(written, flushed() ?? failure);
    },
  };
}

/** The partial file could not be written. */
export class DiskProblem extends Error {
  readonly code: string;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code ?? "EIO";
  }
}

/** Turns what was thrown while bytes were moved into the failure that the scheduler answers. */
export function failureOf(error: unknown): LaneFailure {
  if (error instanceof DiskProblem) return { kind: "disk", code: error.code, message: error.message };
  const { code, message } = error as NodeJS.ErrnoException;
  return { kind: "network", message: code === undefined || message.includes(code) ? message : `${message} (${code})` };
}
