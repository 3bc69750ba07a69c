/** Signs the files of a model for everybody who uses OpenSSF's model-signing. */
import type { KeyObject } from "node:crypto";
import { lstat, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import type { Environment } from "../base/process.ts";
import { writeAtomic } from "../catalog/write-atomic.ts";
import { type KeySource, passwordOf, readSecretText } from "../trust/key-files.ts";
import { IGNORED_PATHS, keyHint, modelBundle, type Resource, readBundleKey } from "../trust/model-signing.ts";

/** What `models sign --format model-signing --json` prints. */
export interface SignModelReport {
  /** The sha256 of the public key's PEM, by which verifiers find it. */
  readonly key: string;
  readonly model: string;
  /** Path of the bundle. */
  readonly signature: string;
  readonly files: readonly Resource[];
}

export interface SignModelPorts {
  readonly key: KeyObject;
  readonly sha256File: (path: string, options: { readonly signal?: AbortSignal }) => Promise<Sha256>;
}

const AT_ONCE = 2;

/**
 * Writes the bundle of a file or a folder, by default beside it as `<name>.sig`.
 * @throws ModelsError `USAGE` for what cannot be signed (links, devices, nothing at all), `DISK_FAILED`, `DISK_FULL`
 */
export async function signModel(
  path: string,
  { key, sha256File }: SignModelPorts,
  { out, signal }: { readonly out?: string; readonly signal?: AbortSignal } = {},
): Promise<SignModelReport> {
  const whole = resolve(path);
  const signature = out === undefined ? `${whole}.sig` : resolve(out);
  const names = (await namesIn(whole, ".")).filter((name) => join(whole, name) !== signature);
  if (names.length === 0) throw refused(path, "nothing is in it");
  const resources = await mapLimit(names, AT_ONCE, async (name) => {
    const sha256 = await sha256File(name === "." ? whole : join(whole, name), signal === undefined ? {} : { signal });
    return { name, sha256 };
  });
  await writeAtomic(signature, modelBundle({ name: basename(whole), resources }, key));
  return { key: keyHint(key), model: basename(whole), signature, files: resources };
}

/** The EC P-256 key that `source` names. @throws ModelsError `KEY_INVALID`, `USAGE` */
export async function readModelKey(source: KeySource, environment: Environment): Promise<KeyObject> {
  const { text, from } = await readSecretText(source, environment);
  return readBundleKey(text, from, passwordOf(source, environment));
}

/** Files below `root`, with forward slashes; `.` for a root that is a file itself. */
async function namesIn(root: string, name: string): Promise<readonly string[]> {
  const found = await look(join(root, name));
  if (found.isFile()) return [name];
  if (!found.isDirectory()) throw refused(join(root, name), "it is a link or a device");
  const entries = (await readdir(join(root, name))).filter((entry) => name !== "." || !IGNORED_PATHS.includes(entry));
  const below = entries.map((entry) => namesIn(root, name === "." ? entry : `${name}/${entry}`));
  return (await Promise.all(below)).flat();
}

async function look(path: string): Promise<{ isFile(): boolean; isDirectory(): boolean }> {
  try {
    return await lstat(path);
  } catch (error) {
    throw refused(path, reasonOf(error));
  }
}

function refused(path: string, seen: string): ModelsError {
  const fix = `name a file, or a folder of files alone, such as ${dirname(path)}`;
  return new ModelsError("USAGE", `Cannot sign model "${path}": ${seen}, expected regular files`, { fix });
}
