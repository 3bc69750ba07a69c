/** Lets in what a trusted key signed: fetches signatures, follows rotations of keys, refuses what is older than before. */
import type { Clock } from "../base/clock.ts";
import type { TrustPolicy } from "../settings.ts";
import type { DocumentKind } from "./binding.ts";
import { assertCovers, type Contents, examine, type Proof } from "./examine.ts";
import { createKeyring, type Keyring } from "./keyring.ts";
import { documentName, printedPlace, signaturePlace } from "./places.ts";
import { addRotated } from "./rotation.ts";
import { refuseRollback, rememberVersions, type SeenVersions } from "./seen-versions.ts";

/** A document, where it was found. */
export interface Found {
  readonly kind: DocumentKind;
  /** A path or a URL. */
  readonly place: string;
  readonly content: Uint8Array;
}

/** Leave to read on in a document. */
export interface Grant {
  /** Refuses contents that the signer has no right to sign. @throws ModelsError `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED` */
  readonly assertCovers: (contents: Contents) => void;
}

export interface GuardPorts {
  readonly clock: Pick<Clock, "now">;
  /** The text at a path or URL, null when nothing is there. */
  readonly readText: (place: string) => Promise<string | null>;
  readonly readSeen: () => Promise<SeenVersions>;
  readonly writeSeen: (seen: SeenVersions) => Promise<void>;
}

export interface Guard {
  /**
   * Proves a document before anything in it is believed.
   * @throws ModelsError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED`, `ROLLBACK_REFUSED`
   */
  readonly admit: (found: Found) => Promise<Grant>;
  /** Everything that was let in so far. */
  readonly proofs: () => readonly Proof[];
  /** Makes the versions that were let in the oldest that will be. */
  readonly remember: () => Promise<void>;
  /** The keys of the config and those that they vouch for. */
  readonly keyring: () => Promise<Keyring>;
}

/** Reads nothing before the first document. */
export function createGuard(policy: TrustPolicy, ports: GuardPorts, options: { readonly mayLower: boolean }): Guard {
  const proofs: Proof[] = [];
  let ring: Promise<Keyring> | null = null;
  const keyring = (): Promise<Keyring> => {
    ring ??= addRotated(createKeyring(policy.keys), policy.rotations, ports);
    return ring;
  };
  return {
    admit: async ({ kind, place, content }) => {
      const document = { kind, name: documentName(place), file: printedPlace(place), content };
      const [keys, signature] = await Promise.all([keyring(), ports.readText(signaturePlace(place))]);
      const proof = examine(document, signature, { keyring: keys, now: ports.clock.now() });
      if (!options.mayLower) refuseRollback(proof, await ports.readSeen());
      proofs.push(proof);
      return { assertCovers: (contents) => assertCovers(proof, contents) };
    },
    proofs: () => proofs,
    remember: async () => {
      const seen = await ports.readSeen();
      await ports.writeSeen(rememberVersions(seen, proofs, options));
    },
    keyring,
  };
}
