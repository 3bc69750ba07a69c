/** Where the bytes of one range read go: into the file (or memory) at their place, with the positions told to the other threads. */
import { isModelsError } from "../base/errors.ts";
import { systemCode } from "../base/system-errors.ts";
import type { LaneFailure, Positions, RangeRead } from "./lane-protocol.ts";
import { networkReason } from "./network-reason.ts";
import type { Slab } from "./slab.ts";

/** One range being read, whatever lane carries it. It ends exactly once; what comes in later is dropped. */
export interface RangeSink {
  readonly read: RangeRead;
  readonly slab: Slab;
  /** End of the range now; shrinking moves it. */
  readonly end: () => number;
  /** End of what came in so far, written or not. */
  readonly received: () => number;
  /**
   * Counts `count` bytes that were put into the slab; writes when it is full. Returns false when no more are wanted.
   * @throws DiskProblem
   */
  readonly accept: (count: number) => boolean;
  /** Writes what is held. @throws DiskProblem */
  readonly flush: () => void;
  /** Gives up the part behind `end`, as far as it has not come in; returns the end that holds. */
  readonly shrink: (end: number) => number;
  /** The range is whole. */
  readonly finish: () => void;
  /** Ends the read; what came in before is written and counts. */
  readonly fail: (failure: LaneFailure) => void;
  /** Ends the read from outside, without telling; returns the end of what is written. */
  readonly stop: () => number;
}

export interface SinkEnds {
  readonly done: (position: number) => void;
  readonly failed: (position: number, failure: LaneFailure) => void;
}

export interface SinkOptions {
  readonly slot: number;
  readonly slab: Slab;
  readonly positions: Positions;
  readonly ends: SinkEnds;
  /** A clock that never goes back. */
  readonly nowMs: () => number;
}

/** Of a wait that is over, however short. */
const LEAST_MS = 0.001;

/** Makes the sink of `read`. A disk error throws {@link DiskProblem} where bytes are put in, and is the failure at the end. */
export function createRangeSink(read: RangeRead, { slot, slab, positions, ends, nowMs }: SinkOptions): RangeSink {
  let end = read.end;
  let received = read.start;
  let written = read.start;
  let isEnded = false;
  positions.received[slot] = received;
  positions.written[slot] = written;
  positions.firstByteMs[slot] = 0;
  const startedMs = nowMs();

  const flush = (): void => {
    const held = received - written;
    if (isEnded || held === 0) return;
    try {
      if (typeof read.file === "number") slab.writeOut(read.file, written, held);
      else slab.copyOut(read.file, written - read.start, held);
    } catch (error) {
      throw new DiskProblem(error as NodeJS.ErrnoException);
    }
    written = received;
    positions.written[slot] = written;
  };
  /** Keeps what came before the end; a disk that refuses it is the failure that counts. */
  const keep = (): LaneFailure | null => {
    try {
      flush();
      return null;
    } catch (error) {
      return failureOf(error);
    } finally {
      isEnded = true;
    }
  };
  return {
    read,
    slab,
    end: () => end,
    received: () => received,
    accept: (count) => {
      if (isEnded) return false;
      if (received === read.start) positions.firstByteMs[slot] = Math.max(nowMs() - startedMs, LEAST_MS);
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
      const failure = keep();
      if (failure === null) ends.done(written);
      else ends.failed(written, failure);
    },
    fail: (failure) => {
      if (isEnded) return;
      const disk = keep();
      ends.failed(written, disk ?? failure);
    },
    stop: () => {
      // Given up anyway: a disk that refuses the rest shows at the next write to this file.
      if (!isEnded) keep();
      return written;
    },
  };
}

/** The partial file could not be written. */
export class DiskProblem extends Error {
  readonly code: string;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = systemCode(cause) || "EIO";
  }
}

/** Turns what was thrown while bytes were moved into the failure that the scheduler answers. */
export function failureOf(error: unknown): LaneFailure {
  if (error instanceof DiskProblem) return { kind: "disk", code: error.code, message: error.message };
  // A name that leads into a private network does so again.
  if (isModelsError(error, "MIRROR_LIED")) return { kind: "lied", message: error.message };
  return { kind: "network", message: networkReason(error) };
}
