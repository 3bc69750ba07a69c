/** Vorbis comments, the texts of FLAC and Ogg: `prompt={…}` (Vorbis I, section 5). */
import { decodeLoosely, keep, type Texts } from "./texts.ts";

/** Reads a comment block that starts with the vendor's name. */
export function readVorbisComments(block: Buffer, texts: Texts): void {
  if (block.length < 8) return;
  let at = 4 + block.readUInt32LE(0);
  if (at + 4 > block.length) return;
  const count = block.readUInt32LE(at);
  at += 4;
  for (let index = 0; index < count && at + 4 <= block.length; index += 1) {
    const length = block.readUInt32LE(at);
    const comment = block.subarray(at + 4, at + 4 + length);
    const equals = comment.indexOf("=");
    if (equals > 0) keep(texts, comment.toString("latin1", 0, equals), decodeLoosely(comment.subarray(equals + 1)));
    at += 4 + length;
  }
}
