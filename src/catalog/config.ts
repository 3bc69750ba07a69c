/** The format of `models.config.yaml`, and the only file that reads it. */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { readBounded } from "../base/bounded-file.ts";
import { parseBytes } from "../base/bytes.ts";
import { reasonOf } from "../base/errors.ts";
import { type Config, type Limits, placeFrom } from "../settings.ts";
import { checkDocument, checkedText, wholeNumber } from "./check.ts";
import { nameField, schemaField, versionField } from "./fields.ts";
import { problemsError } from "./problems.ts";
import { MAX_TEXT_BYTES, readDocument } from "./read.ts";
import { sourceProblem } from "./source-uri.ts";
import { type TrustFile, toTrustPolicy, trustSchema } from "./trust-config.ts";

const PLACEHOLDER = /\{([^{}]*)\}/g;
const KNOWN_PLACEHOLDERS = ["path", "name", "sha256"];

const folderField = checkedText({
  problem: (text) => (text.trim() === "" || text.includes("\0") ? "is no path" : null),
  fix: "write a path, relative to the folder of this config",
});

// Upper case alone: a token in the place of a name would pass as a name otherwise, and be printed as one.
const variableField = checkedText({
  problem: (text) => (/^[A-Z_][A-Z0-9_]{0,127}$/.test(text) ? null : "is not the name of an environment variable"),
  fix: "write the name of a variable in upper case, such as MODELS_TOKEN, and never a token itself",
}).meta({ pattern: "^[A-Z_][A-Z0-9_]{0,127}$" });

const addressField = checkedText({
  problem: (text) =>
    /^https?:\/\/[^/?#@\s]+(?:\/[^?#\s]*)?$/i.test(text) && URL.canParse(text) ? null : "is no address",
  fix: "write it like https://host.example.net, without a user or a query",
});

const templateField = checkedText({
  problem: templateProblem,
  fix: "write it like https://models.example.net/{path} or r2://bucket/{sha256}",
});

const hostField = checkedText({
  problem: (text) =>
    /^(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[0-9]{1,5})?$|^\[[0-9a-f:]+\](?::[0-9]{1,5})?$/.test(text) ? null : "is no host",
  fix: "write the host alone, in lower case, such as models.example.net",
});

const bucketNameField = checkedText({
  problem: (text) => (/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/.test(text) ? null : "is no bucket's name"),
  fix: "write the bucket's name alone, without a scheme",
});

const rateField = bytesField(1);
const reserveField = bytesField(0);
const countField = wholeNumber(1, 256, "write a whole number from 1 to 256");

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

interface LimitsFile {
  readonly maxRate?: number | string | undefined;
  readonly lanes?: number | undefined;
  readonly lanesPerHost?: number | undefined;
  readonly files?: number | undefined;
  readonly reserve?: number | string | undefined;
}

interface HostFile {
  readonly token: string;
  readonly scheme?: "bearer" | "basic" | "header" | undefined;
  readonly header?: string | undefined;
}

interface BucketFile {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly publicUrl?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
}

const limitsSchema: z.ZodType<LimitsFile> = z.strictObject({
  maxRate: rateField.optional().describe("Bytes per second, such as 50MB."),
  lanes: countField.optional().describe("Connections to each host; left out, the number is found while it runs."),
  lanesPerHost: countField
    .optional()
    .describe(
      "Most connections to one host where the number is found; twice as many for files that come with one answer.",
    ),
  files: countField.optional().describe("Models under way at the same time."),
  reserve: reserveField.optional().describe("Bytes that stay free on the disk, such as 1GB."),
});

const hostSchema: z.ZodType<HostFile> = z
  .strictObject({
    token: variableField.describe("The environment variable that holds the secret."),
    scheme: z.enum(["bearer", "basic", "header"]).optional().describe("How it is sent; bearer unless said."),
    header: checkedText({
      problem: (text) => (/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(text) ? null : "is no header's name"),
      fix: "write it like X-Api-Key",
    })
      .optional()
      .describe("The header that carries it, with the scheme header."),
  })
  .check((context) => {
    const { scheme = "bearer", header } = context.value;
    if ((scheme === "header") === (header !== undefined)) return;
    const message =
      header === undefined ? "is missing, the scheme header needs it" : `has no use with the scheme ${scheme}`;
    const params = { fix: "write scheme: header and header: X-Api-Key, or neither" };
    context.issues.push({ code: "custom", continue: true, input: header, path: ["header"], message, params });
  });

const bucketSchema: z.ZodType<BucketFile> = z
  .strictObject({
    endpoint: addressField.optional().describe("The S3 endpoint, such as https://<account>.r2.cloudflarestorage.com."),
    region: nameField.optional(),
    publicUrl: addressField.optional().describe("Where objects can be read without a signature."),
    accessKeyId: variableField.optional().describe("The environment variable that holds the key id."),
    secretAccessKey: variableField.optional().describe("The environment variable that holds the secret key."),
    sessionToken: variableField.optional().describe("The environment variable that holds the session token."),
  })
  .check((context) => {
    const { accessKeyId, secretAccessKey } = context.value;
    if ((accessKeyId === undefined) === (secretAccessKey === undefined)) return;
    const path = [accessKeyId === undefined ? "accessKeyId" : "secretAccessKey"];
    const params = { fix: "name both accessKeyId and secretAccessKey, or neither" };
    context.issues.push({ code: "custom", continue: true, input: undefined, path, message: "is missing", params });
  });

/** The schema of a config file. */
export const configSchema: z.ZodType<ConfigFile> = z
  .strictObject({
    $schema: schemaField,
    version: versionField.optional(),
    root: folderField.optional().describe("The models folder."),
    manifests: z.array(folderField).optional().describe("Folders, files or URLs with manifests."),
    kits: z.array(folderField).optional().describe("Folders, files or URLs with kits."),
    lockfile: folderField.optional(),
    adopt: z.array(folderField).optional().describe("Folders in which files may be that are wanted."),
    mirrors: z.array(z.strictObject({ name: nameField, template: templateField })).optional(),
    limits: limitsSchema.optional(),
    hosts: z.record(hostField, hostSchema).optional().describe("Credentials, by host."),
    buckets: z.record(bucketNameField, bucketSchema).optional().describe("How buckets are reached, by name."),
    caFile: folderField.optional().describe("PEM file of authorities to trust beside the built-in ones."),
    allowPickle: z
      .union([z.boolean(), z.array(nameField)], { error: "true, false or a list of models' names" })
      .optional()
      .describe(
        "Formats that can run code when loaded, where a manifest names them with a digest: all, none, or these.",
      ),
    trustFirstUse: z.boolean().optional(),
    extraModelPaths: z
      .array(folderField)
      .optional()
      .describe("ComfyUI's extra_model_paths.yaml, whose folders are searched too."),
    comfyui: addressField.optional().describe("A running ComfyUI that says what its nodes load."),
    workflowHosts: z
      .array(hostField)
      .optional()
      .describe("Hosts from which a workflow's author may have files fetched that no manifest knows."),
    trust: trustSchema.optional().describe("With it, only what one of these keys signed is believed."),
  })
  .describe("What models.config.yaml may say.");

/**
 * Reads a config file; relative paths in it start at its own folder.
 * @throws ModelsError `CONFIG_INVALID` with every problem
 */
export async function readConfig(file: string): Promise<Config> {
  const read = await readDocument(file, await contentOf(file));
  // All of its lines may be comments, as in one that was copied to be filled in.
  if (read.kind === "ok" && read.document.root === null) return {};
  const checked = read.kind === "ok" ? checkDocument(configSchema, read.document) : read;
  if (checked.kind === "bad") throw problemsError("CONFIG_INVALID", `config "${file}"`, checked.problems);
  return toConfig(checked.value, dirname(resolve(file)));
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readBounded(file, MAX_TEXT_BYTES);
  } catch (error) {
    const problem = { at: file, message: `this cannot be read: ${reasonOf(error)}` };
    throw problemsError("CONFIG_INVALID", `config "${file}"`, [problem]);
  }
}

function toConfig(file: ConfigFile, folder: string): Config {
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
    trust: file.trust && toTrustPolicy(file.trust, folder),
  });
}

function toLimits({ maxRate, reserve, lanes, lanesPerHost, files }: LimitsFile): Partial<Limits> {
  const bytes = (value: number | string | undefined): number | undefined =>
    value === undefined ? undefined : (bytesOf(value) ?? undefined);
  return present({ maxRate: bytes(maxRate), reserveBytes: bytes(reserve), lanes, lanesPerHost, files });
}

function bytesField(least: number): z.ZodType<number | string> {
  return z.union([z.number(), z.string()], { error: "a number of bytes, such as 50MB" }).check((context) => {
    if ((bytesOf(context.value) ?? -1) >= least) return;
    const params = { fix: "write it as 50MB, 1.5GiB or 1000000" };
    context.issues.push({
      code: "custom",
      continue: true,
      input: context.value,
      message: "is no number of bytes",
      params,
    });
  });
}

function bytesOf(value: number | string): number | null {
  try {
    const bytes = typeof value === "number" ? value : parseBytes(value);
    return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
  } catch {
    return null;
  }
}

function templateProblem(text: string): string | null {
  const unknown = [...text.matchAll(PLACEHOLDER)].find(([, name = ""]) => !KNOWN_PLACEHOLDERS.includes(name));
  if (unknown !== undefined) return `has the unknown placeholder ${unknown[0].slice(0, 40)}`;
  const filled = text.replace(PLACEHOLDER, "x");
  if (filled === text) return "has no placeholder, expected {path}, {name} or {sha256}";
  if (/^(?:hf|civitai):/i.test(text)) return "is of a scheme that has no mirrors";
  // Plain http is refused of a manifest, which anyone may have written; who writes a config knows the wire.
  return sourceProblem(filled.replace(/^http:/i, "https:"));
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** `value` without the keys that are undefined. */
function present<T extends object>(value: T): { [K in keyof T]?: Present<T>[K] } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<Present<T>>;
}
