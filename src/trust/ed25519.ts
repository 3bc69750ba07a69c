/** Ed25519 by raw bytes, as minisign keeps keys: 32 of a public key, 32 of the seed of a secret one. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** What RFC 8410 puts before the 32 bytes. */
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const SECRET_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Signs with a key that it does not show. */
export interface Signer {
  /** 32 bytes. */
  readonly publicBytes: Buffer;
  readonly sign: (message: Uint8Array) => Buffer;
}

/** The signer of a seed of 32 bytes. */
export function signerOf(seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([SECRET_PREFIX, seed]), format: "der", type: "pkcs8" });
  const publicBytes = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(PUBLIC_PREFIX.length);
  return { publicBytes, sign: (message) => sign(null, message, key) };
}

/** True when `signature` (64 bytes) is of `message` by the key of these 32 bytes. Never throws because of what they are. */
export function isSignedBy(publicBytes: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(null, message, publicKeyOf(publicBytes), signature);
  } catch {
    return false;
  }
}

function publicKeyOf(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, bytes]), format: "der", type: "spki" });
}
