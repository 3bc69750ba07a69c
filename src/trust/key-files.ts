/** Where keys come from and where they go: files, and environment variables by name. The only file that touches either. */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { readBoundedText } from "../base/bounded-file.ts";
import { variableOf } from "../base/environment.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import type { Environment } from "../base/process.ts";
import { Secret } from "../base/secret.ts";
import { formatPublicKeyFile, type PublicKey, parsePublicKey } from "./public-key.ts";
import { hasPassword, parseSecretKey, type SecretKey } from "./secret-key.ts";

/** Names, never values: a secret on a command line is read by everybody on the box. */
export interface KeySource {
  /** Path of the secret key's file. */
  readonly file?: string;
  /** Environment variable that holds the text of such a file. */
  readonly variable?: string;
  /** Environment variable that holds the password. @default "MODELS_KEY_PASSWORD" */
  readonly passwordVariable?: string;
}

const PASSWORD_VARIABLE = "MODELS_KEY_PASSWORD";
/** Only its owner reads it. */
/** Bytes of a key file. */
const MAX_KEY_BYTES = 64 * 1024;
const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/**
 * Reads the secret key that `source` names.
 * @throws ModelsError `KEY_INVALID`, `USAGE` when it names none
 */
export async function readSecretKey(source: KeySource, environment: Environment): Promise<SecretKey> {
  const { text, from } = await readSecretText(source, environment);
  const password = hasPassword(text, from) ? passwordOf(source, environment) : null;
  return await parseSecretKey(text, from, password);
}

/**
 * The text that `source` names: of a secret key, in whatever format.
 * @throws ModelsError `KEY_INVALID`, `USAGE`
 */
export async function readSecretText(
  source: KeySource,
  environment: Environment,
): Promise<{ readonly text: string; readonly from: string }> {
  refuseValues(source);
  const { file, variable } = source;
  if (file !== undefined && variable === undefined) return { text: await readKeyFile(file), from: file };
  if (variable === undefined || file !== undefined) {
    throw new ModelsError("USAGE", "Cannot sign: expected one secret key, from a file or from a variable", {
      fix: "name it with --key FILE or --key-env NAME; models keys generate makes one",
    });
  }
  const text = variableOf(environment, variable);
  if (text !== null) return { text, from: `$${variable}` };
  throw new ModelsError("KEY_INVALID", `Cannot use secret key "$${variable}": the variable is not set`, {
    fix: `set ${variable} to the text of the key's file`,
  });
}

/** A person may have written a key where its name belongs; then no message may say what was written. */
function refuseValues({ file = "", variable = "X" }: KeySource): void {
  const isKey = /(?:^|[/\\])RW(?:QAAEIy|RTY0Iy)|-----BEGIN /.test(file);
  if (!isKey && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(variable)) return;
  throw new ModelsError("USAGE", "Cannot sign: expected the name of a file or of a variable, and got something else", {
    fix: "give --key the path of the key's file, or --key-env the name of a variable such as SIGNING_KEY, never a key itself",
  });
}

/** The password of `source`, or null when its variable is not set. */
export function passwordOf({ passwordVariable }: KeySource, environment: Environment): Secret | null {
  // Blanks at its ends may belong to a password.
  const value = environment[passwordVariable ?? PASSWORD_VARIABLE] ?? "";
  return value === "" ? null : new Secret(value);
}

/**
 * The public key at `path`: of its own file, or of a secret key's.
 * @throws ModelsError `KEY_INVALID`
 */
export async function readPublicKey(path: string, source: KeySource, environment: Environment): Promise<PublicKey> {
  const text = await readKeyFile(path);
  const isSecret = /^untrusted comment: .*secret key/i.test(text);
  if (!isSecret) return parsePublicKey(text, path);
  return (await readSecretKey({ ...source, file: path }, environment)).publicKey;
}

/**
 * Writes `<base>.key`, which only its owner can read, and `<base>.pub`. Never over a file that is there.
 * @param password null leaves the key readable to whoever gets the file
 * @throws ModelsError `KEY_INVALID` when there is one, `DISK_FAILED`
 */
export async function writeKeyPair(
  base: string,
  key: SecretKey,
  password: Secret | null,
): Promise<{ readonly secretFile: string; readonly publicFile: string }> {
  const [secretFile, publicFile] = [`${base}.key`, `${base}.pub`];
  await writeNew(secretFile, await key.format(password), SECRET_MODE);
  await writeNew(publicFile, formatPublicKeyFile(key.publicKey), PUBLIC_MODE);
  return { secretFile, publicFile };
}

/** Makes a file of `mode` that was not there before. @throws ModelsError `KEY_INVALID`, `DISK_FAILED` */
export async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await using file = await open(path, "wx", mode);
    // The mask of the process may have taken rights away, never added any.
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    const seen = isThere ? "it is there already, and a key is never overwritten" : reasonOf(error);
    throw new ModelsError(isThere ? "KEY_INVALID" : "DISK_FAILED", `Cannot write "${path}": ${seen}`, {
      fix: isThere
        ? `choose another name than ${basename(path)}, or move the old file away`
        : "make its folder writable",
      cause: error,
    });
  }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readBoundedText(path, MAX_KEY_BYTES);
  } catch (error) {
    throw new ModelsError("KEY_INVALID", `Cannot read key "${path}": ${reasonOf(error)}`, {
      fix: "correct the path, or make a key with models keys generate",
      cause: error,
    });
  }
}
