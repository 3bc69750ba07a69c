/** What one run of a sync has moved so far. */
import type { EventBody, MirrorShare, Report, Summary } from "../base/events.ts";
import type { Failure } from "./failures.ts";
import { mergeShares } from "./shares.ts";

/** What one transfer moved. */
export interface Moved {
  readonly shares: readonly MirrorShare[];
  readonly fetchedBytes: number;
  readonly wastedBytes: number;
}

export interface Tally {
  /** Bytes of one file that arrived whole. */
  readonly moved: (model: string, moved: Moved) => void;
  readonly reused: (bytes: number) => void;
  readonly failed: (failure: Failure) => void;
  readonly failures: () => readonly Failure[];
  readonly summary: (models: number, elapsedMs: number) => Summary;
  /** Sees every event of a transfer, so that bytes of a file that failed are counted too. */
  readonly watch: (event: EventBody) => void;
}

/** Starts at nothing. */
export function createTally(): Tally {
  const shares: MirrorShare[] = [];
  const failures: Failure[] = [];
  // By model: what came over the network for files that are not whole yet.
  const pending = new Map<string, { resumedBytes: number; doneBytes: number }>();
  let [fetchedBytes, wastedBytes, reusedBytes] = [0, 0, 0];
  return {
    moved: (model, moved) => {
      pending.delete(model);
      shares.push(...moved.shares);
      fetchedBytes += moved.fetchedBytes;
      wastedBytes += moved.wastedBytes;
    },
    reused: (bytes) => {
      reusedBytes += bytes;
    },
    failed: (failure) => {
      failures.push(failure);
    },
    failures: () => failures,
    summary: (models, elapsedMs) => {
      const unfinished = [...pending.values()].reduce(
        (sum, { doneBytes, resumedBytes }) => sum + Math.max(0, doneBytes - resumedBytes),
        0,
      );
      return {
        kind: "summary",
        ok: failures.length === 0,
        models,
        fetchedBytes: fetchedBytes + unfinished,
        wastedBytes,
        reusedBytes,
        elapsedMs,
        mirrors: mergeShares(shares, elapsedMs),
      };
    },
    watch: (event) => {
      if (event.kind === "file-started") {
        pending.set(event.model, { resumedBytes: event.resumedBytes, doneBytes: event.resumedBytes });
      }
      if (event.kind !== "progress") return;
      for (const { model, doneBytes } of event.files) {
        const known = pending.get(model);
        if (known !== undefined) known.doneBytes = Math.max(known.doneBytes, doneBytes);
      }
    },
  };
}

/** A report that a tally sees first. */
export function watched(report: Report, tally: Tally): Report {
  return (event) => {
    tally.watch(event);
    report(event);
  };
}
