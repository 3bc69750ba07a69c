/** Everything that a person may set, resolved once into one frozen value: flag > environment > config > default. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import {
  awsAccess,
  type BucketAccess,
  type Buckets,
  type HostCredential,
  isLoopback,
  keysFrom,
  r2Access,
  secretOf,
} from "./base/access.ts";
import { readBoundedText } from "./base/bounded-file.ts";
import { entriesOf, findVariable, isSwitchedOn, type Variable, variableOf } from "./base/environment.ts";
import { ModelsError } from "./base/errors.ts";
import type { Environment } from "./base/process.ts";
import { Secret } from "./base/secret.ts";

export { accessTo, type BucketAccess, type Buckets, type HostCredential } from "./base/access.ts";

/** An address for every model: `{path}`, `{name}` and `{sha256}` stand for the model's own. */
export interface MirrorTemplate {
  readonly name: string;
  readonly template: string;
}

/** How hard a transfer may try. */
export interface Limits {
  /** Bytes per second, or null for no limit. */
  readonly maxRate: number | null;
  /** Connections to each host, or null to find the number while it runs. */
  readonly lanes: number | null;
  /** Most connections to one host where the number is found; twice as many ask and bring small files. */
  readonly lanesPerHost: number;
  /** Models under way at the same time. */
  readonly files: number;
  /** Bytes that stay free on the disk. */
  readonly reserveBytes: number;
}

/** A public key that may sign manifests, kits, lockfiles and piece tables. */
export interface TrustedKeyEntry {
  readonly name: string;
  /** In minisign's format: the line that starts with `RW`. */
  readonly key: string;
  /** Names of the kits and manifests that it may sign; null for all. */
  readonly kits: readonly string[] | null;
  /** Folders of the tree in which its models may lie; null for all. */
  readonly paths: readonly string[] | null;
  /** Milliseconds since 1970; null for no end. */
  readonly notAfter: number | null;
  readonly isRevoked: boolean;
}

/** Whose word counts: with a policy, nothing but the built-in catalogue is believed without a signature. */
export interface TrustPolicy {
  readonly keys: readonly TrustedKeyEntry[];
  /** Paths and URLs of public keys that one of `keys` has signed. */
  readonly rotations: readonly string[];
}

/** Complete and deeply frozen. Paths are absolute. */
export interface Settings {
  readonly root: string;
  /** Folders, files or URLs; a later one overrides earlier ones. The built-in folder comes first. */
  readonly manifests: readonly string[];
  readonly kits: readonly string[];
  readonly lockfile: string;
  /** Folders in which files may be that are wanted. */
  readonly adopt: readonly string[];
  readonly mirrors: readonly MirrorTemplate[];
  readonly hosts: readonly HostCredential[];
  readonly limits: Limits;
  readonly hub: {
    /** Origin (and base path), without a trailing slash. */
    readonly endpoint: string;
    readonly token: Secret | null;
    /** `$HF_HUB_CACHE`: the folder with `models--org--name`. */
    readonly cache: string;
    readonly isOffline: boolean;
  };
  readonly civitai: { readonly endpoint: string; readonly token: Secret | null };
  readonly s3: Buckets;
  /** As the variables are written. They may hold a password, so this prints as `***`. */
  readonly proxy: {
    readonly http: Variable | null;
    readonly https: Variable | null;
    readonly none: string | null;
  };
  /** PEM file of authorities to trust beside the built-in ones. */
  readonly caFile: string | null;
  /** Whether formats that can run code when they are loaded may come: all, none, or the models of these names. */
  readonly allowPickle: boolean | readonly string[];
  readonly trustFirstUse: boolean;
  /** ComfyUI's own `extra_model_paths.yaml`: folders outside the tree in which it finds files too. */
  readonly extraModelPaths: readonly string[];
  /** Address of a running ComfyUI that says what its nodes load, or null. Without a trailing slash. */
  readonly comfyui: string | null;
  /** Hosts from which the author of a workflow may have files fetched that no manifest knows. */
  readonly workflowHosts: readonly string[];
  /** Null when no key is named: then no signature is asked for. */
  readonly trust: TrustPolicy | null;
  /** Whether a version older than one that was seen is fine. */
  readonly allowDowngrade: boolean;
  /** The config that was read, or null. */
  readonly config: string | null;
}

/** What flags, or the options of the library, may say. Relative paths start at the working folder. */
export interface SettingsFlags extends Partial<Limits> {
  readonly root?: string;
  /** @default "models.config.yaml" in the working folder, where it exists */
  readonly config?: string;
  readonly manifests?: readonly string[];
  readonly kits?: readonly string[];
  readonly lockfile?: string;
  readonly adopt?: readonly string[];
  /** Templates, or addresses to which `/{path}` is added. */
  readonly mirrors?: readonly string[];
  readonly offline?: boolean;
  readonly allowPickle?: boolean | readonly string[];
  readonly trustFirstUse?: boolean;
  readonly extraModelPaths?: readonly string[];
  readonly comfyui?: string;
  /** Besides those of the config, or the usual ones. */
  readonly workflowHosts?: readonly string[];
  /** Accepts, for this run, signed files that are older than those accepted before. @default false */
  readonly allowDowngrade?: boolean;
}

/** What `models.config.yaml` may say, its relative paths made absolute. Secrets stand in it by the name of a variable. */
export interface Config {
  readonly root?: string;
  readonly manifests?: readonly string[];
  readonly kits?: readonly string[];
  readonly lockfile?: string;
  readonly adopt?: readonly string[];
  readonly mirrors?: readonly MirrorTemplate[];
  readonly limits?: Partial<Limits>;
  readonly hosts?: readonly Omit<HostCredential, "secret">[];
  readonly buckets?: Readonly<Record<string, BucketConfig>>;
  readonly caFile?: string;
  readonly allowPickle?: boolean | readonly string[];
  readonly trustFirstUse?: boolean;
  readonly extraModelPaths?: readonly string[];
  readonly comfyui?: string;
  readonly workflowHosts?: readonly string[];
  readonly trust?: TrustPolicy;
}

/** A bucket of the config; the keys are names of environment variables. */
export interface BucketConfig extends Pick<BucketAccess, "endpoint" | "publicUrl"> {
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
}

export interface SettingsPorts {
  /** Reads a config file; called only when there is one. @throws ModelsError `CONFIG_INVALID` */
  readonly readConfig: (file: string) => Promise<Config>;
}

const GIB = 1024 ** 3;

/** Where authors of workflows publish what they use. */
const WORKFLOW_HOSTS: readonly string[] = ["huggingface.co", "civitai.com", "github.com", "raw.githubusercontent.com"];

/** Bytes of the file that holds a token. */
const MAX_TOKEN_BYTES = 64 * 1024;

const DEFAULT_LIMITS: Limits = { maxRate: null, lanes: null, lanesPerHost: 16, files: 4, reserveBytes: GIB };

/** The folder of this very package: beside `src/` and `dist/` alike. */
const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The catalogue that came with this very package. */
export const BUILT_IN: { readonly manifests: string; readonly kits: string } = {
  manifests: join(PACKAGE_ROOT, "manifests"),
  kits: join(PACKAGE_ROOT, "kits"),
};

/** What the build wrote down of it; may be absent. */
export const PREPARED_CATALOG: string = join(PACKAGE_ROOT, "dist", "catalog.json");

/**
 * Resolves every setting.
 * @param cwd absolute; where relative paths of flags and variables start, and where `models.config.yaml` is looked for
 * @throws ModelsError `CONFIG_INVALID` with every problem of the config, or for a variable that cannot be used
 */
export async function resolveSettings(
  flags: SettingsFlags,
  env: Environment,
  cwd: string,
  ports: SettingsPorts,
): Promise<Settings> {
  const file = findConfig(flags, env, cwd);
  const config = file === null ? {} : await ports.readConfig(file);
  const absolute = (path: string): string => resolve(cwd, path);
  const root = flags.root ?? variableOf(env, "MODELS_ROOT");
  return deepFreeze({
    root: root === null ? (config.root ?? absolute("models")) : absolute(root),
    manifests: places(cwd, "manifests", config.manifests, flags.manifests),
    kits: places(cwd, "kits", config.kits, flags.kits),
    lockfile:
      flags.lockfile === undefined ? (config.lockfile ?? absolute("models.lock.yaml")) : absolute(flags.lockfile),
    adopt: [...(flags.adopt ?? []).map(absolute), ...(config.adopt ?? [])],
    mirrors: [...(flags.mirrors ?? []).map(toTemplate), ...(config.mirrors ?? [])],
    hosts: (config.hosts ?? []).map((host) => ({ ...host, secret: secretOf(env, host.variable) })),
    limits: resolveLimits(flags, config.limits ?? {}),
    hub: await resolveHub(flags, env, cwd),
    civitai: resolveCivitai(env),
    s3: { ...toBuckets(config.buckets ?? {}, env), "s3://*": awsAccess(env), "r2://*": r2Access(env) },
    proxy: proxyVariables(env),
    caFile: absoluteOrNull(cwd, variableOf(env, "NODE_EXTRA_CA_CERTS")) ?? config.caFile ?? null,
    allowPickle: flags.allowPickle ?? config.allowPickle ?? false,
    trustFirstUse: flags.trustFirstUse ?? config.trustFirstUse ?? false,
    extraModelPaths: [...(flags.extraModelPaths ?? []).map(absolute), ...(config.extraModelPaths ?? [])],
    comfyui: (flags.comfyui === undefined ? config.comfyui : serverAddress(flags.comfyui))?.replace(/\/+$/, "") ?? null,
    workflowHosts: [...(config.workflowHosts ?? WORKFLOW_HOSTS), ...(flags.workflowHosts ?? [])],
    trust: config.trust ?? null,
    allowDowngrade: flags.allowDowngrade ?? false,
    config: file,
  });
}

/** What `BASE_MODEL_KIT` and `PRELOAD_WORKFLOW` select. */
export function selectionFromEnvironment(env: Environment): {
  readonly kits: readonly string[];
  readonly workflows: readonly string[];
} {
  return {
    kits: entriesOf(variableOf(env, "BASE_MODEL_KIT")),
    workflows: entriesOf(variableOf(env, "PRELOAD_WORKFLOW")),
  };
}

function findConfig(flags: SettingsFlags, env: Environment, cwd: string): string | null {
  const named = flags.config ?? variableOf(env, "MODELS_CONFIG");
  const file = resolve(cwd, named ?? "models.config.yaml");
  if (existsSync(file)) return file;
  if (named === null) return null;
  throw new ModelsError("CONFIG_INVALID", `Cannot read config "${file}": it does not exist`, {
    fix: flags.config === undefined ? "correct or unset MODELS_CONFIG" : "correct --config",
  });
}

function places(
  cwd: string,
  builtIn: "manifests" | "kits",
  configured: readonly string[] = [],
  flagged: readonly string[] = [],
): readonly string[] {
  return [BUILT_IN[builtIn], ...configured, ...flagged.map((place) => placeFrom(cwd, place))];
}

/** True for a path in the catalogue that came with this very package, and is trusted as the package is. */
export function isBuiltIn(path: string): boolean {
  return [BUILT_IN.manifests, BUILT_IN.kits].some((folder) => path.startsWith(folder + sep));
}

/** A place of manifests or kits: a URL as it is, a path made absolute from `folder`. */
export function placeFrom(folder: string, place: string): string {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(place) ? place : resolve(folder, place);
}

function toTemplate(address: string): MirrorTemplate {
  const template = /\{(?:path|name|sha256)\}/.test(address) ? address : `${address.replace(/\/+$/, "")}/{path}`;
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/]*)/i.exec(template);
  if (match !== null) return { name: match[1] || "file", template };
  throw new ModelsError("USAGE", `Cannot use mirror "${address.slice(0, 200)}": it is not an address`, {
    fix: "write it like https://models.example.net/{path} or r2://bucket/{path}",
  });
}

/** `127.0.0.1:8188` as people copy it from ComfyUI's own words, or the whole address. */
function serverAddress(text: string): string {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (/^https?:\/\/[^/?#@\s]+(?:\/[^?#\s]*)?$/i.test(address) && URL.canParse(address)) return address;
  throw new ModelsError("USAGE", `Cannot ask ComfyUI at "${text.slice(0, 200)}": it is not the address of a server`, {
    fix: "write it like http://127.0.0.1:8188",
  });
}

function resolveLimits(flags: Partial<Limits>, config: Partial<Limits>): Limits {
  const from = <K extends keyof Limits>(key: K): Limits[K] => flags[key] ?? config[key] ?? DEFAULT_LIMITS[key];
  return {
    maxRate: from("maxRate"),
    lanes: from("lanes"),
    lanesPerHost: from("lanesPerHost"),
    files: from("files"),
    reserveBytes: from("reserveBytes"),
  };
}

/** As huggingface_hub reads them: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables */
async function resolveHub(flags: SettingsFlags, env: Environment, cwd: string): Promise<Settings["hub"]> {
  const endpoint = endpointOf(env, "HF_ENDPOINT", "https://huggingface.co");
  const cacheHome = folderOf(env, cwd, "XDG_CACHE_HOME") ?? join(homeOf(env), ".cache");
  const home = folderOf(env, cwd, "HF_HOME") ?? join(cacheHome, "huggingface");
  const token = isSwitchedOn(env, "HF_HUB_DISABLE_IMPLICIT_TOKEN") ? null : await hubToken(env, cwd, home);
  refuseInTheClear(endpoint, token, "HF_ENDPOINT");
  return {
    endpoint,
    token,
    cache: folderOf(env, cwd, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"),
    isOffline: flags.offline ?? isSwitchedOn(env, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
  };
}

function resolveCivitai(env: Environment): Settings["civitai"] {
  const endpoint = endpointOf(env, "CIVITAI_ENDPOINT", "https://civitai.com");
  const token = secretOf(env, "CIVITAI_TOKEN", "CIVITAI_API_TOKEN");
  refuseInTheClear(endpoint, token, "CIVITAI_ENDPOINT");
  return { endpoint, token };
}

function refuseInTheClear(endpoint: string, token: Secret | null, name: string): void {
  const { protocol, hostname } = new URL(endpoint);
  if (token === null || protocol === "https:" || isLoopback(hostname)) return;
  throw new ModelsError(
    "CONFIG_INVALID",
    `Cannot use ${name}: it is plain http, and the token would go out in the clear`,
    {
      fix:
        name === "HF_ENDPOINT" ? "use https, or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1" : "use https, or unset the token",
    },
  );
}

async function hubToken(env: Environment, cwd: string, home: string): Promise<Secret | null> {
  const given = secretOf(env, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
  if (given !== null) return given;
  const file = folderOf(env, cwd, "HF_TOKEN_PATH") ?? join(home, "token");
  const text = await readBoundedText(file, MAX_TOKEN_BYTES).catch(() => "");
  return text.trim() === "" ? null : new Secret(text.trim());
}

function endpointOf(env: Environment, name: string, standard: string): string {
  const text = variableOf(env, name) ?? standard;
  if (/^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/i.test(text) && URL.canParse(text)) return text.replace(/\/+$/, "");
  throw new ModelsError("CONFIG_INVALID", `Cannot use ${name}: expected the address of a server, such as ${standard}`, {
    fix: `correct or unset ${name}`,
  });
}

function folderOf(env: Environment, cwd: string, ...names: readonly string[]): string | null {
  const text = variableOf(env, ...names);
  return absoluteOrNull(cwd, text === null ? null : text.replace(/^~(?=\/|$)/, () => homeOf(env)));
}

function homeOf(env: Environment): string {
  return variableOf(env, "HOME", "USERPROFILE") ?? homedir();
}

function absoluteOrNull(cwd: string, path: string | null): string | null {
  return path === null ? null : resolve(cwd, path);
}

function toBuckets(configs: Readonly<Record<string, BucketConfig>>, env: Environment): Buckets {
  return Object.fromEntries(Object.entries(configs).map(([name, config]) => [name, toBucket(config, env)]));
}

function toBucket(config: BucketConfig, env: Environment): Partial<BucketAccess> {
  const { accessKeyId, secretAccessKey, sessionToken, ...reached } = config;
  const named = [accessKeyId, secretAccessKey, sessionToken].filter((name) => name !== undefined);
  const unset = named.filter((name) => variableOf(env, name) === null);
  const keys = keysFrom(env, accessKeyId ?? "", secretAccessKey ?? "", sessionToken);
  return { ...reached, ...keys, ...(unset.length > 0 && { unset }) };
}

/** Lower case first, as curl reads them. */
function proxyVariables(env: Environment): Settings["proxy"] {
  const proxy = {
    http: findVariable(env, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
    https: findVariable(env, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    none: variableOf(env, "no_proxy", "NO_PROXY"),
  };
  Object.defineProperty(proxy, "toJSON", { value: () => "***" });
  Object.defineProperty(proxy, Symbol.for("nodejs.util.inspect.custom"), { value: () => "***" });
  return proxy;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
