/** How a public key is spelled, and what people call it. */
import { ModelsError } from "../base/errors.ts";
import { formatArmor, readArmor } from "./armor.ts";

/** A minisign public key. */
export interface PublicKey {
  /** 16 upper-case hex digits, as minisign prints it. */
  readonly id: string;
  /** The 32 bytes of Ed25519. */
  readonly bytes: Uint8Array;
}

/** The letters before key material: Ed25519. */
export const KEY_ALGORITHM: Buffer = Buffer.from("Ed");

const LENGTH = 2 + 8 + 32;

/**
 * Reads a public key: the file that minisign writes, or its line of base64 alone (`RW…`).
 * @param file how a problem names it
 * @throws ModelsError `KEY_INVALID`
 */
export function parsePublicKey(text: string, file: string): PublicKey {
  const armor = readArmor(text);
  const isKey = armor?.trusted === null && armor.bytes.length === LENGTH && startsLikeKey(armor.bytes);
  if (armor !== null && isKey) return { id: idOf(armor.bytes.subarray(2, 10)), bytes: armor.bytes.subarray(10) };
  throw new ModelsError("KEY_INVALID", `Cannot use key "${file}": it is no minisign public key`, {
    fix: "give the file that models keys or minisign wrote (its second line starts with RW), not the secret one",
  });
}

/** The line of base64 that stands in a config. */
export function formatPublicKey({ id, bytes }: PublicKey): string {
  return Buffer.concat([KEY_ALGORITHM, idBytes(id), bytes]).toString("base64");
}

/** The file that minisign takes with `-p`. */
export function formatPublicKeyFile(key: PublicKey): string {
  const bytes = Buffer.concat([KEY_ALGORITHM, idBytes(key.id), key.bytes]);
  return formatArmor({ comment: `minisign public key ${key.id}`, bytes, trusted: null });
}

/** Eight bytes as minisign prints them: a number, its lowest byte first. */
export function idOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).reverse().toString("hex").toUpperCase();
}

/** The eight bytes of an id. */
export function idBytes(id: string): Buffer {
  return Buffer.from(id, "hex").reverse();
}

const startsLikeKey = (bytes: Buffer): boolean => bytes.subarray(0, 2).equals(KEY_ALGORITHM);
