/** Digests of the parts of an upload, off the main thread: md5 and xxh64 of each, sha256 of all in their order. */
import { availableParallelism } from "node:os";
import { ModelsError } from "../base/errors.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import { startThread, type Thread } from "../base/threads.ts";
import type { ChainAlgorithm, FromPartWorker, ToPartWorker } from "./part-protocol.ts";

/** Bytes that every thread sees; made by {@link createPartMemory}. */
export interface PartMemory {
  readonly shared: SharedArrayBuffer;
  /** All of it. */
  readonly bytes: Uint8Array;
}

export interface PartFigures {
  /** Hex, as an ETag has it. */
  readonly md5: string;
  /** 16 hex digits, as a piece table has it. */
  readonly xxh64: string;
}

/** One digest that grows part by part. */
export interface DigestChain {
  /** Adds the first `length` bytes; the memory may be used again once this resolves. Calls count in their order. */
  readonly add: (memory: PartMemory, length: number) => Promise<void>;
  /** In hex. */
  readonly finish: () => Promise<string>;
  readonly cancel: () => void;
}

export interface PartDigest {
  /**
   * Figures of the first `length` bytes of `memory`, read from `file` first when one is given.
   * @throws ModelsError `DISK_FAILED`
   */
  readonly digest: (
    memory: PartMemory,
    length: number,
    file: { readonly path: string; readonly start: number } | null,
  ) => Promise<PartFigures>;
  /** @param algorithm default "sha256" */
  readonly chain: (algorithm?: ChainAlgorithm) => DigestChain;
  /** Closes `path`, if parts were read from it. */
  readonly forget: (path: string) => void;
  readonly close: () => Promise<void>;
}

/** Memory for one part. */
export function createPartMemory(bytes: number): PartMemory {
  const shared = new SharedArrayBuffer(bytes);
  return { shared, bytes: new Uint8Array(shared) };
}

interface PartThread {
  readonly thread: Thread;
  readonly running: Map<number, { readonly answer: Deferred<FromPartWorker>; readonly subject: string }>;
}

/** Starts no thread before the first digest, and at most one a core (never more than four). */
export function createPartDigest(): PartDigest {
  const most = Math.min(4, availableParallelism());
  const threads: PartThread[] = [];
  let lastId = 0;

  const leastBusy = (): PartThread => {
    const idlest = [...threads].sort((one, other) => one.running.size - other.running.size)[0];
    if (idlest !== undefined && (idlest.running.size === 0 || threads.length >= most)) return idlest;
    const started = startPartThread();
    threads.push(started);
    return started;
  };
  const ask = async (host: PartThread, order: ToPartWorker & { id: number }, subject: string) => {
    const answer = deferred<FromPartWorker>();
    host.running.set(order.id, { answer, subject });
    host.thread.ref();
    host.thread.post(order);
    return await answer.promise;
  };

  return {
    digest: async (memory, length, file) => {
      lastId += 1;
      const order = { kind: "part", id: lastId, memory: memory.shared, length, file } as const;
      const answer = await ask(leastBusy(), order, file?.path ?? "a part");
      if (answer.kind === "part") return { md5: answer.md5, xxh64: answer.xxh64 };
      throw new TypeError(`a part worker answered ${answer.kind}`);
    },
    chain: (algorithm = "sha256") => {
      lastId += 1;
      const chain = lastId;
      const host = leastBusy();
      return {
        add: async ({ shared }, length) => {
          lastId += 1;
          await ask(host, { kind: "chain", id: lastId, chain, algorithm, memory: shared, length }, "a part");
        },
        finish: async () => {
          lastId += 1;
          const answer = await ask(host, { kind: "end", id: lastId, chain }, "a part");
          if (answer.kind === "digest") return answer.hex;
          throw new TypeError(`a part worker answered ${answer.kind}`);
        },
        cancel: () => host.thread.post({ kind: "drop", chain } satisfies ToPartWorker),
      };
    },
    forget: (path) => {
      for (const { thread } of threads) thread.post({ kind: "forget", path } satisfies ToPartWorker);
    },
    close: async () => {
      await Promise.all(threads.splice(0).map(({ thread }) => thread.stop()));
    },
  };
}

function startPartThread(): PartThread {
  const host: PartThread = { thread: startThread("./part-worker.js", import.meta.url), running: new Map() };
  host.thread.unref();
  host.thread.onMessage((message) => hear(host, message as FromPartWorker));
  host.thread.onEnd((error) => {
    for (const { answer, subject } of host.running.values()) {
      answer.reject(unreadable(subject, error?.message ?? "its worker ended"));
    }
    host.running.clear();
  });
  return host;
}

function hear(host: PartThread, message: FromPartWorker): void {
  const running = host.running.get(message.id);
  host.running.delete(message.id);
  // An idle thread does not keep the process alive.
  if (host.running.size === 0) host.thread.unref();
  if (message.kind === "failed") running?.answer.reject(unreadable(running.subject, message.message));
  else running?.answer.resolve(message);
}

function unreadable(subject: string, reason: string): ModelsError {
  return new ModelsError("DISK_FAILED", `Cannot read "${subject}" to digest it: ${reason}`);
}
