/** Texts in MP3: user texts (`TXXX`) of an ID3 tag, version 2.3 or 2.4 (id3.org). */
import { decodeLoosely, keep, type Texts, withoutZeros } from "./texts.ts";

const UTF_16_BIG = 2;

/** True for a file that starts with an ID3 tag. */
export function isMp3(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 3) === "ID3";
}

/** Reads the frames of the tag at the start of the file. */
export function readMp3(bytes: Buffer, texts: Texts): void {
  if (bytes.length < 10) return;
  const version = bytes.readUInt8(3);
  const flags = bytes.readUInt8(5);
  const end = Math.min(bytes.length, 10 + sevenBit(bytes, 6));
  let at = 10;
  if ((flags & 0x40) !== 0 && at + 4 <= end) at += version >= 4 ? sevenBit(bytes, at) : 4 + bytes.readUInt32BE(at);
  while (at + 10 <= end && bytes[at] !== 0) {
    const size = version >= 4 ? sevenBit(bytes, at + 4) : bytes.readUInt32BE(at + 4);
    if (bytes.toString("latin1", at, at + 4) === "TXXX") readUserText(bytes.subarray(at + 10, at + 10 + size), texts);
    at += 10 + size;
  }
}

/** Four bytes of seven bits each, so that no length looks like the start of sound. */
function sevenBit(bytes: Buffer, at: number): number {
  return bytes.subarray(at, at + 4).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
}

/** One byte for the encoding, a description, a zero, the value. */
function readUserText(frame: Buffer, texts: Texts): void {
  const encoding = frame[0] ?? 0;
  const text = decodeAs(encoding, frame.subarray(1));
  const zero = text.indexOf("\0");
  if (zero > 0) keep(texts, text.slice(0, zero), withoutZeros(text.slice(zero + 1).replace(/^\ufeff/, "")));
}

function decodeAs(encoding: number, bytes: Buffer): string {
  if (encoding === UTF_16_BIG || (encoding === 1 && bytes[0] === 0xfe))
    return new TextDecoder("utf-16be").decode(bytes);
  return encoding === 1 ? new TextDecoder("utf-16le").decode(bytes) : decodeLoosely(bytes);
}
