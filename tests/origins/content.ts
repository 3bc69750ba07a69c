/** What an origin can serve: bytes in memory, a file, or bytes that are computed when they are asked for. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Sha256 } from "../../src/base/artifact.ts";
import { parseSha256 } from "../../src/base/artifact.ts";

/** Bytes that exist only while they are read; `read` is pure, so a file of any size needs no memory and no disk. */
export interface Generated {
  readonly size: number;
  /** The bytes `start` (included) to `end` (excluded). */
  readonly read: (start: number, end: number) => Uint8Array;
}

interface OnDisk {
  readonly file: string;
}

export type Content = Uint8Array | OnDisk | Generated;

/** Content that is being read. */
export interface Reader {
  readonly size: number;
  /** At most `end - start` bytes from `start`; may use the memory of `into` or not. */
  readonly read: (start: number, end: number, into: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}

const GRAIN = 1024 * 1024;
const nothing = async (): Promise<void> => {};

export function sizeOf(content: Content): number {
  if (content instanceof Uint8Array) return content.length;
  return "file" in content ? statSync(content.file).size : content.size;
}

/** A small part of `content`, at once. */
export function partOf(content: Content, start: number, end: number): Uint8Array {
  if (content instanceof Uint8Array) return content.subarray(start, end);
  if (!("file" in content)) return content.read(start, end);
  const file = openSync(content.file, "r");
  try {
    const into = Buffer.alloc(end - start);
    return into.subarray(0, readSync(file, into, 0, into.length, start));
  } finally {
    closeSync(file);
  }
}

/** Opens content for one reply: a file that is replaced meanwhile is still read as it was. */
export async function openContent(content: Content): Promise<Reader> {
  if (content instanceof Uint8Array) {
    return { size: content.length, read: (start, end) => content.subarray(start, end), close: nothing };
  }
  if (!("file" in content)) return { size: content.size, read: content.read, close: nothing };
  const handle = await open(content.file, "r");
  return {
    size: (await handle.stat()).size,
    read: async (start, end, into) => {
      const wanted = Math.min(end - start, into.length);
      const { bytesRead } = await handle.read(into, 0, wanted, start);
      return into.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

/** Every byte of `content`, in steps of at most 1 MiB; a step is only valid until the next one. */
export async function* stepsOf(content: Content): AsyncGenerator<Uint8Array> {
  const reader = await openContent(content);
  const into = Buffer.allocUnsafe(Math.min(GRAIN, reader.size));
  try {
    for (let at = 0; at < reader.size; ) {
      const step = await reader.read(at, Math.min(at + GRAIN, reader.size), into);
      if (step.length === 0) throw new Error(`content ended at byte ${at} of ${reader.size}`);
      yield step;
      at += step.length;
    }
  } finally {
    await reader.close();
  }
}

/** The sha256 of `content`, read once from end to end. */
export async function sha256Of(content: Content): Promise<Sha256> {
  const hash = createHash("sha256");
  for await (const step of stepsOf(content)) hash.update(step);
  return parseSha256(hash.digest("hex"));
}

/** All of it in memory: for small content. */
export async function bytesOf(content: Content): Promise<Buffer> {
  const whole = Buffer.allocUnsafe(sizeOf(content));
  let at = 0;
  for await (const step of stepsOf(content)) {
    whole.set(step, at);
    at += step.length;
  }
  return whole;
}
