/** Texts in AVIF and HEIF: the EXIF item that the `meta` box points to (ISO/IEC 23008-12). */
import { type Box, bodiesOf, boxesIn, boxesInMeta } from "./boxes.ts";
import { readExif } from "./exif.ts";
import type { Texts } from "./texts.ts";

/** Reads every item of the type `Exif`. */
export function readAvif(bytes: Buffer, texts: Texts): void {
  for (const meta of bodiesOf(boxesIn(bytes), "meta")) {
    const boxes = boxesInMeta(meta);
    const wanted = new Set(bodiesOf(boxes, "iinf").flatMap(exifItems));
    for (const { item, start, length } of bodiesOf(boxes, "iloc").flatMap(placesIn)) {
      if (!wanted.has(item)) continue;
      const block = bytes.subarray(start, start + length);
      // The first four bytes say how far behind them the TIFF block starts.
      if (block.length > 4) readExif(block.subarray(4 + block.readUInt32BE(0)), texts);
    }
  }
}

/** Ids of the items that hold EXIF. */
function exifItems(body: Buffer): readonly number[] {
  const isShort = body[0] === 0;
  return boxesIn(body.subarray(isShort ? 6 : 8)).flatMap((box: Box) => {
    if (box.type !== "infe" || box.body.length < 12) return [];
    const isWide = (box.body[0] ?? 0) >= 3;
    const id = isWide ? box.body.readUInt32BE(4) : box.body.readUInt16BE(4);
    const at = isWide ? 10 : 8;
    return box.body.toString("latin1", at, at + 4) === "Exif" ? [id] : [];
  });
}

interface Place {
  readonly item: number;
  readonly start: number;
  readonly length: number;
}

/** Where the first extent of each item lies in the file; items in other places are left out. */
function placesIn(body: Buffer): readonly Place[] {
  const places: Place[] = [];
  const version = body[0] ?? 0;
  const sizes = body.readUInt16BE(4);
  const [offsetSize, lengthSize, baseSize, indexSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15, sizes & 15];
  let at = 6;
  const take = (size: number): number => {
    const value = size === 0 ? 0 : size > 6 ? Number(body.readBigUInt64BE(at)) : body.readUIntBE(at, size);
    at += size;
    return value;
  };
  const idSize = version < 2 ? 2 : 4;
  for (let left = take(idSize); left > 0; left -= 1) {
    const item = take(idSize);
    const method = version > 0 ? take(2) & 15 : 0;
    take(2);
    const base = take(baseSize);
    const extents = take(2);
    for (let extent = 0; extent < extents; extent += 1) {
      if (version > 0) take(indexSize);
      const start = base + take(offsetSize);
      const length = take(lengthSize);
      if (extent === 0 && method === 0) places.push({ item, start, length });
    }
  }
  return places;
}
