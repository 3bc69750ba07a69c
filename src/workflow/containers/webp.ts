/** Texts in WebP: its `EXIF` chunk (RIFF; RFC 9649). */
import { readExif } from "./exif.ts";
import type { Texts } from "./texts.ts";

/** True for a WebP. */
export function isWebp(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP";
}

/** Reads chunk after chunk; each is padded to an even size. */
export function readWebp(bytes: Buffer, texts: Texts): void {
  let at = 12;
  while (at + 8 <= bytes.length) {
    const length = bytes.readUInt32LE(at + 4);
    if (bytes.toString("latin1", at, at + 4) === "EXIF") readExif(bytes.subarray(at + 8, at + 8 + length), texts);
    at += 8 + length + (length % 2);
  }
}
