/** Changes of bytes that know nothing of their meaning. */
import type { Random } from "./random.ts";
import { BYTES, MARKS, NUMBERS, TEXTS } from "./words.ts";

/** What a change can draw on. */
export interface Material {
  readonly random: Random;
  /** Other inputs. */
  readonly others: readonly Uint8Array[];
  readonly words: readonly string[];
}

export type Change = (bytes: Buffer, material: Material) => Buffer;

/** Longest input that is made. */
export const MAX_INPUT = 1024 * 1024;

const EDGES: readonly bigint[] = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn];
const WIDE: readonly bigint[] = [...EDGES, 1n << 53n, 1n << 60n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];

/** `inserted` in place of `length` bytes at `at`. */
function replaced(bytes: Buffer, at: number, length: number, inserted: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + length)]);
}

const span = (bytes: Buffer, random: Random, most: number): readonly [number, number] => {
  const at = random.below(bytes.length + 1);
  return [at, Math.min(bytes.length - at, random.below(most) + 1)];
};

const flip: Change = (bytes, { random }) => {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const at = random.below(bytes.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
};

const setByte: Change = (bytes, { random }) => {
  const copy = Buffer.from(bytes);
  copy[random.below(bytes.length)] = random.below(256);
  return copy;
};

const remove: Change = (bytes, { random }) => {
  const [at, length] = span(bytes, random, random.once(4) ? bytes.length : 16);
  return replaced(bytes, at, length, Buffer.alloc(0));
};

const truncate: Change = (bytes, { random }) => bytes.subarray(0, random.below(bytes.length + 1));

const double: Change = (bytes, { random }) => {
  const [at, length] = span(bytes, random, random.once(4) ? bytes.length : 64);
  return replaced(bytes, at, 0, bytes.subarray(at, at + length));
};

const move: Change = (bytes, { random }) => {
  const [at, length] = span(bytes, random, 64);
  const part = Buffer.from(bytes.subarray(at, at + length));
  const rest = replaced(bytes, at, length, Buffer.alloc(0));
  return replaced(rest, random.below(rest.length + 1), 0, part);
};

const splice: Change = (bytes, { random, others }) => {
  const other = others.length === 0 ? bytes : Buffer.from(random.pick(others));
  const [at, length] = span(other, random, other.length);
  const [to, over] = span(bytes, random, random.once(2) ? 1 : length);
  return replaced(bytes, to, over - 1, other.subarray(at, at + length));
};

const number: Change = (bytes, { random }) => {
  const width = random.pick([1, 2, 4, 8]);
  const raw = Buffer.alloc(8);
  raw.writeBigUInt64LE(random.pick(width === 8 ? WIDE : EDGES));
  const little = raw.subarray(0, width);
  const at = random.below(bytes.length + 1);
  return replaced(bytes, at, width, random.once(2) ? little : Buffer.from(little).reverse());
};

const word: Change = (bytes, { random, words }) => {
  const list = random.pick([words, words, TEXTS, MARKS, NUMBERS]);
  const text = list.length === 0 ? "" : random.pick(list);
  const at = random.below(bytes.length + 1);
  return replaced(bytes, at, random.once(3) ? random.below(8) : 0, Buffer.from(text));
};

const digits: Change = (bytes, { random }) => {
  const found = [...bytes.toString("latin1").slice(0, 20_000).matchAll(/-?\d+/g)];
  if (found.length === 0) return bytes;
  const one = random.pick(found);
  return replaced(bytes, one.index, one[0].length, Buffer.from(random.pick(NUMBERS)));
};

const oddBytes: Change = (bytes, { random }) => {
  const at = random.once(3) ? 0 : random.below(bytes.length + 1);
  return replaced(bytes, at, 0, random.pick(BYTES));
};

const lineEnds: Change = (bytes) => Buffer.from(bytes.toString("latin1").replace(/\r?\n/g, "\r\n"), "latin1");

const line: Change = (bytes, { random }) => {
  const lines = bytes.toString("latin1").split("\n");
  const [from, to] = [random.below(lines.length), random.below(lines.length)];
  const one = lines[from] ?? "";
  if (random.once(2)) lines.splice(from, 1);
  lines.splice(to, random.below(2), random.once(2) ? one : `${" ".repeat(random.below(9))}${one.trimStart()}`);
  return Buffer.from(lines.join("\n"), "latin1");
};

/** Shows what takes more than its share of time. */
const swell: Change = (bytes, { random }) => {
  const [at, length] = span(bytes, random, random.pick([1, 4, 64, 4096]));
  const part = bytes.subarray(at, at + length);
  const room = Math.max(0, random.pick([4096, 65_536, MAX_INPUT]) - bytes.length);
  if (part.length === 0 || !random.once(8)) return bytes;
  return replaced(bytes, at, 0, Buffer.concat(Array.from({ length: Math.floor(room / part.length) }, () => part)));
};

/** Every change, the gentle ones more than once. */
export const BYTE_CHANGES: readonly Change[] = [
  ...[flip, flip, setByte, remove, double, move, splice, splice, number, number],
  ...[word, word, word, digits, digits, oddBytes, lineEnds, line, line, truncate, swell],
];
