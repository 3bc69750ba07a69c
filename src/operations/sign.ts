/** Signs what boxes are to believe: manifests, kits, lockfiles, piece tables, and the next key. */
import { hash } from "node:crypto";
import { resolve } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { readBounded, readBoundedText } from "../base/bounded-file.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { MAX_TEXT_BYTES } from "../catalog/read.ts";
import { writeAtomic } from "../catalog/write-atomic.ts";
import { type Binding, type DocumentKind, formatBinding, parseBinding } from "../trust/binding.ts";
import { documentName, signaturePlace } from "../trust/places.ts";
import { formatPublicKey, type PublicKey } from "../trust/public-key.ts";
import type { SecretKey } from "../trust/secret-key.ts";
import { formatSignature, isCommentGenuine, parseSignature, signContent } from "../trust/signature.ts";
import { readSignable } from "./signable.ts";

/** What `models sign --json` prints. */
export interface SignReport {
  /** 16 hex digits, as minisign prints it. */
  readonly key: string;
  /** The line that goes under `trust.keys` of a config. */
  readonly publicKey: string;
  readonly files: readonly SignedFile[];
}

export interface SignedFile {
  readonly file: string;
  /** Path of the signature. */
  readonly signature: string;
  readonly kind: DocumentKind;
  readonly name: string;
  readonly version: number;
  readonly sha256: Sha256;
}

export interface SignOptions {
  /** What the files are. @default told by each name and content */
  readonly kind?: DocumentKind;
  /** @default the last one and 1, and at least the time in seconds; an unchanged file keeps its own */
  readonly version?: number;
}

export interface SignPorts {
  readonly key: SecretKey;
  readonly clock: Pick<Clock, "now">;
  /** Path of the lockfile in force. */
  readonly lockfile: string;
}

/**
 * Reads every file first, and signs none when one of them is wrong.
 * @throws ModelsError `MANIFEST_INVALID`, `LOCKFILE_INVALID`, `KEY_INVALID`, `USAGE`, `DISK_FAILED`, `DISK_FULL`
 */
export async function signFiles(
  files: readonly string[],
  ports: SignPorts,
  options: SignOptions = {},
): Promise<SignReport> {
  const read = await Promise.all(files.map((file) => readOne(resolve(file), ports, options)));
  for (const { signed, text } of read) await writeAtomic(signed.signature, text);
  const { publicKey } = ports.key;
  return { key: publicKey.id, publicKey: formatPublicKey(publicKey), files: read.map(({ signed }) => signed) };
}

async function readOne(
  file: string,
  { key, clock, lockfile }: SignPorts,
  { kind: asked, version: given }: SignOptions,
): Promise<{ readonly signed: SignedFile; readonly text: string }> {
  const content = await readContent(file);
  const kind = await readSignable({ file, content }, asked ?? (file === lockfile ? "lockfile" : null));
  const sha256 = hash("sha256", content) as Sha256;
  const name = documentName(file);
  const signature = signaturePlace(file);
  const last = await lastBinding(signature, key.publicKey);
  const version = given ?? nextVersion(last, sha256, clock.now());
  const made = signContent(content, formatBinding({ name, version, sha256, kind }), key);
  return { signed: { file, signature, kind, name, version, sha256 }, text: formatSignature(made) };
}

async function readContent(file: string): Promise<Buffer> {
  try {
    return await readBounded(file, MAX_TEXT_BYTES);
  } catch (error) {
    throw new ModelsError("USAGE", `Cannot sign "${file}": ${reasonOf(error)}`, {
      fix: "correct the path",
      cause: error,
    });
  }
}

/** Bytes of a signature file; what is longer is none. */
const MAX_SIGNATURE_BYTES = 64 * 1024;

/** Only what this very key said counts: else whoever plants a signature decides how far the version jumps. */
async function lastBinding(path: string, key: PublicKey): Promise<Binding | null> {
  const text = await readBoundedText(path, MAX_SIGNATURE_BYTES).catch(() => null);
  if (text === null) return null;
  try {
    const signature = parseSignature(text, path);
    return isCommentGenuine(signature, key) ? parseBinding(signature.comment) : null;
  } catch {
    return null;
  }
}

/** Seconds since 1970 grow without anybody remembering the last version: on a fresh checkout, on another box. */
function nextVersion(last: Binding | null, sha256: Sha256, now: number): number {
  if (last?.sha256 === sha256) return last.version;
  return Math.max(Math.floor(now / 1000), (last?.version ?? 0) + 1);
}
