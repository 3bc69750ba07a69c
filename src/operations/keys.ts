/** Makes keys, shows them, and has an old one vouch for a new one. */
import { access } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Environment } from "../base/process.ts";
import {
  type KeySource,
  passwordOf,
  readPublicKey,
  readSecretKey,
  writeKeyPair,
  writeNew,
} from "../trust/key-files.ts";
import { type Keyring, keyProblem } from "../trust/keyring.ts";
import { generateBundleKey } from "../trust/model-signing.ts";
import { formatPublicKey } from "../trust/public-key.ts";
import { generateSecretKey } from "../trust/secret-key.ts";
import { type SignedFile, signFiles } from "./sign.ts";

/** A key as `models keys --json` prints it. */
export interface KeyReport {
  readonly name: string;
  /** 16 hex digits, as minisign prints it. */
  readonly id: string;
  /** The line that goes under `trust.keys` of a config. */
  readonly publicKey: string;
}

/** A key that the config trusts, or one that such a key vouches for. */
export interface TrustedKeyReport extends KeyReport {
  readonly kits: readonly string[] | null;
  readonly paths: readonly string[] | null;
  /** The last day on which it is good, or null. */
  readonly notAfter: string | null;
  /** Name of the key that vouches for it, or null when the config itself does. */
  readonly vouchedBy: string | null;
  /** Why nothing that it signed counts, or null when it does. */
  readonly problem: string | null;
}

/** What was written. */
export interface GeneratedKey {
  readonly secretFile: string;
  readonly publicFile: string;
  /** Null for a key of model-signing, whose PEM is all there is to show. */
  readonly key: KeyReport | null;
  readonly hasPassword: boolean;
}

export interface GenerateOptions {
  readonly environment: Environment;
  readonly source: KeySource;
  /** Writes a key that whoever gets the file can use. @default false */
  readonly isOpen?: boolean;
  /** @default "minisign" */
  readonly format?: "minisign" | "model-signing";
}

/**
 * Makes `<base>.key` and `<base>.pub`.
 * @throws ModelsError `KEY_INVALID` when they are there, or no password is given where one is wanted; `DISK_FAILED`
 */
export async function generateKey(base: string, options: GenerateOptions): Promise<GeneratedKey> {
  const password = options.isOpen === true ? null : passwordOf(options.source, options.environment);
  if (password === null && options.isOpen !== true) {
    throw new ModelsError("USAGE", `Cannot make key "${base}": there is no password for it`, {
      fix: "put one into MODELS_KEY_PASSWORD (or the variable of --password-env), or say --no-password",
    });
  }
  const hasPassword = password !== null;
  if (options.format === "model-signing") {
    const [secretFile, publicFile] = [`${base}.key`, `${base}.pub`];
    const pair = generateBundleKey(password);
    await writeNew(secretFile, pair.secret, 0o600);
    await writeNew(publicFile, pair.public, 0o644);
    return { secretFile, publicFile, key: null, hasPassword };
  }
  const key = generateSecretKey();
  const files = await writeKeyPair(base, key, password);
  return { ...files, key: reportOf(nameOf(base), key.publicKey), hasPassword };
}

/** The key in a file. @throws ModelsError `KEY_INVALID` */
export async function showKey(path: string, source: KeySource, environment: Environment): Promise<KeyReport> {
  return reportOf(nameOf(path), await readPublicKey(path, source, environment));
}

/** What rotating a key has made. */
export interface RotatedKey {
  readonly signed: SignedFile;
  /** The files of the new key, where it was made on the way. */
  readonly generated: GeneratedKey | null;
  readonly key: KeyReport;
  /** Id of the old key. */
  readonly signedBy: string;
}

/**
 * Has the key of `source` vouch for the key `<base>.pub`, which is made when it is not there.
 * @throws ModelsError as {@link generateKey} and `signFiles`
 */
export async function rotateKey(
  base: string,
  { clock, ...options }: GenerateOptions & { readonly clock: Clock },
): Promise<RotatedKey> {
  const { source, environment } = options;
  const old = await readSecretKey(source, environment);
  const file = /\.pub$/i.test(base) ? base : `${base}.pub`;
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  const generated = isThere ? null : await generateKey(file.replace(/\.pub$/i, ""), options);
  const report = await signFiles([file], { key: old, clock, lockfile: "" }, { kind: "key" });
  const [signed] = report.files;
  if (signed === undefined) throw new ModelsError("USAGE", `Cannot sign key "${file}": it was not read`);
  return { signed, generated, key: await showKey(file, source, environment), signedBy: report.key };
}

/** Describes a keyring as of `now` (milliseconds since 1970). Pure. */
export function describeKeyring(keyring: Keyring, now: number): readonly TrustedKeyReport[] {
  return keyring.map((key) => ({
    ...reportOf(key.name, key.publicKey),
    kits: key.kits,
    paths: key.paths,
    notAfter: key.notAfter === null ? null : new Date(key.notAfter).toISOString().slice(0, 10),
    vouchedBy: key.vouchedBy?.name ?? null,
    problem: keyProblem(key, now),
  }));
}

function reportOf(name: string, key: Parameters<typeof formatPublicKey>[0]): KeyReport {
  return { name, id: key.id, publicKey: formatPublicKey(key) };
}

const nameOf = (path: string): string => (path.split(/[/\\]/).at(-1) ?? path).replace(/\.(?:pub|key)$/i, "");
