/** What the main thread and a part worker say to each other. Memory is shared, so that no byte is copied between them. */

/** What a chain computes. */
export type ChainAlgorithm = "sha256" | "md5";

export type ToPartWorker =
  /** md5 and xxh64 of the first `length` bytes of `memory`, which are read from `file` first unless it is null. */
  | {
      readonly kind: "part";
      readonly id: number;
      readonly memory: SharedArrayBuffer;
      readonly length: number;
      readonly file: { readonly path: string; readonly start: number } | null;
    }
  /** The next bytes of the digest called `chain`. */
  | {
      readonly kind: "chain";
      readonly id: number;
      readonly chain: number;
      readonly algorithm: ChainAlgorithm;
      readonly memory: SharedArrayBuffer;
      readonly length: number;
    }
  /** The end of a chain: answer with the digest. */
  | { readonly kind: "end"; readonly id: number; readonly chain: number }
  | { readonly kind: "drop"; readonly chain: number }
  /** No part of this file will be asked for again. */
  | { readonly kind: "forget"; readonly path: string };

export type FromPartWorker =
  | { readonly kind: "part"; readonly id: number; readonly md5: string; readonly xxh64: string }
  | { readonly kind: "chained"; readonly id: number }
  | { readonly kind: "digest"; readonly id: number; readonly hex: string }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };
