/** Texts in MP4, MOV and M4V: metadata items by key (`mdta`), and the comment that other writers use. */
import { type Box, bodiesOf, boxesIn, boxesInMeta } from "./boxes.ts";
import { decodeLoosely, keep, keepKeyed, type Texts } from "./texts.ts";

/** Bytes before the text in a `data` box: its type and its language. */
const DATA_HEAD = 8;

/** Reads the metadata of the film, wherever in `moov` it lies. */
export function readMp4(bytes: Buffer, texts: Texts): void {
  for (const moov of bodiesOf(boxesIn(bytes), "moov")) {
    const film = boxesIn(moov);
    const places = [film, ...bodiesOf(film, "udta").map(boxesIn)];
    for (const meta of places.flatMap((place) => bodiesOf(place, "meta"))) readMeta(boxesInMeta(meta), texts);
  }
}

function readMeta(boxes: readonly Box[], texts: Texts): void {
  const keys = bodiesOf(boxes, "keys").flatMap(keysIn);
  for (const item of bodiesOf(boxes, "ilst").flatMap(boxesIn)) {
    const [data] = bodiesOf(boxesIn(item.body), "data");
    if (data === undefined) continue;
    const text = decodeLoosely(data.subarray(DATA_HEAD));
    const key = keys[Buffer.from(item.type, "latin1").readUInt32BE(0) - 1];
    if (key === undefined) keepKeyed(texts, text, item.type === "\u00a9cmt" ? "comment" : item.type);
    else keep(texts, key, text);
  }
}

/** Items name their key by its place in this list, counted from 1. */
function keysIn(body: Buffer): readonly string[] {
  const keys: string[] = [];
  let at = 8;
  while (at + 8 <= body.length) {
    const size = body.readUInt32BE(at);
    if (size < 8) break;
    keys.push(decodeLoosely(body.subarray(at + 8, at + size)));
    at += size;
  }
  return keys;
}
