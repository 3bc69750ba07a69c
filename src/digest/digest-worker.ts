/** A digest worker: takes its tasks in turns of a few MiB, so that a cancel or a new task never waits for a big one. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import xxhash from "xxhash-wasm";
import { serveThread } from "../base/threads.ts";
import type { FromDigestWorker, ToDigestWorker } from "./protocol.ts";

const BLOCK_BYTES = 1024 * 1024;
const BLOCKS_A_TURN = 8;
const TOLD_EVERY_BYTES = 64 * 1024 * 1024;

/** A digest under way over the bytes before `end` of an open file. */
interface Task {
  readonly id: number;
  readonly file: number;
  readonly update: (bytes: Uint8Array) => void;
  readonly hex: () => string;
  position: number;
  end: number;
  size: number | null;
  toldAt: number;
}

const createXxh64 = await xxhash().then((made) => made.create64);

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
  const step = (task: Task): void => {
    for (let blocks = 0; blocks < BLOCKS_A_TURN && task.position < task.end; blocks += 1) {
      const count = readSync(task.file, block, 0, Math.min(BLOCK_BYTES, task.end - task.position), task.position);
      if (count === 0) throw new Error(`the file ended at ${task.position}, expected ${task.end} bytes`);
      task.update(block.subarray(0, count));
      task.position += count;
    }
    if (task.position === task.end || task.position - task.toldAt >= TOLD_EVERY_BYTES) {
      task.toldAt = task.position;
      post({ kind: "at", id: task.id, position: task.position });
    }
    if (task.position !== task.size) return;
    drop(task);
    post({ kind: "digest", id: task.id, hex: task.hex() });
  };
  const turn = (): void => {
    for (const task of [...tasks.values()]) {
      try {
        if (task.position < task.end || task.position === task.size) step(task);
      } catch (error) {
        drop(task);
        fail(task.id, error);
      }
    }
    isTurning = [...tasks.values()].some((task) => task.position < task.end || task.position === task.size);
    if (isTurning) setImmediate(turn);
  };
  const wake = (): void => {
    if (isTurning) return;
    isTurning = true;
    setImmediate(turn);
  };
  const open = (
    order: { id: number; path: string },
    digest: Pick<Task, "update" | "hex">,
    range: { start: number; end: number },
  ): void => {
    try {
      const file = openSync(order.path, "r");
      tasks.set(order.id, {
        ...digest,
        id: order.id,
        file,
        position: range.start,
        toldAt: range.start,
        end: range.end,
        size: null,
      });
    } catch (error) {
      fail(order.id, error);
    }
  };

  return (message) => {
    const order = message as ToDigestWorker;
    if (order.kind === "open") open(order, sha256(), { start: 0, end: 0 });
    if (order.kind === "xxh64") open(order, xxh64(), order);
    const task = tasks.get(order.id);
    if (task === undefined) return;
    if (order.kind === "advance") task.end = Math.max(task.end, order.end);
    if (order.kind === "finish") task.size = order.size;
    if (order.kind === "xxh64") task.size = order.end;
    if (order.kind === "cancel") drop(task);
    wake();
  };
}

function sha256(): Pick<Task, "update" | "hex"> {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}

function xxh64(): Pick<Task, "update" | "hex"> {
  const hash = createXxh64();
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest().toString(16).padStart(16, "0") };
}

serveThread<undefined>((_, post) => start(post));
