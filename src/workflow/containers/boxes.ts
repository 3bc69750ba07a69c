/** The boxes that MP4, QuickTime and AVIF are made of (ISO/IEC 14496-12). */

export interface Box {
  readonly type: string;
  readonly body: Buffer;
}

/** The boxes in `bytes`, one after the other, up to the first that cannot be one. */
export function boxesIn(bytes: Buffer): readonly Box[] {
  const boxes: Box[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const small = bytes.readUInt32BE(at);
    const isLarge = small === 1 && at + 16 <= bytes.length;
    const head = isLarge ? 16 : 8;
    const size = isLarge ? Number(bytes.readBigUInt64BE(at + 8)) : small === 0 ? bytes.length - at : small;
    if (size < head) break;
    boxes.push({ type: bytes.toString("latin1", at + 4, at + 8), body: bytes.subarray(at + head, at + size) });
    at += size;
  }
  return boxes;
}

/** Bodies of the boxes of one type. */
export function bodiesOf(boxes: readonly Box[], type: string): readonly Buffer[] {
  return boxes.filter((box) => box.type === type).map((box) => box.body);
}

/** The boxes in a `meta` box, which has four bytes before them in MP4 and none in QuickTime. */
export function boxesInMeta(meta: Buffer): readonly Box[] {
  const isPlain = meta.toString("latin1", 4, 8) === "hdlr";
  return boxesIn(isPlain ? meta : meta.subarray(4));
}

/** True for a file that starts with a `ftyp` box. */
export function isBoxed(bytes: Buffer): boolean {
  return bytes.toString("latin1", 4, 8) === "ftyp";
}
