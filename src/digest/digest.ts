/** Digests computed off the main thread: of whole files, of ranges, and of a file that is still growing. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseSha256, type Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import type { ByteRange } from "../base/range.ts";
import { startThread, type Thread } from "../base/threads.ts";
import type { FromDigestWorker, ToDigestWorker } from "./protocol.ts";

/** The sha256 of a file that grows from its front. */
export interface PrefixDigest {
  /** Says that every byte before `end` is in the file and will not change. */
  readonly advance: (end: number) => void;
  /** Bytes that are in the digest so far. */
  readonly position: () => number;
  /** The digest of the first `size` bytes, once they were all announced. @throws ModelsError `DISK_FAILED` */
  readonly finish: (size: number) => Promise<Sha256>;
  readonly cancel: () => void;
}

export interface DigestOptions {
  readonly signal?: AbortSignal;
  /** Hears how many bytes were read, now and then. */
  readonly onProgress?: (doneBytes: number) => void;
}

export interface Digest {
  /** The sha256 of a whole file. @throws ModelsError `DISK_FAILED`, or the signal's reason */
  readonly sha256File: (path: string, options?: DigestOptions) => Promise<Sha256>;
  /** The xxh64 (16 hex digits) of a range of a file. @throws ModelsError `DISK_FAILED`, or the signal's reason */
  readonly xxh64Range: (path: string, range: ByteRange, options?: DigestOptions) => Promise<string>;
  readonly sha256Prefix: (path: string) => PrefixDigest;
  readonly close: () => Promise<void>;
}

interface Running {
  readonly path: string;
  readonly answer: Deferred<string>;
  readonly onProgress: (position: number) => void;
}

interface DigestThread {
  readonly thread: Thread;
  readonly running: Map<number, Running>;
}

/** Starts no thread before the first digest, and at most one a core (never more than four). */
export function createDigest(): Digest {
  const most = Math.min(4, availableParallelism());
  const threads: DigestThread[] = [];
  let lastId = 0;

  const begin = (path: string, onProgress: (position: number) => void) => {
    const host = leastBusy(threads, most);
    const id = ++lastId;
    const running: Running = { path, answer: deferred<string>(), onProgress };
    running.answer.promise.catch(() => {});
    host.running.set(id, running);
    host.thread.ref();
    const post = (order: ToDigestWorker): void => host.thread.post(order);
    const cancel = (reason: unknown): void => {
      if (!host.running.delete(id)) return;
      post({ kind: "cancel", id });
      rest(host);
      running.answer.reject(reason);
    };
    return { id, post, cancel, answer: running.answer.promise };
  };
  const until = async (task: ReturnType<typeof begin>, signal: AbortSignal | undefined): Promise<string> => {
    const stop = (): void => task.cancel(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    return task.answer.finally(() => signal?.removeEventListener("abort", stop));
  };

  return {
    sha256File: async (path, options = {}) => {
      const { size } = await stat(path).catch((error) => Promise.reject(unreadable(path, error.message)));
      const task = begin(path, options.onProgress ?? (() => {}));
      task.post({ kind: "open", id: task.id, path });
      task.post({ kind: "advance", id: task.id, end: size });
      task.post({ kind: "finish", id: task.id, size });
      return parseSha256(await until(task, options.signal));
    },
    xxh64Range: (path, range, options = {}) => {
      const task = begin(path, options.onProgress ?? (() => {}));
      task.post({ kind: "xxh64", id: task.id, path, start: range.start, end: range.end });
      return until(task, options.signal);
    },
    sha256Prefix: (path) => {
      let position = 0;
      let announced = 0;
      const task = begin(path, (now) => {
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
    close: async () => {
      await Promise.all(threads.splice(0).map(({ thread }) => thread.stop()));
    },
  };
}

function leastBusy(threads: DigestThread[], most: number): DigestThread {
  const idlest = [...threads].sort((one, other) => one.running.size - other.running.size)[0];
  if (idlest !== undefined && (idlest.running.size === 0 || threads.length >= most)) return idlest;
  const started = startDigestThread();
  threads.push(started);
  return started;
}

function startDigestThread(): DigestThread {
  const thread = startThread("./digest-worker.js", import.meta.url);
  const host: DigestThread = { thread, running: new Map() };
  thread.unref();
  thread.onMessage((message) => hear(host, message as FromDigestWorker));
  thread.onEnd((error) => {
    for (const { path, answer } of host.running.values())
      answer.reject(unreadable(path, error?.message ?? "its worker ended"));
    host.running.clear();
  });
  return host;
}

function hear(host: DigestThread, message: FromDigestWorker): void {
  const task = host.running.get(message.id);
  if (task === undefined) return;
  if (message.kind === "at") return task.onProgress(message.position);
  host.running.delete(message.id);
  rest(host);
  if (message.kind === "digest") task.answer.resolve(message.hex);
  else task.answer.reject(unreadable(task.path, message.message));
}

/** An idle thread does not keep the process alive. */
function rest(host: DigestThread): void {
  if (host.running.size === 0) host.thread.unref();
}

function unreadable(path: string, reason: string): ModelsError {
  return new ModelsError("DISK_FAILED", `Cannot read "${path}" to digest it: ${reason}`);
}
