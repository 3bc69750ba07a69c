/** The rules of a GGUF header: magic, version, and every count and length held against the size of the file. Pure. */
import { bad, type HeaderVerdict } from "./header.ts";

const FIXED_BYTES = 24;
const MAX_NESTING = 8;
const MAX_DIMENSIONS = 8;
const MAX_ALIGNMENT = 1 << 20;
/** Bytes of each value type by number (`gguf_metadata_value_type`); 8 is a string, 9 an array. */
const VALUE_BYTES: readonly (number | null)[] = [1, 1, 2, 2, 4, 4, 4, 1, null, null, 8, 8, 8];
const STRING = 8;
const ARRAY = 9;
const UINT32 = 4;

/** How a read that cannot go on ends; thrown inside this file only. */
class Stop extends Error {
  readonly verdict: HeaderVerdict;

  constructor(verdict: HeaderVerdict) {
    super();
    this.verdict = verdict;
  }
}

/**
 * Reads the header of a GGUF file (version 2 or 3, little-endian) of `size` bytes from its first bytes.
 * Counts and lengths that cannot fit into the file are refused before anything is done as often as they say.
 */
export function readGgufHeader(bytes: Uint8Array, size: number): HeaderVerdict {
  try {
    return readHeader(createCursor(bytes, size), size);
  } catch (error) {
    if (error instanceof Stop) return error.verdict;
    throw error;
  }
}

function readHeader(cursor: Cursor, size: number): HeaderVerdict {
  if (cursor.u32("its magic") !== 0x46554747) return bad('does not begin with "GGUF"');
  const version = cursor.u32("its version");
  if (version !== 2 && version !== 3) return bad(`is GGUF version ${version}, expected 2 or 3 (little-endian)`);
  const tensors = cursor.count("tensors", 24);
  const pairs = cursor.count("metadata values", 13);
  let alignment = 32;
  for (let index = 0; index < pairs; index += 1) {
    const key = cursor.text("a metadata key");
    const type = cursor.u32("a metadata type");
    if (key === "general.alignment" && type === UINT32) alignment = cursor.u32("general.alignment");
    else skipValue(cursor, type, 0);
  }
  if (alignment < 1 || alignment > MAX_ALIGNMENT || alignment % 8 !== 0) return bad(`has the alignment ${alignment}`);
  let furthest = 0n;
  for (let index = 0; index < tensors; index += 1) {
    const offset = readTensor(cursor);
    if (offset % BigInt(alignment) !== 0n) return bad(`has a tensor at ${offset}, which its alignment does not allow`);
    if (offset > furthest) furthest = offset;
  }
  const dataStart = Math.ceil(cursor.at() / alignment) * alignment;
  if (BigInt(dataStart) + furthest > BigInt(size)) {
    return bad(`has a tensor at ${BigInt(dataStart) + furthest}, the file has ${size} bytes`);
  }
  return { kind: "ok", headerBytes: cursor.at() };
}

function readTensor(cursor: Cursor): bigint {
  cursor.text("a tensor's name");
  const dimensions = cursor.u32("a tensor's dimensions");
  if (dimensions > MAX_DIMENSIONS) throw new Stop(bad(`has a tensor of ${dimensions} dimensions`));
  cursor.skip(dimensions * 8 + 4, "a tensor's shape");
  return cursor.u64("a tensor's offset");
}

function skipValue(cursor: Cursor, type: number, depth: number): void {
  if (type === STRING) {
    cursor.text("a metadata text");
    return;
  }
  if (type !== ARRAY) {
    cursor.skip(bytesOfType(type), "a metadata value");
    return;
  }
  if (depth >= MAX_NESTING) throw new Stop(bad(`has metadata lists nested more than ${MAX_NESTING} deep`));
  const of = cursor.u32("a list's type");
  const fixed = of === STRING || of === ARRAY ? null : bytesOfType(of);
  const length = cursor.count("list items", fixed ?? (of === STRING ? 8 : 12));
  if (fixed !== null) cursor.skip(fixed * length, "a metadata list");
  else for (let index = 0; index < length; index += 1) skipValue(cursor, of, depth + 1);
}

function bytesOfType(type: number): number {
  const bytes = VALUE_BYTES[type];
  if (bytes === undefined || bytes === null) throw new Stop(bad(`has a metadata value of the unknown type ${type}`));
  return bytes;
}

interface Cursor {
  readonly at: () => number;
  readonly u32: (what: string) => number;
  readonly u64: (what: string) => bigint;
  /** A count of things that take at least `each` bytes, which must fit into the rest of the file. */
  readonly count: (what: string, each: number) => number;
  readonly text: (what: string) => string;
  readonly skip: (bytes: number, what: string) => void;
}

function createCursor(bytes: Uint8Array, size: number): Cursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let position = 0;
  const advance = (length: number, what: string): number => {
    if (length > size - position) {
      throw new Stop(bad(`ends inside ${what}: ${length} bytes at ${position}, the file has ${size}`));
    }
    const needBytes = position + length;
    if (needBytes > bytes.length) throw new Stop({ kind: "more", needBytes: Math.max(needBytes, FIXED_BYTES) });
    position = needBytes;
    return needBytes - length;
  };
  const u64 = (what: string): bigint => view.getBigUint64(advance(8, what), true);
  const count = (what: string, each: number): number => {
    const value = u64(`the number of ${what}`);
    if (value * BigInt(each) > BigInt(size - position)) {
      throw new Stop(bad(`says that it has ${value} ${what}, the file has ${size} bytes`));
    }
    return Number(value);
  };
  return {
    at: () => position,
    u32: (what) => view.getUint32(advance(4, what), true),
    u64,
    count,
    text: (what) => {
      const length = count(`bytes of ${what}`, 1);
      const start = advance(length, what);
      return length > 256 ? "" : Buffer.from(bytes.subarray(start, start + length)).toString("utf8");
    },
    skip: (length, what) => {
      advance(length, what);
    },
  };
}
