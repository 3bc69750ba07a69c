/** What one run of a sync has moved so far. */
import type { MirrorShare, Summary } from "../base/events.ts";
import type { Moved } from "../transfer/fetch-job.ts";
import type { Failure } from "./failures.ts";
import { mergeShares } from "./shares.ts";

export interface Tally {
  /** What came over the network for one file, whole or not. */
  readonly moved: (moved: Moved) => void;
  readonly reused: (bytes: number) => void;
  /** A file with other bytes lost its place. */
  readonly replaced: () => void;
  readonly failed: (failure: Failure) => void;
  readonly failures: () => readonly Failure[];
  readonly summary: (models: number, elapsedMs: number) => Summary;
}

/** Starts at nothing. */
export function createTally(): Tally {
  const shares: MirrorShare[] = [];
  const failures: Failure[] = [];
  let [fetchedBytes, wastedBytes, reusedBytes, replacedFiles] = [0, 0, 0, 0];
  return {
    moved: (moved) => {
      shares.push(...moved.shares);
      fetchedBytes += moved.fetchedBytes;
      wastedBytes += moved.wastedBytes;
    },
    reused: (bytes) => {
      reusedBytes += bytes;
    },
    replaced: () => {
      replacedFiles += 1;
    },
    failed: (failure) => {
      failures.push(failure);
    },
    failures: () => failures,
    summary: (models, elapsedMs) => ({
      kind: "summary",
      ok: failures.length === 0,
      models,
      fetchedBytes,
      wastedBytes,
      reusedBytes,
      ...(replacedFiles > 0 && { replacedFiles }),
      elapsedMs,
      mirrors: mergeShares(shares, elapsedMs),
    }),
  };
}
