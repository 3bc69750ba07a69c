/** A digest worker: takes its tasks in turns of a few MiB, so that a cancel or a new task never waits for a big one. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { lazy } from "../base/flow.ts";
import { serveThread } from "../base/threads.ts";
import type { FromDigestWorker, ToDigestWorker } from "./protocol.ts";

const BLOCK_BYTES = 1024 * 1024;
const BLOCKS_A_TURN = 8;
const TOLD_EVERY_BYTES = 64 * 1024 * 1024;

interface Hash {
  readonly update: (bytes: Uint8Array) => void;
  readonly hex: () => string;
}

/** A digest under way over the bytes before `end` of an open file. */
interface Task {
  readonly id: number;
  readonly file: number;
  /** Null until it can begin. */
  hash: Hash | null;
  position: number;
  end: number;
  size: number | null;
  toldAt: number;
}

// To load and compile it takes 20 ms, and 250 on a busy box: a sha256 does not wait for that.
const xxh64 = lazy(async () => {
  const { default: xxhash } = await import("xxhash-wasm");
  const { create64 } = await xxhash();
  return create64;
});

function start(post: (answer: FromDigestWorker) => void): (message: unknown) => void {
  const tasks = new Map<number, Task>();
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let isTurning = false;

  const drop = (task: Task): void => {
    tasks.delete(task.id);
    closeSync(task.file);
  };
  const fail = (id: number, error: unknown): void => {
    const { code, message } = error as NodeJS.ErrnoException;
    post({ kind: "failed", id, code: code ?? "EIO", message });
  };
  const step = (task: Task, hash: Hash): void => {
    for (let blocks = 0; blocks < BLOCKS_A_TURN && task.position < task.end; blocks += 1) {
      const count = readSync(task.file, block, 0, Math.min(BLOCK_BYTES, task.end - task.position), task.position);
      if (count === 0) throw new Error(`the file ended at ${task.position}, expected ${task.end} bytes`);
      hash.update(block.subarray(0, count));
      task.position += count;
    }
    if (task.position === task.end || task.position - task.toldAt >= TOLD_EVERY_BYTES) {
      task.toldAt = task.position;
      post({ kind: "at", id: task.id, position: task.position });
    }
    if (task.position !== task.size) return;
    drop(task);
    post({ kind: "digest", id: task.id, hex: hash.hex() });
  };
  const turn = (): void => {
    for (const task of [...tasks.values()]) {
      try {
        if (task.hash !== null && hasWork(task)) step(task, task.hash);
      } catch (error) {
        drop(task);
        fail(task.id, error);
      }
    }
    isTurning = [...tasks.values()].some((task) => task.hash !== null && hasWork(task));
    if (isTurning) setImmediate(turn);
  };
  const wake = (): void => {
    if (isTurning) return;
    isTurning = true;
    setImmediate(turn);
  };
  const open = (
    order: { readonly id: number; readonly path: string },
    hash: Hash | null,
    { start, end }: { readonly start: number; readonly end: number },
  ): void => {
    try {
      const file = openSync(order.path, "r");
      tasks.set(order.id, { id: order.id, file, hash, position: start, toldAt: start, end, size: null });
    } catch (error) {
      fail(order.id, error);
    }
  };
  const begin = async (id: number): Promise<void> => {
    const hash = (await xxh64())();
    const task = tasks.get(id);
    if (task === undefined) return;
    task.hash = {
      update: (bytes) => void hash.update(bytes),
      hex: () => hash.digest().toString(16).padStart(16, "0"),
    };
    wake();
  };

  return (message) => {
    const order = message as ToDigestWorker;
    if (order.kind === "open") open(order, sha256(), { start: 0, end: 0 });
    if (order.kind === "xxh64") {
      open(order, null, order);
      void begin(order.id);
    }
    const task = tasks.get(order.id);
    if (task === undefined) return;
    if (order.kind === "advance") task.end = Math.max(task.end, order.end);
    if (order.kind === "finish") task.size = order.size;
    if (order.kind === "xxh64") task.size = order.end;
    if (order.kind === "cancel") drop(task);
    wake();
  };
}

function hasWork({ position, end, size }: Task): boolean {
  return position < end || position === size;
}

function sha256(): Hash {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}

serveThread<undefined>((_, post) => start(post));
