/** Texts in EXIF: `workflow:{…}` and `prompt:{…}` in ASCII fields of a TIFF directory, and user comments (TIFF 6.0, EXIF 2.32). */
import { decodeLoosely, keepKeyed, type Texts, untilZero } from "./texts.ts";

const PREFIX = Buffer.from("Exif\0\0", "latin1");
const ASCII = 2;
const EXIF_DIRECTORY = 0x8769;
const USER_COMMENT = 0x9286;
const MAX_DIRECTORIES = 8;

/** Reads the directories of a TIFF block, with or without `Exif\0\0` before it. */
export function readExif(block: Buffer, texts: Texts): void {
  const tiff = block.subarray(0, PREFIX.length).equals(PREFIX) ? block.subarray(PREFIX.length) : block;
  const order = tiff.toString("latin1", 0, 2);
  if ((order !== "II" && order !== "MM") || tiff.length < 8) return;
  const number = numbersOf(tiff, order === "II");
  const open = [number(4, 4)];
  for (let next = 0; next < open.length && next < MAX_DIRECTORIES; next += 1) {
    open.push(...readDirectory(tiff, open[next] ?? 0, number, texts));
  }
}

type ReadNumber = (at: number, size: 2 | 4) => number;

/** A number outside of the block is zero: such a field is left out. */
function numbersOf(tiff: Buffer, isLittle: boolean): ReadNumber {
  return (at, size) => {
    if (at < 0 || at + size > tiff.length) return 0;
    return isLittle ? tiff.readUIntLE(at, size) : tiff.readUIntBE(at, size);
  };
}

/** Keeps the texts of one directory and gives the places of others. */
function readDirectory(tiff: Buffer, start: number, number: ReadNumber, texts: Texts): readonly number[] {
  if (start < 8) return [];
  const others: number[] = [];
  const count = number(start, 2);
  for (let entry = 0; entry < count; entry += 1) {
    const at = start + 2 + entry * 12;
    if (at + 12 > tiff.length) return others;
    const [tag, type, length] = [number(at, 2), number(at + 2, 2), number(at + 4, 4)];
    const value = length <= 4 ? at + 8 : number(at + 8, 4);
    const field = tiff.subarray(value, value + length);
    if (type === ASCII) keepKeyed(texts, decodeLoosely(untilZero(field)[0]), `exif ${tag}`);
    if (tag === USER_COMMENT) keepKeyed(texts, commentOf(field), "user comment");
    if (tag === EXIF_DIRECTORY) others.push(number(at + 8, 4));
  }
  return [...others, number(start + 2 + count * 12, 4)];
}

/** A user comment starts with eight bytes that name its encoding. */
function commentOf(field: Buffer): string {
  const encoding = field.toString("latin1", 0, 8);
  const text = field.subarray(8);
  if (!encoding.startsWith("UNICODE")) return decodeLoosely(text);
  return new TextDecoder(text[0] === 0 ? "utf-16be" : "utf-16le").decode(text);
}
