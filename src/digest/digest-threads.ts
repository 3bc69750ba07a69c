/** The digest threads: started when there is work for them, each task answered once, whatever becomes of its thread. */
import { ModelsError } from "../base/errors.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import { startThread, type Thread } from "../base/threads.ts";
import type { FromDigestWorker, ToDigestWorker } from "./protocol.ts";

/** A digest under way. */
export interface DigestTask {
  readonly id: number;
  readonly post: (order: ToDigestWorker) => void;
  /** The digest, in hex. @throws ModelsError `DISK_FAILED`, or the reason it was cancelled for */
  readonly answer: Promise<string>;
  readonly cancel: (reason: unknown) => void;
}

export interface DigestThreads {
  /** Starts the first thread before there is work for it. */
  readonly warm: () => void;
  /** @throws ModelsError `INTERRUPTED` after the close */
  readonly begin: (path: string, onProgress: (position: number) => void) => DigestTask;
  readonly close: () => Promise<void>;
}

interface Running {
  readonly path: string;
  readonly answer: Deferred<string>;
  readonly onProgress: (position: number) => void;
}

interface Host {
  readonly thread: Thread;
  readonly running: Map<number, Running>;
}

/** At most `most` threads, each started when all others are busy. */
export function createDigestThreads(most: number, start: () => Thread = startDigestThread): DigestThreads {
  const hosts: Host[] = [];
  let lastId = 0;
  let isClosed = false;

  const startHost = (): Host => {
    const thread = start();
    const host: Host = { thread, running: new Map() };
    hosts.push(host);
    thread.onMessage((message) => hear(host, message as FromDigestWorker));
    thread.onEnd((error) => {
      const at = hosts.indexOf(host);
      if (at >= 0) hosts.splice(at, 1);
      for (const { path, answer } of host.running.values()) answer.reject(ended(path, isClosed, error));
      host.running.clear();
    });
    return host;
  };
  const hostForNext = (): Host => {
    const idlest = [...hosts].sort((one, other) => one.running.size - other.running.size)[0];
    return idlest !== undefined && (idlest.running.size === 0 || hosts.length >= most) ? idlest : startHost();
  };
  return {
    warm: () => {
      if (hosts.length === 0 && !isClosed) rest(startHost());
    },
    begin: (path, onProgress) => {
      if (isClosed) throw ended(path, true, null);
      const host = hostForNext();
      const id = ++lastId;
      const answer = deferred<string>();
      // Whoever begins a task may give it up before it asks for the answer.
      answer.promise.catch(() => {});
      host.running.set(id, { path, answer, onProgress });
      host.thread.ref();
      return {
        id,
        answer: answer.promise,
        post: (order) => {
          if (host.running.has(id)) host.thread.post(order);
        },
        cancel: (reason) => {
          if (!host.running.delete(id)) return;
          host.thread.post({ kind: "cancel", id } satisfies ToDigestWorker);
          rest(host);
          answer.reject(reason);
        },
      };
    },
    close: async () => {
      isClosed = true;
      await Promise.all(hosts.map(({ thread }) => thread.stop()));
    },
  };
}

const startDigestThread = (): Thread => startThread("./digest-worker.js", import.meta.url);

function hear(host: Host, message: FromDigestWorker): void {
  const task = host.running.get(message.id);
  if (task === undefined) return;
  if (message.kind === "at") return task.onProgress(message.position);
  host.running.delete(message.id);
  rest(host);
  if (message.kind === "digest") task.answer.resolve(message.hex);
  else task.answer.reject(unreadable(task.path, message.message));
}

/** An idle thread does not keep the process alive. */
function rest(host: Host): void {
  if (host.running.size === 0) host.thread.unref();
}

function ended(path: string, isClosed: boolean, error: Error | null): ModelsError {
  if (isClosed) return new ModelsError("INTERRUPTED", `Cannot digest "${path}": the digest threads are closed`);
  return unreadable(path, `its worker ended${error === null ? "" : ` (${error.message})`}`);
}

/** The error for a file that could not be read. */
export function unreadable(path: string, reason: string): ModelsError {
  return new ModelsError("DISK_FAILED", `Cannot read "${path}" to digest it: ${reason}`);
}
