/** Remembers the highest version of each document that was accepted, so that nobody can bring back an older one. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { isCount } from "../base/bytes.ts";
import { ModelsError } from "../base/errors.ts";
import type { DocumentKind } from "./binding.ts";
import { type Proof, refusal } from "./examine.ts";
import { keyTitle } from "./keyring.ts";

/** What was seen of one document. */
export interface SeenVersion {
  readonly version: number;
  readonly sha256: Sha256;
}

/** By `kind name`, wherever it came from: a mirror that is new must not be able to serve what is old. */
export type SeenVersions = ReadonlyMap<string, SeenVersion>;

/** The highest version of nothing. */
export const nothingSeen: SeenVersions = new Map();

/**
 * Refuses what is older than what was seen, and another text of the same version.
 * @throws ModelsError `ROLLBACK_REFUSED`
 */
export function refuseRollback(proof: Proof, seen: SeenVersions): void {
  const known = isVersioned(proof.kind) ? seen.get(keyOf(proof)) : undefined;
  if (known === undefined || proof.version > known.version) return;
  const isSame = proof.version === known.version && proof.sha256 === known.sha256;
  if (isSame) return;
  const what = `version ${proof.version}, signed by ${keyTitle(proof.signer)},`;
  const against = proof.version === known.version ? "has other bytes than when it was first seen" : "is older than";
  const newest = proof.version === known.version ? "" : ` version ${known.version}, which was accepted before`;
  const fix = "fetch the newest one; if you go back on purpose, run it once with --allow-downgrade";
  throw refusal("ROLLBACK_REFUSED", proof, `${what} ${against}${newest}`, fix);
}

/** `seen` with the versions of `proofs`: the higher one, or, where a person allowed it, the lower one. */
export function rememberVersions(
  seen: SeenVersions,
  proofs: readonly Proof[],
  { mayLower }: { readonly mayLower: boolean },
): SeenVersions {
  const all = new Map(seen);
  for (const proof of proofs.filter(({ kind }) => isVersioned(kind))) {
    const known = all.get(keyOf(proof));
    const { version, sha256 } = proof;
    if (known === undefined || version > known.version || mayLower) all.set(keyOf(proof), { version, sha256 });
  }
  return all;
}

/** A piece table is bound to its artifact by its digest, and a key to its name: neither can be out of date. */
function isVersioned(kind: DocumentKind): boolean {
  return kind !== "pieces" && kind !== "key";
}

const keyOf = ({ kind, name }: Proof): string => `${kind} ${name}`;

/** The text of the file that remembers. Equal memories give equal texts. */
export function formatSeen(seen: SeenVersions): string {
  const entries = [...seen].sort(([one], [other]) => (one < other ? -1 : 1));
  const documents = entries.map(([document, { version, sha256 }]) => ({ document, version, sha256 }));
  return `${JSON.stringify({ version: 1, documents }, null, 1)}\n`;
}

/**
 * Reads what {@link formatSeen} wrote.
 * @throws ModelsError `ROLLBACK_REFUSED`: what cannot be read could have forbidden anything
 */
export function parseSeen(text: string, file: string): SeenVersions {
  const documents = readDocuments(text);
  if (documents?.every(isEntry) === true) {
    return new Map(documents.map(({ document, version, sha256 }) => [document, { version, sha256 }]));
  }
  throw new ModelsError("ROLLBACK_REFUSED", `Cannot read "${file}": it is damaged, expected the versions seen so far`, {
    fix: "remove it if you know why it is damaged; then the versions that come next count as the highest",
  });
}

function readDocuments(text: string): readonly unknown[] | null {
  try {
    const root: unknown = JSON.parse(text);
    const documents = isObject(root) && root["version"] === 1 ? root["documents"] : null;
    return Array.isArray(documents) ? documents : null;
  } catch {
    return null;
  }
}

function isEntry(
  value: unknown,
): value is { readonly document: string; readonly version: number; readonly sha256: Sha256 } {
  if (!isObject(value)) return false;
  const { document, version, sha256 } = value;
  return typeof document === "string" && isCount(version) && isSha256(sha256);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
