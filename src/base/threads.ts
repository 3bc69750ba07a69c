/** The only file that starts worker threads. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

export interface Thread {
  readonly post: (message: unknown, transfer?: readonly ArrayBuffer[]) => void;
  readonly onMessage: (listen: (message: unknown) => void) => void;
  /** Called at most once, with the error that ended the thread or null when it simply ended. */
  readonly onEnd: (listen: (error: Error | null) => void) => void;
  /** A thread that is unreferenced does not keep the process alive. */
  readonly unref: () => void;
  readonly ref: () => void;
  /** The part of the time since the last call in which it was at work, from 0 to 1. */
  readonly load: () => number;
  readonly stop: () => Promise<void>;
}

/** Starts the compiled worker `name` (such as `./hash-worker.js`), a neighbour of the module at `importMetaUrl`. */
export function startThread(name: string, importMetaUrl: string, initial?: unknown): Thread {
  const worker = new Worker(compiled(new URL(name, importMetaUrl)), { workerData: initial, execArgv: [] });
  let seen = worker.performance.eventLoopUtilization();
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as ArrayBuffer[]),
    onMessage: (listen) => {
      worker.on("message", listen);
    },
    onEnd: (listen) => {
      let isTold = false;
      const tell = (error: Error | null): void => {
        if (!isTold) listen(error);
        isTold = true;
      };
      worker.on("error", tell);
      worker.on("exit", () => tell(null));
    },
    unref: () => worker.unref(),
    ref: () => worker.ref(),
    load: () => {
      const before = seen;
      seen = worker.performance.eventLoopUtilization();
      return worker.performance.eventLoopUtilization(seen, before).utilization;
    },
    stop: async () => {
      await worker.terminate();
    },
  };
}

/** Inside a worker: `start` gets the initial value and a way to answer, and returns what hears each message. */
export function serveThread<T>(
  start: (initial: T, post: (answer: unknown) => void) => (message: unknown) => void,
): void {
  const port = parentPort;
  if (isMainThread || port === null) throw new Error("serveThread() runs inside a worker only");
  port.on(
    "message",
    start(workerData as T, (answer) => port.postMessage(answer)),
  );
}

/** Run from TypeScript source, the worker is still the compiled file: Node 20 cannot load a `.ts`. */
function compiled(url: URL): URL {
  const path = url.pathname.replace(/\/src\/(?=[^/]+\/[^/]+\.js$)/, "/dist/");
  return new URL(path, url);
}
