/** Texts in JPEG: EXIF in an APP1 segment, and comments (ITU T.81). */
import { readExif } from "./exif.ts";
import { decodeLoosely, keepKeyed, type Texts } from "./texts.ts";

const APP1 = 0xe1;
const COMMENT = 0xfe;
const START_OF_SCAN = 0xda;

/** True for a JPEG. */
export function isJpeg(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Reads segment after segment up to the picture itself. */
export function readJpeg(bytes: Buffer, texts: Texts): void {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = bytes.readUInt16BE(at + 2);
    if (marker === START_OF_SCAN || length < 2) return;
    const segment = bytes.subarray(at + 4, at + 2 + length);
    if (marker === APP1 && segment.toString("latin1", 0, 4) === "Exif") readExif(segment, texts);
    if (marker === COMMENT) keepKeyed(texts, decodeLoosely(segment), "comment");
    at += 2 + length;
  }
}
