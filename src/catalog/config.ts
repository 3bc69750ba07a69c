/** The format of `models.config.yaml`, and the only file that reads it. */
import { dirname, resolve } from "node:path";
import { readBounded } from "../base/bounded-file.ts";
import { reasonOf } from "../base/errors.ts";
import { type Config, type Limits, placeFrom } from "../settings.ts";
import type { Checked } from "./checked.ts";
import {
  ADDRESS_RULE,
  BUCKET_RULE,
  bytesOf,
  FOLDER_RULE,
  HOST_RULE,
  MOST_AT_ONCE,
  TEMPLATE_RULE,
  VARIABLE_RULE,
} from "./config-rules.ts";
import type { Document } from "./document.ts";
import { problemsError } from "./problems.ts";
import { MAX_TEXT_BYTES, readDocument } from "./read.ts";
import { isFlag, isName, isVersion, listOf, mapping, recordOf, type Shape, textBy } from "./shape.ts";
import type { TrustFile } from "./trust-config.ts";

/** What a config file holds. */
export interface ConfigFile {
  readonly $schema?: string | undefined;
  readonly version?: 1 | undefined;
  readonly root?: string | undefined;
  readonly manifests?: readonly string[] | undefined;
  readonly kits?: readonly string[] | undefined;
  readonly lockfile?: string | undefined;
  readonly adopt?: readonly string[] | undefined;
  readonly mirrors?: readonly { readonly name: string; readonly template: string }[] | undefined;
  readonly limits?: LimitsFile | undefined;
  readonly hosts?: Readonly<Record<string, HostFile>> | undefined;
  readonly buckets?: Readonly<Record<string, BucketFile>> | undefined;
  readonly caFile?: string | undefined;
  readonly allowPickle?: boolean | readonly string[] | undefined;
  readonly trustFirstUse?: boolean | undefined;
  readonly extraModelPaths?: readonly string[] | undefined;
  readonly comfyui?: string | undefined;
  readonly workflowHosts?: readonly string[] | undefined;
  readonly trust?: TrustFile | undefined;
}

export interface LimitsFile {
  readonly maxRate?: number | string | undefined;
  readonly lanes?: number | undefined;
  readonly lanesPerHost?: number | undefined;
  readonly files?: number | undefined;
  readonly reserve?: number | string | undefined;
}

export interface HostFile {
  readonly token: string;
  readonly scheme?: "bearer" | "basic" | "header" | undefined;
  readonly header?: string | undefined;
}

export interface BucketFile {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly publicUrl?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
}

const isFolder = textBy(FOLDER_RULE);
const isAddress = textBy(ADDRESS_RULE);
const isHost = textBy(HOST_RULE);
const isVariable = textBy(VARIABLE_RULE);
const isCountField: Shape = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= MOST_AT_ONCE;
const bytesFrom =
  (least: number): Shape =>
  (value) =>
    (typeof value === "number" || typeof value === "string") && (bytesOf(value) ?? -1) >= least;
const areNames = listOf(isName);
const areFolders = listOf(isFolder);

/** A config with `trust:`, or with a header of its own for a host, is left to the schema. */
const isConfig = mapping(
  {},
  {
    $schema: (value) => typeof value === "string",
    version: isVersion,
    root: isFolder,
    manifests: areFolders,
    kits: areFolders,
    lockfile: isFolder,
    adopt: areFolders,
    mirrors: listOf(mapping({ name: isName, template: textBy(TEMPLATE_RULE) })),
    limits: mapping(
      {},
      {
        maxRate: bytesFrom(1),
        lanes: isCountField,
        lanesPerHost: isCountField,
        files: isCountField,
        reserve: bytesFrom(0),
      },
    ),
    hosts: recordOf(
      isHost,
      mapping({ token: isVariable }, { scheme: (value) => value === "bearer" || value === "basic" }),
    ),
    buckets: recordOf(textBy(BUCKET_RULE), isBucket),
    caFile: isFolder,
    allowPickle: (value) => isFlag(value) || areNames(value),
    trustFirstUse: isFlag,
    extraModelPaths: areFolders,
    comfyui: isAddress,
    workflowHosts: listOf(isHost),
  },
);

/** Both names of variables, or neither: a key id without its key is left to the schema. */
function isBucket(value: unknown): boolean {
  const rest = { endpoint: isAddress, region: isName, publicUrl: isAddress };
  const signed = mapping(
    { accessKeyId: isVariable, secretAccessKey: isVariable },
    { ...rest, sessionToken: isVariable },
  );
  return signed(value) || mapping({}, { ...rest, sessionToken: isVariable })(value);
}

/**
 * Reads a config file; relative paths in it start at its own folder.
 * @throws ModelsError `CONFIG_INVALID` with every problem
 */
export async function readConfig(file: string): Promise<Config> {
  const read = await readDocument(file, await contentOf(file));
  // All of its lines may be comments, as in one that was copied to be filled in.
  if (read.kind === "ok" && read.document.root === null) return {};
  const checked = read.kind === "ok" ? await checkConfig(read.document) : read;
  if (checked.kind === "bad") throw problemsError("CONFIG_INVALID", `config "${file}"`, checked.problems);
  return await toConfig(checked.value, dirname(resolve(file)));
}

/** A config as its file has it, or everything that is wrong with it. */
export async function checkConfig(document: Document): Promise<Checked<ConfigFile>> {
  if (isConfig(document.root)) return { kind: "ok", value: document.root as ConfigFile };
  const [{ checkDocument }, { configSchema }] = await Promise.all([import("./check.ts"), import("./config-schema.ts")]);
  return checkDocument(configSchema, document);
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readBounded(file, MAX_TEXT_BYTES);
  } catch (error) {
    const problem = { at: file, message: `this cannot be read: ${reasonOf(error)}` };
    throw problemsError("CONFIG_INVALID", `config "${file}"`, [problem]);
  }
}

async function toConfig(file: ConfigFile, folder: string): Promise<Config> {
  const paths = (list: readonly string[] | undefined): readonly string[] | undefined =>
    list?.map((path) => placeFrom(folder, path));
  return present({
    root: file.root && resolve(folder, file.root),
    manifests: paths(file.manifests),
    kits: paths(file.kits),
    lockfile: file.lockfile && resolve(folder, file.lockfile),
    adopt: file.adopt?.map((path) => resolve(folder, path)),
    mirrors: file.mirrors,
    limits: toLimits(file.limits ?? {}),
    hosts: Object.entries(file.hosts ?? {}).map(([host, { token, scheme = "bearer", header }]) => ({
      host,
      scheme,
      variable: token,
      ...(header !== undefined && { header }),
    })),
    buckets: Object.fromEntries(Object.entries(file.buckets ?? {}).map(([name, bucket]) => [name, present(bucket)])),
    caFile: file.caFile && resolve(folder, file.caFile),
    allowPickle: file.allowPickle,
    trustFirstUse: file.trustFirstUse,
    extraModelPaths: file.extraModelPaths?.map((path) => resolve(folder, path)),
    comfyui: file.comfyui,
    workflowHosts: file.workflowHosts,
    trust: file.trust && (await import("./trust-config.ts")).toTrustPolicy(file.trust, folder),
  });
}

function toLimits({ maxRate, reserve, lanes, lanesPerHost, files }: LimitsFile): Partial<Limits> {
  const bytes = (value: number | string | undefined): number | undefined =>
    value === undefined ? undefined : (bytesOf(value) ?? undefined);
  return present({ maxRate: bytes(maxRate), reserveBytes: bytes(reserve), lanes, lanesPerHost, files });
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** `value` without the keys that are undefined. */
function present<T extends object>(value: T): { [K in keyof T]?: Present<T>[K] } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<Present<T>>;
}
