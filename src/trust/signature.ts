/** A minisign signature: how it is spelled, made, and held against what it signs. */
import { createHash } from "node:crypto";
import { ModelsError } from "../base/errors.ts";
import { formatArmor, readArmor } from "./armor.ts";
import { isSignedBy } from "./ed25519.ts";
import { idBytes, idOf, type PublicKey } from "./public-key.ts";
import type { SecretKey } from "./secret-key.ts";

/** What the two letters mean: `ED` signs the BLAKE2b-512 of the content, `Ed` (before minisign 0.10) the content itself. */
export type SignatureAlgorithm = "ED" | "Ed";

export interface Signature {
  readonly algorithm: SignatureAlgorithm;
  /** Of the key that it says it is by: nothing proves that but {@link checkSignature}. */
  readonly keyId: string;
  /** 64 bytes. */
  readonly bytes: Uint8Array;
  /** Covered by `commentBytes`. */
  readonly comment: string;
  /** The signature, 64 bytes, of `bytes` and `comment`. */
  readonly commentBytes: Uint8Array;
}

/** Beside each file: `<file>.minisig`. */
export const SIGNATURE_SUFFIX = ".minisig";

const LENGTH = 2 + 8 + 64;

/**
 * Reads a signature file.
 * @param file how a problem names it
 * @throws ModelsError `SIGNATURE_INVALID`
 */
export function parseSignature(text: string, file: string): Signature {
  const armor = readArmor(text);
  const algorithm = armor?.bytes.subarray(0, 2).toString("latin1");
  const isRight = armor?.bytes.length === LENGTH && (algorithm === "ED" || algorithm === "Ed");
  if (armor?.trusted?.bytes.length === 64 && isRight) {
    const { bytes, trusted } = armor;
    const [keyId, signed] = [idOf(bytes.subarray(2, 10)), bytes.subarray(10)];
    return { algorithm, keyId, bytes: signed, comment: trusted.comment, commentBytes: trusted.bytes };
  }
  throw new ModelsError("SIGNATURE_INVALID", `Cannot read signature "${file}": it is no minisign signature`, {
    fix: "sign the file again with models sign",
  });
}

/** The text of a signature file. */
export function formatSignature({ algorithm, keyId, bytes, comment, commentBytes }: Signature): string {
  return formatArmor({
    comment: `signature by key ${keyId}`,
    bytes: Buffer.concat([Buffer.from(algorithm), idBytes(keyId), bytes]),
    trusted: { comment, bytes: Buffer.from(commentBytes) },
  });
}

/** Signs `content`, prehashed, with a comment of one line that cannot be changed either. */
export function signContent(content: Uint8Array, comment: string, key: SecretKey): Signature {
  const bytes = key.sign(blake2b512(content));
  const commentBytes = key.sign(commentMessage(bytes, comment));
  return { algorithm: "ED", keyId: key.publicKey.id, bytes, comment, commentBytes };
}

/** What is wrong with a signature by `key`: `content` is another, or the trusted `comment` is; null when both hold. */
export function checkSignature(
  signature: Signature,
  content: Uint8Array,
  key: PublicKey,
): "content" | "comment" | null {
  const message = signature.algorithm === "ED" ? blake2b512(content) : content;
  if (!isSignedBy(key.bytes, message, signature.bytes)) return "content";
  return isCommentGenuine(signature, key) ? null : "comment";
}

/** True when `key` made the trusted comment, whatever it signed with it. */
export function isCommentGenuine({ bytes, comment, commentBytes }: Signature, key: PublicKey): boolean {
  return isSignedBy(key.bytes, commentMessage(bytes, comment), commentBytes);
}

function commentMessage(bytes: Uint8Array, comment: string): Buffer {
  return Buffer.concat([bytes, Buffer.from(comment)]);
}

function blake2b512(content: Uint8Array): Buffer {
  return createHash("blake2b512").update(content).digest();
}
