/** The file lane: ranges of a file on this box, copied in steps so that a cancel is heard between them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FileEndpoint } from "../base/mirror.ts";
import { failureOf, type RangeSink } from "./range-sink.ts";

export interface FileLaneOptions {
  readonly signal: AbortSignal;
  readonly onReceived: (bytes: number) => void;
  /** Resolves when the budget of bytes per second allows more. */
  readonly allowed: () => Promise<void>;
}

/** Reads the range of `sink` from a local file; ends the sink in every case but an abort. */
export async function readFileRange(endpoint: FileEndpoint, sink: RangeSink, options: FileLaneOptions): Promise<void> {
  let file: number | null = null;
  try {
    file = openSync(endpoint.path, "r");
    const { size } = fstatSync(file);
    if (size !== sink.read.size) {
      return sink.fail({ kind: "changed", message: `the file has ${size} bytes, expected ${sink.read.size}` });
    }
    while (!options.signal.aborted) {
      const room = sink.slab.room();
      const count = readSync(file, room, 0, Math.min(room.length, sink.end() - sink.received()), sink.received());
      if (count === 0) return sink.fail({ kind: "network", message: "the file ended early" });
      options.onReceived(count);
      sink.slab.grow(count);
      if (!sink.accept(count)) return sink.finish();
      await nextTurn();
      await options.allowed();
    }
  } catch (error) {
    sink.fail(failureOf(error));
  } finally {
    if (file !== null) closeSync(file);
  }
}
