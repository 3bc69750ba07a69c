/** Texts in WebM and Matroska: simple tags (EBML, RFC 8794; Matroska, RFC 9559). */
import { decodeLoosely, keep, keepKeyed, type Texts, withoutZeros } from "./texts.ts";

const EBML = 0x1a45dfa3;
const TAG_NAME = 0x45a3;
const TAG_STRING = 0x4487;
/** Segment, Tags, Tag and SimpleTag: their parts are read one after the other, as if they lay on one level. */
const OPENED: ReadonlySet<number> = new Set([0x18538067, 0x1254c367, 0x7373, 0x67c8]);

/** True for a WebM or another Matroska file. */
export function isWebm(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === EBML;
}

/** Reads element after element; what holds no tags is stepped over, unless it does not say where it ends. */
export function readWebm(bytes: Buffer, texts: Texts): void {
  let name = "";
  let at = 0;
  while (at < bytes.length) {
    const id = readNumber(bytes, at, false);
    const size = id === null ? null : readNumber(bytes, at + id.length, true);
    if (id === null || size === null) return;
    const start = at + id.length + size.length;
    const isEndless = size.value === 2 ** (7 * size.length) - 1;
    at = OPENED.has(id.value) || isEndless ? start : start + size.value;
    if (id.value === TAG_NAME) name = withoutZeros(decodeLoosely(bytes.subarray(start, at)));
    if (id.value === TAG_STRING) keepTag(texts, name, withoutZeros(decodeLoosely(bytes.subarray(start, at))));
  }
}

function keepTag(texts: Texts, name: string, text: string): void {
  if (name === "") keepKeyed(texts, text, "comment");
  else keep(texts, name, text);
}

/** A number whose first byte says by its leading zeros how many bytes it has; ids keep that mark, sizes do not. */
function readNumber(
  bytes: Buffer,
  at: number,
  isSize: boolean,
): { readonly value: number; readonly length: number } | null {
  const first = bytes[at];
  if (first === undefined || first === 0) return null;
  const length = Math.clz32(first) - 23;
  if (at + length > bytes.length) return null;
  let value = isSize ? first & (0xff >> length) : first;
  for (let index = 1; index < length; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return { value, length };
}
