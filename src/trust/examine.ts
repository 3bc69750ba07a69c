/** Holds a document and its signature against the keys that are trusted. Pure. */
import { hash } from "node:crypto";
import type { Sha256 } from "../base/artifact.ts";
import { type ErrorCode, ModelsError } from "../base/errors.ts";
import { type Binding, type DocumentKind, parseBinding } from "./binding.ts";
import { isWithin, type Keyring, keyProblem, keyTitle, type TrustedKey } from "./keyring.ts";
import { signaturePlace } from "./places.ts";
import { checkSignature, parseSignature, type Signature } from "./signature.ts";

/** What claims to be something. */
export interface SignedDocument {
  readonly kind: DocumentKind;
  /** What it must be called, by the place that it was found at. */
  readonly name: string;
  /** As messages name it: without secrets. */
  readonly file: string;
  readonly content: Uint8Array;
}

/** What was proven of a document. */
export interface Proof {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly file: string;
  readonly version: number;
  readonly sha256: Sha256;
  readonly signer: TrustedKey;
}

/** What a document holds, as far as its signer's rights go. */
export interface Contents {
  /** The name that it gives itself. */
  readonly name?: string;
  /** Places in the tree that it speaks of. */
  readonly paths?: Iterable<string>;
}

/**
 * Proves that `document` is what a trusted key signed, under this very name.
 * @param signatureText null when there is no signature
 * @param now milliseconds since 1970
 * @throws ModelsError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED`
 */
export function examine(
  document: SignedDocument,
  signatureText: string | null,
  { keyring, now }: { readonly keyring: Keyring; readonly now: number },
): Proof {
  if (signatureText === null) {
    const beside = signaturePlace(document.file).split("/").at(-1);
    const expected = `expected ${beside} beside it, by ${titles(keyring)}`;
    throw refusal("SIGNATURE_MISSING", document, `it is not signed, ${expected}`, SIGN_IT);
  }
  const signature = parseSignature(signatureText, signaturePlace(document.file));
  const signer = signerOf(signature, document, keyring);
  const problem = keyProblem(signer, now);
  if (problem !== null) {
    const fix = "have it signed by a key that is good now, and put that key under trust.keys";
    throw refusal("SIGNATURE_UNTRUSTED", document, `it is signed by ${keyTitle(signer)}, ${problem}`, fix);
  }
  const { version, sha256 } = boundBy(signature, document, signer);
  const proof = { kind: document.kind, name: document.name, file: document.file, version, sha256, signer };
  assertCovers(proof, { name: document.name });
  return proof;
}

/**
 * Refuses contents that the document's signer has no right to sign.
 * @throws ModelsError `SIGNATURE_INVALID` (it calls itself otherwise), `SIGNATURE_UNTRUSTED`
 */
export function assertCovers(proof: Proof, { name, paths = [] }: Contents): void {
  const { signer, kind } = proof;
  if (name !== undefined && name !== proof.name) {
    const seen = `${keyTitle(signer)} signed it as "${proof.name}", but it calls itself "${name}"`;
    throw refusal("SIGNATURE_INVALID", proof, seen, "give the file the name of the kit in it, and sign it again");
  }
  if (signer.kits !== null && kind !== "pieces" && kind !== "key" && !signer.kits.includes(proof.name)) {
    const seen = `it is signed by ${keyTitle(signer)}, who may sign only ${signer.kits.join(", ") || "nothing"}`;
    throw refusal("SIGNATURE_UNTRUSTED", proof, seen, `have another key sign it, or add "${proof.name}" to its kits`);
  }
  if (signer.paths === null) return;
  for (const path of paths) {
    if (isWithin(path, signer.paths)) continue;
    const seen = `it places "${path}", and ${keyTitle(signer)} may sign only what lies in ${signer.paths.join(", ")}`;
    throw refusal("SIGNATURE_UNTRUSTED", proof, seen, "have another key sign it, or add the folder to its paths");
  }
}

const SIGN_IT = "have its maintainer sign it with models sign, or take it out of the config";

/** The trusted key that really made `signature`. Two keys may share an id, by chance or not. */
function signerOf(signature: Signature, document: SignedDocument, keyring: Keyring): TrustedKey {
  const named = keyring.filter(({ publicKey }) => publicKey.id === signature.keyId);
  const [first] = named;
  if (first === undefined) {
    const seen = `it is signed by key ${signature.keyId}, expected ${titles(keyring)}`;
    throw refusal("SIGNATURE_UNTRUSTED", document, seen, "add the key under trust.keys only if you know whose it is");
  }
  const verdicts = named.map((key) => checkSignature(signature, document.content, key.publicKey));
  const found = named[verdicts.indexOf(null)];
  if (found !== undefined) return found;
  const seen = verdicts.includes("comment")
    ? `the trusted comment of its signature is not the one that ${keyTitle(first)} signed`
    : `these are not the bytes that ${keyTitle(first)} signed`;
  throw refusal("SIGNATURE_INVALID", document, seen, "fetch it again from its maintainer, or have it signed anew");
}

/** What the signature binds, held against what the document is. */
function boundBy(signature: Signature, document: SignedDocument, signer: TrustedKey): Binding {
  const binding = parseBinding(signature.comment);
  const sha256 = hash("sha256", document.content);
  const by = keyTitle(signer);
  const fail = (seen: string, fix: string): ModelsError => refusal("SIGNATURE_INVALID", document, seen, fix);
  if (binding === null) {
    throw fail(`the signature by ${by} does not say what it is for, expected kit=, version= and sha256=`, SIGN_IT);
  }
  if (binding.name !== document.name || (binding.kind ?? document.kind) !== document.kind) {
    const what = `${binding.kind ?? "document"} "${binding.name}"`;
    const seen = `${by} signed it as the ${what}, expected the ${document.kind} "${document.name}"`;
    throw fail(seen, "put each file back in its own place, or sign it under the name that it has here");
  }
  if (binding.sha256 === sha256) return binding;
  throw fail(`${by} signed it for sha256 ${binding.sha256}, it has ${sha256}`, SIGN_IT);
}

function titles(keyring: Keyring): string {
  const all = keyring.map(keyTitle);
  return all.length <= 3 ? all.join(" or ") : `${all.slice(0, 3).join(", ")} or ${all.length - 3} more`;
}

/** `Cannot trust kit "kits/flux.yaml": …`. */
export function refusal(
  code: ErrorCode,
  { kind, file }: Pick<SignedDocument, "kind" | "file">,
  seen: string,
  fix: string,
): ModelsError {
  const what = kind === "pieces" ? "piece table" : kind;
  return new ModelsError(code, `Cannot trust ${what} "${file}": ${seen}`, { fix });
}
