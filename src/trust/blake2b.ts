/** BLAKE2b of any length (RFC 7693): Node itself gives 64 bytes alone, and the checksum in a minisign key has 32. */

const BLOCK = 128;
const MASK = (1n << 64n) - 1n;

/** RFC 7693, 2.6: the same as of SHA-512. */
const IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];

/** RFC 7693, 2.7. */
const SIGMA: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/** Which four words each of the eight mixes of a round takes: columns, then diagonals. */
const MIXES: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

/** The digest of `message` in `bytes` bytes (1 to 64), without a key. Meant for short messages: it takes 0.1 ms a block. */
export function blake2b(message: Uint8Array, bytes: number): Buffer {
  const state = [...IV];
  state[0] = word(state, 0) ^ 0x01010000n ^ BigInt(bytes);
  const blocks = Math.max(1, Math.ceil(message.length / BLOCK));
  for (let index = 0; index < blocks; index += 1) {
    const block = Buffer.alloc(BLOCK);
    block.set(message.subarray(index * BLOCK, (index + 1) * BLOCK));
    const isLast = index === blocks - 1;
    compress(state, block, { counted: isLast ? message.length : (index + 1) * BLOCK, isLast });
  }
  const digest = Buffer.alloc(64);
  for (const [index, value] of state.entries()) digest.writeBigUInt64LE(value, index * 8);
  return digest.subarray(0, bytes);
}

function compress(state: bigint[], block: Buffer, { counted, isLast }: { counted: number; isLast: boolean }): void {
  const v = [...state, ...IV];
  v[12] = word(v, 12) ^ BigInt(counted);
  if (isLast) v[14] = word(v, 14) ^ MASK;
  const message = Array.from({ length: 16 }, (_, index) => block.readBigUInt64LE(index * 8));
  for (let round = 0; round < 12; round += 1) {
    const order = SIGMA[round % 10] ?? [];
    for (const [index, places] of MIXES.entries()) {
      mix(v, places, word(message, order[index * 2] ?? 0), word(message, order[index * 2 + 1] ?? 0));
    }
  }
  for (const index of state.keys()) state[index] = word(state, index) ^ word(v, index) ^ word(v, index + 8);
}

function mix(v: bigint[], [a, b, c, d]: readonly [number, number, number, number], x: bigint, y: bigint): void {
  v[a] = (word(v, a) + word(v, b) + x) & MASK;
  v[d] = rotated(word(v, d) ^ word(v, a), 32n);
  v[c] = (word(v, c) + word(v, d)) & MASK;
  v[b] = rotated(word(v, b) ^ word(v, c), 24n);
  v[a] = (word(v, a) + word(v, b) + y) & MASK;
  v[d] = rotated(word(v, d) ^ word(v, a), 16n);
  v[c] = (word(v, c) + word(v, d)) & MASK;
  v[b] = rotated(word(v, b) ^ word(v, c), 63n);
}

const word = (words: readonly bigint[], index: number): bigint => words[index] ?? 0n;

const rotated = (value: bigint, bits: bigint): bigint => ((value >> bits) | (value << (64n - bits))) & MASK;
