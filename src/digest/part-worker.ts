/** A part worker: reads parts of files into shared memory and digests them, so that each byte is read once. */
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import xxhash, { type XXHashAPI } from "xxhash-wasm";
import { serveThread } from "../base/threads.ts";
import type { ChainAlgorithm, FromPartWorker, ToPartWorker } from "./part-protocol.ts";

/** Small enough that a step stays in the processor's cache while two digests pass over it. */
const STEP_BYTES = 1024 * 1024;

type PartOrder = Extract<ToPartWorker, { kind: "part" }>;

function start({ create64 }: XXHashAPI, post: (answer: FromPartWorker) => void): (message: unknown) => void {
  const files = new Map<string, number>();
  const chains = new Map<number, Hash>();

  const fileAt = (path: string): number => {
    const known = files.get(path);
    if (known !== undefined) return known;
    const opened = openSync(path, "r");
    files.set(path, opened);
    return opened;
  };
  const digest = ({ id, memory, length, file }: PartOrder): FromPartWorker => {
    const bytes = new Uint8Array(memory, 0, length);
    const [md5, xxh64] = [createHash("md5"), create64()];
    for (let at = 0; at < length; at += STEP_BYTES) {
      const step = bytes.subarray(at, Math.min(length, at + STEP_BYTES));
      if (file !== null) fill(fileAt(file.path), step, file.start + at);
      md5.update(step);
      xxh64.update(step);
    }
    return { kind: "part", id, md5: md5.digest("hex"), xxh64: xxh64.digest().toString(16).padStart(16, "0") };
  };
  const chainOf = (id: number, algorithm: ChainAlgorithm = "sha256"): Hash => {
    const known = chains.get(id);
    if (known !== undefined) return known;
    const made = createHash(algorithm);
    chains.set(id, made);
    return made;
  };
  const obey = (order: ToPartWorker): FromPartWorker | null => {
    if (order.kind === "part") return digest(order);
    if (order.kind === "chain") {
      chainOf(order.chain, order.algorithm).update(new Uint8Array(order.memory, 0, order.length));
      return { kind: "chained", id: order.id };
    }
    if (order.kind === "forget") {
      const file = files.get(order.path);
      if (file !== undefined) closeSync(file);
      files.delete(order.path);
      return null;
    }
    const hash = chainOf(order.chain);
    chains.delete(order.chain);
    return order.kind === "end" ? { kind: "digest", id: order.id, hex: hash.digest("hex") } : null;
  };

  return (message) => {
    const order = message as ToPartWorker;
    try {
      const answer = obey(order);
      if (answer !== null) post(answer);
    } catch (error) {
      if ("id" in order) post({ kind: "failed", id: order.id, message: (error as Error).message });
    }
  };
}

function fill(file: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) throw new Error(`the file ended at ${position + done}`);
    done += count;
  }
}

void xxhash().then((made) => serveThread<undefined>((_, post) => start(made, post)));
