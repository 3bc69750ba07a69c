/** Texts in Ogg: the comment packet of Vorbis or Opus, put together from its pages (RFC 3533, RFC 7845). */
import type { Texts } from "./texts.ts";
import { readVorbisComments } from "./vorbis.ts";

const HEADS = [Buffer.from("\x03vorbis", "latin1"), Buffer.from("OpusTags", "latin1")];
/** The comments are the second packet; more are read for files with several streams. */
const MAX_PACKETS = 16;

/** True for an Ogg. */
export function isOgg(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, 4) === "OggS";
}

/** Reads the first packets of the file. */
export function readOgg(bytes: Buffer, texts: Texts): void {
  const open = new Map<number, Buffer[]>();
  let packets = 0;
  let at = 0;
  while (at + 27 <= bytes.length && bytes.toString("latin1", at, at + 4) === "OggS" && packets < MAX_PACKETS) {
    const stream = bytes.readUInt32LE(at + 14);
    const count = bytes.readUInt8(at + 26);
    let data = at + 27 + count;
    for (const size of bytes.subarray(at + 27, data)) {
      const parts = open.get(stream) ?? [];
      parts.push(bytes.subarray(data, data + size));
      data += size;
      open.set(stream, size === 255 ? parts : []);
      if (size === 255) continue;
      readPacket(Buffer.concat(parts), texts);
      packets += 1;
      if (packets >= MAX_PACKETS) return;
    }
    at = data;
  }
}

function readPacket(packet: Buffer, texts: Texts): void {
  const head = HEADS.find((one) => packet.subarray(0, one.length).equals(one));
  if (head !== undefined) readVorbisComments(packet.subarray(head.length), texts);
}
