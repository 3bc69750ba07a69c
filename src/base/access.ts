/** How hosts and buckets are reached and who asks: credentials as settings hold them, and those that the environment gives. */
import { variableOf } from "./environment.ts";
import type { Environment } from "./process.ts";
import { Secret } from "./secret.ts";

/** A credential for one host. */
export interface HostCredential {
  /** Lower case, with `:port` where it is not the scheme's own. */
  readonly host: string;
  /** `bearer` sends `Authorization: Bearer <secret>`, `basic` takes `user:password`, `header` sends the secret alone. */
  readonly scheme: "bearer" | "basic" | "header";
  /** The header's name, with the scheme `header` only. */
  readonly header?: string;
  /** Null when the variable is not set; that matters only once the host is asked. */
  readonly secret: Secret | null;
  /** The environment variable that should hold the secret. */
  readonly variable: string;
}

/** How one bucket is reached. What is left out is left to the AWS SDK's own chain. */
export interface BucketAccess {
  readonly endpoint?: string;
  readonly region: string;
  /** Where its objects can be read without a signature: `<publicUrl>/<key>`. */
  readonly publicUrl?: string;
  readonly accessKeyId?: Secret;
  readonly secretAccessKey?: Secret;
  readonly sessionToken?: Secret;
  /** Variables that the config names and nobody has set; that matters only once the bucket is asked. */
  readonly unset?: readonly string[];
}

/** By bucket name; `s3://*` and `r2://*` say what the environment gives to all buckets of that scheme. */
export type Buckets = Readonly<Record<string, Partial<BucketAccess>>>;

/**
 * How `bucket` is reached: by its own entry, and by the environment where that leaves something open. Keys are never
 * mixed of both, and the environment's public address is of another bucket than one that has an entry.
 */
export function accessTo(buckets: Buckets, scheme: "s3" | "r2", bucket: string): BucketAccess {
  const standard = { region: scheme === "r2" ? "auto" : "us-east-1", ...buckets[`${scheme}://*`] };
  const own = Object.hasOwn(buckets, bucket) ? buckets[bucket] : undefined;
  if (own === undefined) return standard;
  const { publicUrl: _, accessKeyId, secretAccessKey, sessionToken, ...reached } = standard;
  const keys = { ...given("accessKeyId", accessKeyId ?? null), ...given("secretAccessKey", secretAccessKey ?? null) };
  const hasOwnKeys = own.accessKeyId !== undefined || own.unset !== undefined;
  return {
    ...reached,
    ...(isR2Endpoint(own.endpoint) && { region: "auto" }),
    ...(hasOwnKeys ? {} : { ...keys, ...given("sessionToken", sessionToken ?? null) }),
    ...own,
  };
}

function isR2Endpoint(endpoint: string | undefined): boolean {
  return endpoint !== undefined && /\.r2\.cloudflarestorage\.com\/?$/i.test(endpoint);
}

/** What the AWS variables say. */
export function awsAccess(environment: Environment): BucketAccess {
  return {
    ...given("endpoint", variableOf(environment, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")),
    region: variableOf(environment, "AWS_REGION", "AWS_DEFAULT_REGION") ?? "us-east-1",
    ...keysFrom(environment, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
  };
}

/** What the R2 variables say; the AWS ones fill what they leave open, since R2's own guides set those. */
export function r2Access(environment: Environment): BucketAccess {
  const { region: _, endpoint, ...awsKeys } = awsAccess(environment);
  const account = variableOf(environment, "R2_ACCOUNT_ID");
  // A key and its secret belong together, so they come from one family of variables.
  const hasKeys = variableOf(environment, "R2_ACCESS_KEY_ID") !== null;
  return {
    ...given("endpoint", account === null ? (endpoint ?? null) : `https://${account}.r2.cloudflarestorage.com`),
    region: "auto",
    ...given("publicUrl", variableOf(environment, "R2_PUBLIC_URL")),
    ...(hasKeys ? keysFrom(environment, "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY") : awsKeys),
  };
}

/** The keys that variables of these names hold; those that are unset are left out. */
export function keysFrom(
  environment: Environment,
  accessKeyId: string,
  secretAccessKey: string,
  sessionToken?: string,
): Pick<BucketAccess, "accessKeyId" | "secretAccessKey" | "sessionToken"> {
  const token = sessionToken === undefined ? null : secretOf(environment, sessionToken);
  return {
    ...given("accessKeyId", secretOf(environment, accessKeyId)),
    ...given("secretAccessKey", secretOf(environment, secretAccessKey)),
    ...given("sessionToken", token),
  };
}

/** The secret that the first set variable of `names` holds, or null. */
export function secretOf(environment: Environment, ...names: readonly string[]): Secret | null {
  const value = variableOf(environment, ...names);
  return value === null ? null : new Secret(value);
}

/** True for the names and addresses of this very machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

function given<K extends string, V>(key: K, value: V | null): { readonly [P in K]?: V } {
  return value === null ? {} : ({ [key]: value } as { readonly [P in K]: V });
}
