/** New keys that old ones vouch for: a public key file with a signature beside it, by a key that is trusted already. */
import type { Clock } from "../base/clock.ts";
import { isModelsError } from "../base/errors.ts";
import { examine, type SignedDocument } from "./examine.ts";
import type { Keyring, TrustedKey } from "./keyring.ts";
import { documentName, printedPlace, signaturePlace } from "./places.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";

interface RotationPorts {
  readonly clock: Pick<Clock, "now">;
  readonly readText: (place: string) => Promise<string | null>;
}

/** A key that nobody has vouched for yet. */
interface Candidate {
  readonly document: SignedDocument;
  readonly publicKey: PublicKey;
  readonly signature: string | null;
}

/**
 * `keyring` with every key at `places` that a key in it signed, or one that was added so. A place with nothing yet is fine:
 * it is where the next key will be. A new key may do what the one that signed it may, and no more.
 * @throws ModelsError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED`, `KEY_INVALID`
 */
export async function addRotated(keyring: Keyring, places: readonly string[], ports: RotationPorts): Promise<Keyring> {
  const found = await Promise.all(places.map((place) => readCandidate(place, ports)));
  const now = ports.clock.now();
  let ring = keyring;
  let open = found.filter((one) => one !== null);
  // Each round adds what the keys so far vouch for, in whatever order the places are named.
  for (let before = -1; before !== ring.length; ) {
    before = ring.length;
    const still: Candidate[] = [];
    for (const candidate of open) {
      const added = isIn(ring, candidate.publicKey) ? [] : vouchedKey(candidate, ring, now);
      if (added === null) still.push(candidate);
      else ring = [...ring, ...added];
    }
    open = still;
  }
  for (const { document, signature } of open) examine(document, signature, { keyring: ring, now });
  return ring;
}

async function readCandidate(place: string, { readText }: RotationPorts): Promise<Candidate | null> {
  const text = await readText(place);
  if (text === null) return null;
  const file = printedPlace(place);
  const document = { kind: "key" as const, name: documentName(place), file, content: Buffer.from(text) };
  return { document, publicKey: parsePublicKey(text, file), signature: await readText(signaturePlace(place)) };
}

/** What the config says of a key itself, such as that it is revoked, is the last word on it. */
function isIn(ring: Keyring, key: PublicKey): boolean {
  return ring.some(({ publicKey }) => publicKey.id === key.id);
}

/** The key as a good key of `ring` vouches for it; null when none does so far. */
function vouchedKey(
  { document, publicKey, signature }: Candidate,
  keyring: Keyring,
  now: number,
): readonly TrustedKey[] | null {
  try {
    const { signer } = examine(document, signature, { keyring, now });
    const { kits, paths } = signer;
    return [{ name: document.name, publicKey, kits, paths, notAfter: null, isRevoked: false, vouchedBy: signer }];
  } catch (error) {
    if (isModelsError(error, "SIGNATURE_UNTRUSTED")) return null;
    throw error;
  }
}
