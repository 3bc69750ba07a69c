/** What a sync is given to work with, and what it answers. */
import type { Clock } from "../base/clock.ts";
import type { ModelsError } from "../base/errors.ts";
import type { Event, Report, Summary } from "../base/events.ts";
import type { Mirror } from "../base/mirror.ts";
import type { Lock } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import type { PieceTable } from "../catalog/pieces.ts";
import type { SmallReadsSettings } from "../net/small-reads.ts";
import type { Direct } from "../sources/index.ts";
import type { LateMirrors } from "../sources/late-mirror.ts";
import type { Transfer } from "../transfer/transfer.ts";
import type { Tree } from "../tree/tree.ts";
import type { ChangeLock } from "./change-lock.ts";
import type { PicklePolicy } from "./pickles.ts";
import type { SyncPlan } from "./plan-sync.ts";

/** Makes sources concrete; `createSources` fits. */
export interface MirrorFinder {
  /** Every mirror that has the file now, probed, with figures that fit `wanted`. */
  readonly mirrorsOf: (
    wanted: Pick<Model, "name" | "path" | "size" | "sha256" | "sources"> & { readonly allowPickle: boolean },
    options: {
      readonly signal: AbortSignal;
      readonly onDropped: (source: string, label: string, error: ModelsError) => void;
      readonly late?: LateMirrors;
    },
  ) => Promise<readonly Mirror[]>;
}

/** How small files may be asked for at their addresses, in a thread of its own. */
export interface Directly {
  readonly reads: SmallReadsSettings;
  /** The one address of a model, or null for one that has to be asked for as any other. */
  readonly addressOf: (wanted: Parameters<MirrorFinder["mirrorsOf"]>[0]) => Promise<Direct | null>;
}

/** The outside world for one run, opened only when a model has to be asked for. */
export interface Network extends MirrorFinder {
  /** Null where each request has to wait for a limit of the rate. */
  readonly directly: () => Promise<Directly | null>;
  /** Loaded when the first byte has to move. */
  readonly transfer: () => Promise<Pick<Transfer, "fetch">>;
  /** The piece table at a URI or path. */
  readonly readPieces: (place: string, signal: AbortSignal) => Promise<PieceTable>;
  readonly close: () => Promise<void>;
}

export interface SyncPorts {
  readonly tree: Tree;
  /** Whatever the network has to tell goes to `report`. */
  readonly openNetwork: (report: Report) => Promise<Network>;
  readonly readLock: (path: string) => Promise<Lock | null>;
  readonly changeLock: ChangeLock;
  /** Removes what killed processes left beside the lockfile. */
  readonly sweepLock: (path: string) => Promise<void>;
  readonly clock: Clock;
}

export interface SyncSettings {
  /** Path of the lockfile. */
  readonly lockfile: string;
  /** Folders whose files may be reused. */
  readonly adopt: readonly string[];
  /** The Hub's own cache, or null to leave it alone. */
  readonly hubCache: string | null;
  /** How many files are fetched at a time. */
  readonly files: number;
  /** Bytes of disk that must stay free. */
  readonly reserveBytes: number;
  readonly allowPickle: PicklePolicy;
  readonly trustFirstUse: boolean;
  /** Whether the lockfile is a signed document: then it is obeyed, and never written on the way. @default false */
  readonly isSigned?: boolean;
}

export interface SyncOptions {
  /** Makes the plan and stops. @default false */
  readonly isDryRun?: boolean;
  /** Uses only what is on this box; what is missing is an `OFFLINE` error. @default false */
  readonly isOffline?: boolean;
  /** Only what the lockfile pins, byte for byte. @default false */
  readonly isFrozen?: boolean;
  /** Waits for files that another process is fetching; else `LOCKED`. @default true */
  readonly wait?: boolean;
  /** Fetches ahead: whatever else these models bring at the same time goes first. @default false */
  readonly isPrefetch?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Event) => void;
}

export interface SyncResult {
  readonly plan: SyncPlan;
  readonly summary: Summary;
}
