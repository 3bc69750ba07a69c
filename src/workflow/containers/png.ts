/** Texts in PNG: `tEXt`, `zTXt` and `iTXt` chunks, and `comf`, which ComfyUI puts into animated ones (RFC 2083; W3C PNG 3). */
import { inflateSync } from "node:zlib";
import { decodeLoosely, keep, nameOf, roomIn, type Texts, untilZero } from "./texts.ts";

const KINDS: readonly string[] = ["tEXt", "zTXt", "iTXt", "comf"];
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** True for a PNG. */
export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, 8).equals(SIGNATURE);
}

/** Reads chunk after chunk to the end of the picture. */
export function readPng(bytes: Buffer, texts: Texts): void {
  let at = SIGNATURE.length;
  while (at + 8 <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (type === "IEND" || at + 8 + length > bytes.length) return;
    readChunk(type, bytes.subarray(at + 8, at + 8 + length), texts);
    at += length + 12;
  }
}

function readChunk(type: string, chunk: Buffer, texts: Texts): void {
  if (!KINDS.includes(type)) return;
  const [bytes, next] = untilZero(chunk);
  const key = bytes.toString("latin1");
  // Of two texts the first counts: the second need not be opened to be left out.
  const room = texts.has(nameOf(key)) ? 0 : roomIn(texts);
  const text = room === 0 ? null : textOf(type, chunk.subarray(next), room);
  if (text !== null) keep(texts, key, text);
}

/** @param room bytes that it may grow to */
function textOf(type: string, rest: Buffer, room: number): string | null {
  switch (type) {
    case "tEXt":
    case "comf":
      return decodeLoosely(rest);
    case "zTXt":
      return inflated(rest.subarray(1), room);
    case "iTXt": {
      const [, translated] = untilZero(rest, 2);
      const [, start] = untilZero(rest, translated);
      const text = rest.subarray(start);
      return rest[0] === 1 ? inflated(text, room) : decodeLoosely(text);
    }
    default:
      return null;
  }
}

function inflated(bytes: Buffer, room: number): string | null {
  try {
    return decodeLoosely(inflateSync(bytes, { maxOutputLength: room }));
  } catch {
    return null;
  }
}
