/** Texts in FLAC: its Vorbis comment block (RFC 9639). */
import type { Texts } from "./texts.ts";
import { readVorbisComments } from "./vorbis.ts";

const VORBIS_COMMENT = 4;

/** True for a FLAC. */
export function isFlac(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "fLaC";
}

/** Reads the metadata blocks that come before the sound. */
export function readFlac(bytes: Buffer, texts: Texts): void {
  let at = 4;
  let isLast = false;
  while (!isLast && at + 4 <= bytes.length) {
    const header = bytes.readUInt8(at);
    const length = bytes.readUIntBE(at + 1, 3);
    isLast = header >= 0x80;
    if ((header & 0x7f) === VORBIS_COMMENT) readVorbisComments(bytes.subarray(at + 4, at + 4 + length), texts);
    at += 4 + length;
  }
}
