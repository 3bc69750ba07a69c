/** Anything that happens. The terminal, plain lines, `--json` and the report page are views of these. */
import type { Sha256 } from "./artifact.ts";
import type { ErrorCode } from "./errors.ts";

/** What will be done about one model. */
export type PlanAction = "present" | "reuse" | "resume" | "fetch" | "link" | "send";

/** Another file that stands in a model's place. */
export interface Replaced {
  /** Its bytes. */
  readonly size: number;
  /** As a check says it; of an `unverified` one nothing is known: read and found right, it stays. */
  readonly status: "wrong-size" | "corrupt" | "unverified";
}

export interface PlanLine {
  readonly model: string;
  readonly path: string;
  /** Null when neither the manifest nor a mirror has said. */
  readonly size: number | null;
  readonly action: PlanAction;
  /** Bytes that must come over the network (null with an unknown size). */
  readonly fetchBytes: number | null;
  /** Source URIs (to fetch) or local paths (to reuse), best first. */
  readonly from: readonly string[];
  /** What loses its place to the model; absent where nothing stands there. */
  readonly replaces?: Replaced;
}

/** What a mirror did wrong. */
export interface MirrorError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** How one mirror served one file, or the whole run. */
export interface MirrorShare {
  readonly label: string;
  readonly bytes: number;
  /** Over the time in which this mirror had a lane open. */
  readonly bytesPerSecond: number;
  readonly errors: number;
  /** The latest of its errors; absent where there is none. */
  readonly lastError?: MirrorError;
}

export interface FileProgress {
  readonly model: string;
  readonly doneBytes: number;
  readonly size: number;
  readonly bytesPerSecond: number;
  /** Who carries it now, fastest first. */
  readonly mirrors: readonly string[];
}

export interface Summary {
  readonly kind: "summary";
  readonly ok: boolean;
  /** How many models were selected. */
  readonly models: number;
  /** Bytes that came over the network as file content. */
  readonly fetchedBytes: number;
  /** The part of them that was thrown away or fetched twice. */
  readonly wastedBytes: number;
  /** Bytes that were linked or copied from files already on this box. */
  readonly reusedBytes: number;
  /** Files with other bytes that lost their places to models; absent where none did. */
  readonly replacedFiles?: number;
  /** Bytes that went to a bucket; absent where nothing was to be sent. */
  readonly sentBytes?: number;
  readonly elapsedMs: number;
  readonly mirrors: readonly MirrorShare[];
}

/** A key, and the documents of this run that it signed. */
export interface SignerEntry {
  /** As the config calls the key. */
  readonly signer: string;
  /** 16 hex digits, as minisign prints it. */
  readonly key: string;
  readonly files: readonly {
    readonly file: string;
    readonly kind: "manifest" | "kit" | "lockfile" | "pieces" | "key";
    readonly name: string;
    readonly version: number;
  }[];
}

export type EventBody =
  | {
      readonly kind: "plan";
      readonly root: string;
      readonly lines: readonly PlanLine[];
      readonly fetchBytes: number;
      readonly reuseBytes: number;
      readonly freeBytes: number;
      /** Bytes that must go to the bucket that `root` then names; absent where nothing is to be sent. */
      readonly sendBytes?: number;
    }
  | ({ readonly kind: "trusted" } & SignerEntry)
  | { readonly kind: "mirror-found"; readonly model: string; readonly mirror: string; readonly source: string }
  | {
      readonly kind: "mirror-dropped";
      readonly model: string;
      readonly mirror: string;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | {
      readonly kind: "file-started";
      readonly model: string;
      readonly path: string;
      readonly size: number;
      readonly resumedBytes: number;
    }
  | { readonly kind: "progress"; readonly files: readonly FileProgress[]; readonly bytesPerSecond: number }
  | { readonly kind: "file-verifying"; readonly model: string; readonly doneBytes: number; readonly size: number }
  | {
      readonly kind: "file-finished";
      readonly model: string;
      readonly path: string;
      readonly size: number;
      readonly sha256: Sha256;
      readonly how: "fetched" | "reused" | "linked" | "present" | "sent";
      readonly mirrors: readonly MirrorShare[];
    }
  /** A file with other bytes lost its place to the model. */
  | ({ readonly kind: "replaced"; readonly model: string; readonly path: string } & Replaced)
  | {
      readonly kind: "file-failed";
      readonly model: string;
      readonly path: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly fix?: string;
    }
  | {
      readonly kind: "waiting";
      readonly model: string | null;
      readonly on: "lock" | "rate-limit";
      readonly message: string;
      readonly untilMs: number | null;
    }
  | { readonly kind: "warning"; readonly code: ErrorCode; readonly message: string; readonly fix?: string }
  | Summary;

/** An event with the wall time at which it happened, in milliseconds since 1970. */
export type Event = EventBody & { readonly time: number };

/** Where events go. */
export type Report = (event: EventBody) => void;
