/** What the main thread and a lane worker say to each other: one range read a slot, positions through shared memory. */
import type { Variable } from "../base/environment.ts";
import type { Endpoint } from "../base/mirror.ts";

/** Why a range ended early. The scheduler has one answer for each. */
export type LaneFailure =
  /** Refused connection, reset, early close, unknown host, TLS. */
  | { readonly kind: "network"; readonly message: string }
  /** 401, 403, 404, 410, 451 or a redirect: a signed link that ran out, or a mirror that no longer gives the file. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** 429, 503 and their kin, with the wait that the headers ask for. */
  | { readonly kind: "busy"; readonly status: number; readonly waitMs: number | null; readonly message: string }
  /** 412, another ETag or another total than at first: the object was replaced. */
  | { readonly kind: "changed"; readonly message: string }
  /** An answer that contradicts the request (wrong range, wrong encoding, surplus bytes). */
  | { readonly kind: "lied"; readonly message: string }
  /** A legal answer that the fast lane does not read (chunked): the general lane may. */
  | { readonly kind: "unusual"; readonly message: string }
  /** Writing to the partial file failed. */
  | { readonly kind: "disk"; readonly code: string; readonly message: string };

/** One range to move from an endpoint into an open file, or into memory. */
export interface RangeRead {
  readonly endpoint: Endpoint;
  /**
   * Descriptor of the partial file; descriptors belong to the process, so every thread can write to it. Or shared memory
   * that is as long as the range.
   */
  readonly file: number | Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Bytes of the whole artifact, which the answer's `Content-Range` must repeat. */
  readonly size: number;
  /** True when the fast lane has met an answer it does not read. */
  readonly isGeneral: boolean;
}

export interface LaneWorkerSettings {
  /** PEM text of certificate authorities to trust beside the system's, or null. */
  readonly extraCa: string | null;
  /** The proxy variables as they stood, for the general lane. */
  readonly proxy: ProxyVariables;
  readonly userAgent: string;
  /** Positions by slot: see {@link createPositions}. */
  readonly positions: SharedArrayBuffer;
}

/** For each scheme the variable that holds for it, and what goes directly. */
export interface ProxyVariables {
  readonly http: Variable | null;
  readonly https: Variable | null;
  readonly none: string | null;
}

export type ToLaneWorker =
  | { readonly kind: "read"; readonly slot: number; readonly read: RangeRead }
  | { readonly kind: "shrink"; readonly slot: number; readonly end: number }
  | { readonly kind: "cancel"; readonly slot: number }
  | { readonly kind: "limit"; readonly bytesPerSecond: number | null }
  | { readonly kind: "spend"; readonly bytes: number };

/** `position` is the end of what is written: everything from the range's start up to it is in the file. */
export type FromLaneWorker =
  | { readonly kind: "done"; readonly slot: number; readonly position: number }
  | { readonly kind: "cancelled"; readonly slot: number; readonly position: number }
  | { readonly kind: "failed"; readonly slot: number; readonly position: number; readonly failure: LaneFailure }
  | { readonly kind: "shrunk"; readonly slot: number; readonly end: number };

export const MAX_SLOTS = 256;

/** Three numbers a slot: the position received so far, the position written so far, and the wait for the first byte. */
export interface Positions {
  readonly buffer: SharedArrayBuffer;
  readonly received: Float64Array;
  readonly written: Float64Array;
  /** Milliseconds from the request to the first byte; 0 before it came. */
  readonly firstByteMs: Float64Array;
}

/** Makes (or maps) the shared positions of all slots. */
export function createPositions(buffer: SharedArrayBuffer = new SharedArrayBuffer(MAX_SLOTS * 24)): Positions {
  return {
    buffer,
    received: new Float64Array(buffer, 0, MAX_SLOTS),
    written: new Float64Array(buffer, MAX_SLOTS * 8, MAX_SLOTS),
    firstByteMs: new Float64Array(buffer, MAX_SLOTS * 16, MAX_SLOTS),
  };
}
