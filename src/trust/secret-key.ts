/** How a secret key is spelled: minisign's own format, with a password or without one. */
import { randomBytes } from "node:crypto";
import { ModelsError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import { formatArmor, readArmor } from "./armor.ts";
import { blake2b } from "./blake2b.ts";
import { signerOf } from "./ed25519.ts";
import { idBytes, idOf, KEY_ALGORITHM, type PublicKey } from "./public-key.ts";
import { type Cost, deriveMask, SENSITIVE } from "./scrypt.ts";

/** A key that signs. It has no property that holds the secret, so that nothing can print it. */
export interface SecretKey {
  readonly publicKey: PublicKey;
  /** The Ed25519 signature of `message`, 64 bytes. */
  readonly sign: (message: Uint8Array) => Buffer;
  /** The text of its file; null for the password leaves it readable to everybody who has the file. */
  readonly format: (password: Secret | null, cost?: Cost) => Promise<string>;
}

// Offsets of the fields: algorithm, key derivation, checksum's algorithm, salt, operations, memory, then what is masked.
const SALT = 6;
const OPERATIONS = 38;
const MEMORY = 46;
const MASKED = 54;
const LENGTH = 158;
// Offsets in the masked part: id, seed, public key, checksum.
const SEED = 8;
const CHECKSUM = 72;
const SCRYPT = Buffer.from("Sc");
const BLAKE2B = Buffer.from("B2");

/** A new key. */
export function generateSecretKey(): SecretKey {
  return secretKeyOf(randomBytes(32), idOf(randomBytes(8)));
}

/** The key of a seed of 32 bytes. */
export function secretKeyOf(seed: Uint8Array, id: string): SecretKey {
  const { publicBytes, sign } = signerOf(seed);
  const open = Buffer.concat([idBytes(id), seed, publicBytes]);
  return {
    publicKey: { id, bytes: publicBytes },
    sign,
    format: async (password, cost = SENSITIVE) => {
      const bytes = password === null ? plainFile(open) : await maskedFile(open, password, cost);
      return formatArmor({ comment: "minisign encrypted secret key", bytes, trusted: null });
    },
  };
}

/**
 * Reads a secret key; `password` is asked for only when the key has one.
 * @param file how a problem names it: never its content
 * @throws ModelsError `KEY_INVALID`
 */
export async function parseSecretKey(text: string, file: string, password: Secret | null): Promise<SecretKey> {
  const bytes = fileBytes(text, file);
  const isMasked = bytes.subarray(2, 4).equals(SCRYPT);
  const open = isMasked ? await unmasked(bytes, file, password) : bytes.subarray(MASKED);
  const key = secretKeyOf(open.subarray(SEED, SEED + 32), idOf(open.subarray(0, SEED)));
  const isWhole = open.subarray(SEED + 32, CHECKSUM).equals(key.publicKey.bytes);
  if (isWhole && isChecked(open, isMasked)) return key;
  const seen = isMasked ? "the password is wrong, or the file is damaged" : "the file is damaged";
  throw keyError(file, `${seen}, expected a whole key`, isMasked ? "check the password" : "take it from a backup");
}

/** True when the file of a secret key needs a password. @throws ModelsError `KEY_INVALID` */
export function hasPassword(text: string, file: string): boolean {
  return fileBytes(text, file).subarray(2, 4).equals(SCRYPT);
}

function fileBytes(text: string, file: string): Buffer {
  const armor = readArmor(text);
  const bytes = armor?.trusted === null ? armor.bytes : Buffer.alloc(0);
  const kdf = bytes.subarray(2, 4);
  const isKnown = kdf.equals(SCRYPT) || kdf.equals(Buffer.alloc(2));
  const isKey = bytes.length === LENGTH && bytes.subarray(0, 2).equals(KEY_ALGORITHM);
  if (isKey && isKnown && bytes.subarray(4, 6).equals(BLAKE2B)) return bytes;
  throw keyError(file, "it is no minisign secret key", "give the file that models keys generate or minisign -G wrote");
}

async function unmasked(bytes: Buffer, file: string, password: Secret | null): Promise<Buffer> {
  if (password === null) {
    const fix = "put the password into a variable and name it with --password-env (MODELS_KEY_PASSWORD unless said)";
    throw keyError(file, "it has a password, and none is given", fix);
  }
  const [operations, memory] = [bytes.readBigUInt64LE(OPERATIONS), bytes.readBigUInt64LE(MEMORY)];
  const cost = { operations: Number(operations), memory: Number(memory) };
  const masked = bytes.subarray(MASKED);
  return xor(masked, await deriveMask(password, bytes.subarray(SALT, OPERATIONS), { cost, length: masked.length }));
}

/** minisign 0.11 leaves the checksum of a key without a password empty, others fill it. */
function isChecked(open: Buffer, isMasked: boolean): boolean {
  const seen = open.subarray(CHECKSUM);
  return seen.equals(checksum(open)) || (!isMasked && seen.equals(Buffer.alloc(32)));
}

/** Over the algorithm, the id, the seed and the public key. */
function checksum(open: Buffer): Buffer {
  return blake2b(Buffer.concat([KEY_ALGORITHM, open.subarray(0, CHECKSUM)]), 32);
}

function plainFile(open: Buffer): Buffer {
  return Buffer.concat([KEY_ALGORITHM, Buffer.alloc(2), BLAKE2B, Buffer.alloc(MASKED - SALT), open, checksum(open)]);
}

async function maskedFile(open: Buffer, password: Secret, cost: Cost): Promise<Buffer> {
  const limits = Buffer.alloc(16);
  limits.writeBigUInt64LE(BigInt(cost.operations), 0);
  limits.writeBigUInt64LE(BigInt(cost.memory), 8);
  const salt = randomBytes(OPERATIONS - SALT);
  const whole = Buffer.concat([open, checksum(open)]);
  const masked = xor(whole, await deriveMask(password, salt, { cost, length: whole.length }));
  return Buffer.concat([KEY_ALGORITHM, SCRYPT, BLAKE2B, salt, limits, masked]);
}

function xor(bytes: Buffer, mask: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte ^ (mask[index] ?? 0)));
}

function keyError(file: string, seen: string, fix: string): ModelsError {
  return new ModelsError("KEY_INVALID", `Cannot use secret key "${file}": ${seen}`, { fix });
}
