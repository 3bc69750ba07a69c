/** The file lane: ranges of a file on this box, copied in steps so that a cancel is heard between them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FileEndpoint } from "../base/mirror.ts";
import type { LaneFailure } from "./lane-protocol.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";
import { enterTurnstile, type RateGate } from "./rate-gate.ts";

export interface FileLaneOptions {
  readonly gate: RateGate;
  readonly signal: AbortSignal;
}

/** Reads the range of `sink` from a local file; ends the sink in every case but an abort. */
export async function readFileRange(endpoint: FileEndpoint, sink: RangeSink, options: FileLaneOptions): Promise<void> {
  const turnstile = enterTurnstile(options.gate);
  let file: number | null = null;
  try {
    file = openSync(endpoint.path, "r");
    const { size } = fstatSync(file);
    if (size !== sink.read.size) {
      return sink.fail({ kind: "changed", message: `the file has ${size} bytes, expected ${sink.read.size}` });
    }
    while (!options.signal.aborted) {
      const left = sink.end() - sink.received();
      const room = sink.slab.room(Math.min(left, options.gate.stepBytes()));
      const count = left === 0 ? 0 : readSync(file, room, 0, room.length, sink.received());
      if (count === 0) return sink.fail({ kind: "network", message: "the file ended early" });
      turnstile.spend(count);
      sink.slab.grow(count);
      if (!sink.accept(count)) return sink.finish();
      await nextTurn();
      await turnstile.open();
    }
  } catch (error) {
    sink.fail(fileFailure(error));
  } finally {
    turnstile.leave();
    if (file !== null) closeSync(file);
  }
}

/** A file that is gone is like a link that ran out: where it is must be asked again. */
function fileFailure(error: unknown): LaneFailure {
  const failure = failureOf(error);
  const isGone = failure.kind === "network" && (error as NodeJS.ErrnoException).code === "ENOENT";
  return isGone ? { kind: "refused", status: 404, message: failure.message } : failure;
}
