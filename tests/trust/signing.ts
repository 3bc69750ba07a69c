/** What trust tests share: keys by name, files signed as `models sign` signs them, or just not so. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import type { Sha256 } from "../../src/base/artifact.ts";
import { type Binding, type DocumentKind, formatBinding } from "../../src/trust/binding.ts";
import { documentName } from "../../src/trust/places.ts";
import { formatPublicKey } from "../../src/trust/public-key.ts";
import { type SecretKey, secretKeyOf } from "../../src/trust/secret-key.ts";
import { formatSignature, signContent } from "../../src/trust/signature.ts";

/** The same key for the same name, always. */
export function keyNamed(name: string): SecretKey {
  const seed = createHash("sha256").update(name).digest();
  return secretKeyOf(seed, createHash("sha256").update(`id ${name}`).digest("hex").slice(0, 16).toUpperCase());
}

/** The digest of some bytes. */
export const sha256Of = (content: Uint8Array): Sha256 => createHash("sha256").update(content).digest("hex") as Sha256;

/** The text of a signature of `content`, which was found at `place`. */
export function signatureFor(
  place: string,
  content: Uint8Array,
  { key, ...bound }: { readonly key: SecretKey } & Partial<Binding>,
): string {
  const binding = { name: documentName(place), version: 1, sha256: sha256Of(content), kind: null, ...bound };
  return formatSignature(signContent(content, formatBinding(binding), key));
}

/** Signs the file at `path` as it is now. */
export async function signAt(
  path: string,
  kind: DocumentKind,
  options: { readonly key: SecretKey } & Partial<Binding>,
): Promise<void> {
  await writeFile(`${path}.minisig`, signatureFor(path, await readFile(path), { kind, ...options }));
}

/** Changes one letter of a file for another of the same length, so that it still reads well. */
export async function alterAt(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, "utf8");
  if (!text.includes(from) || from.length !== to.length) throw new Error(`${path} has no ${from}`);
  await writeFile(path, text.replace(from, to));
}

/** A key as a line under `trust.keys`. */
export function keyLine(name: string, more = ""): string {
  return `    - { name: ${name}, key: ${formatPublicKey(keyNamed(name).publicKey)}${more} }\n`;
}
