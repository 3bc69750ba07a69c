/** Turns a password into the mask of a secret key, as libsodium does, within bounds that a key file cannot exceed. */
import { scrypt } from "node:crypto";
import { ModelsError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";

/** What a key file says about its password's cost: operations, and bytes of memory. */
export interface Cost {
  readonly operations: number;
  readonly memory: number;
}

/** What minisign writes: libsodium's "sensitive", a second or two and 1 GiB. */
export const SENSITIVE: Cost = { operations: 33_554_432, memory: 1_073_741_824 };

interface Parameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const BLOCK_SIZE = 8;
const MAX_MEMORY = 1_073_741_824;
/** Four times what minisign writes. */
const MAX_OPERATIONS = 4 * 33_554_432;

/**
 * How scrypt is called for a cost, or null when no key that a person made needs so much.
 * Source: `pickparams` in libsodium's crypto_pwhash_scryptsalsa208sha256.
 */
export function scryptParameters({ operations, memory }: Cost): Parameters | null {
  if (!isCount(operations) || !isCount(memory) || memory > MAX_MEMORY) return null;
  const ops = Math.max(operations, 32_768);
  const isShortOfTime = ops < memory / 32;
  const most = isShortOfTime ? ops / (BLOCK_SIZE * 4) : memory / (BLOCK_SIZE * 128);
  let N = 2;
  while (N <= Math.floor(most) / 2) N *= 2;
  const p = isShortOfTime ? 1 : Math.floor(Math.floor(ops / 4 / N) / BLOCK_SIZE);
  return p >= 1 && 4 * N * BLOCK_SIZE * p <= MAX_OPERATIONS ? { N, r: BLOCK_SIZE, p } : null;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/**
 * `length` bytes that only this password gives.
 * @throws ModelsError `KEY_INVALID` when the cost is beyond bounds, or this box lacks the memory
 */
export async function deriveMask(
  password: Secret,
  salt: Uint8Array,
  { cost, length }: { readonly cost: Cost; readonly length: number },
): Promise<Buffer> {
  const parameters = scryptParameters(cost);
  if (parameters === null) {
    const seen = `its password costs ${cost.operations} operations and ${cost.memory} bytes of memory`;
    throw new ModelsError("KEY_INVALID", `Cannot use the secret key: ${seen}, expected at most 1 GiB`, {
      fix: "make a new key with models keys generate",
    });
  }
  // Room for what scrypt needs besides its table.
  const maxmem = 128 * parameters.r * (parameters.N + parameters.p + 2) + 1024 * 1024;
  return await new Promise((resolve, reject) => {
    scrypt(password.reveal(), salt, length, { ...parameters, maxmem }, (error, mask) => {
      if (error === null) return resolve(mask);
      const message = "Cannot use the secret key: its password needs more memory than this box gives";
      reject(new ModelsError("KEY_INVALID", message, { fix: "do it on a box with 2 GB free", cause: error }));
    });
  });
}
