/** Digests computed off the main thread: of whole files, of ranges, and of a file that is still growing. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseSha256, type Sha256 } from "../base/artifact.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import type { ByteRange } from "../base/range.ts";
import { createDigestThreads, type DigestTask, unreadable } from "./digest-threads.ts";

/** The sha256 of a file that grows from its front. */
export interface PrefixDigest {
  /** Says that every byte before `end` is in the file and will not change. */
  readonly advance: (end: number) => void;
  /** Bytes that are in the digest so far. */
  readonly position: () => number;
  /**
   * The digest of the first `size` bytes, once they were all announced.
   * @throws ModelsError `DISK_FAILED`, `INTERRUPTED` after a cancel
   */
  readonly finish: (size: number) => Promise<Sha256>;
  readonly cancel: () => void;
}

export interface DigestOptions {
  readonly signal?: AbortSignal;
  /** Hears how many bytes were read, now and then. */
  readonly onProgress?: (doneBytes: number) => void;
}

export interface Digest {
  /** Starts the first thread before there is work for it. */
  readonly warm: () => void;
  /** The sha256 of a whole file. @throws ModelsError `DISK_FAILED`, or the signal's reason */
  readonly sha256File: (path: string, options?: DigestOptions) => Promise<Sha256>;
  /** The xxh64 (16 hex digits) of a range of a file. @throws ModelsError `DISK_FAILED`, or the signal's reason */
  readonly xxh64Range: (path: string, range: ByteRange, options?: DigestOptions) => Promise<string>;
  readonly sha256Prefix: (path: string) => PrefixDigest;
  /** Ends the threads; digests under way fail with `INTERRUPTED`. */
  readonly close: () => Promise<void>;
}

/** Starts no thread before it is warmed or asked for a digest, and at most one a core (never more than four). */
export function createDigest(): Digest {
  const threads = createDigestThreads(Math.min(4, availableParallelism()));
  const nothing = (): void => {};
  return {
    warm: threads.warm,
    sha256File: async (path, { signal, onProgress = nothing } = {}) => {
      signal?.throwIfAborted();
      const { size } = await stat(path).catch((error: unknown) => {
        throw unreadable(path, reasonOf(error));
      });
      const task = threads.begin(path, onProgress);
      task.post({ kind: "open", id: task.id, path });
      task.post({ kind: "advance", id: task.id, end: size });
      task.post({ kind: "finish", id: task.id, size });
      return parseSha256(await until(task, signal));
    },
    xxh64Range: async (path, { start, end }, { signal, onProgress = nothing } = {}) => {
      const task = threads.begin(path, (position) => onProgress(position - start));
      task.post({ kind: "xxh64", id: task.id, path, start, end });
      return until(task, signal);
    },
    sha256Prefix: (path) => {
      let position = 0;
      let announced = 0;
      const task = threads.begin(path, (now) => {
        position = now;
      });
      task.post({ kind: "open", id: task.id, path });
      return {
        advance: (end) => {
          if (end <= announced) return;
          announced = end;
          task.post({ kind: "advance", id: task.id, end });
        },
        position: () => position,
        finish: async (size) => {
          task.post({ kind: "finish", id: task.id, size });
          return parseSha256(await task.answer);
        },
        cancel: () => task.cancel(new ModelsError("INTERRUPTED", `Cannot digest "${path}": cancelled`)),
      };
    },
    close: threads.close,
  };
}

async function until(task: DigestTask, signal: AbortSignal | undefined): Promise<string> {
  const stop = (): void => task.cancel(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await task.answer;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
