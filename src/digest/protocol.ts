/** What the main thread and a digest worker say to each other. */

export type ToDigestWorker =
  /** Begin the sha256 of the growing prefix of a file. */
  | { readonly kind: "open"; readonly id: number; readonly path: string }
  /** Everything before `end` is in the file and will not change. */
  | { readonly kind: "advance"; readonly id: number; readonly end: number }
  /** The prefix is the whole file when it reaches `size`: answer with the digest then. */
  | { readonly kind: "finish"; readonly id: number; readonly size: number }
  /** The xxh64 of one range. */
  | { readonly kind: "xxh64"; readonly id: number; readonly path: string; readonly start: number; readonly end: number }
  | { readonly kind: "cancel"; readonly id: number };

export type FromDigestWorker =
  | { readonly kind: "at"; readonly id: number; readonly position: number }
  | { readonly kind: "digest"; readonly id: number; readonly hex: string }
  | { readonly kind: "failed"; readonly id: number; readonly code: string; readonly message: string };
