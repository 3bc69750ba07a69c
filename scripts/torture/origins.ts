/** The mirrors of one world, as servers that run. */
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ACCESS_KEY, BUCKET, type Emulator, SECRET_KEY } from "../../tests/origins/emulator.ts";
import {
  type Authority,
  isGet,
  type LoggedRequest,
  nth,
  type Origin,
  startBucket,
  startHub,
  startRangeServer,
} from "../../tests/origins/index.ts";
import { arm } from "./faults.ts";
import type { PlannedMirror, WorldPlan } from "./plan.ts";

export interface WorldFile {
  readonly name: string;
  /** In the tree. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** What was set up for all worlds of a run. */
export interface Shared {
  readonly authority: Authority;
  readonly emulator: Emulator;
}

export interface Mirrors extends AsyncDisposable {
  /** Source URIs, by file. */
  readonly sourcesOf: (file: WorldFile) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Of `models.config.yaml`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Body bytes of files that went out so far. */
  readonly bytesSent: () => number;
  /** Every request for bytes so far; not those that the S3 server got. */
  readonly requests: () => readonly LoggedRequest[];
  /** Requests that carried a credential to a host that must not see it. */
  readonly leaks: () => readonly string[];
  /** All mirrors are good from now on. */
  readonly heal: () => Promise<void>;
}

const REPO = "torture/weights";
const COMMIT = "70".repeat(20);

interface Mirror {
  readonly sourceOf: (file: WorldFile) => string;
  readonly environment: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the bytes come from; null for the S3 server. */
  readonly origin: Origin | null;
  readonly leaks: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** Starts the servers of `plan`. @param secret goes to the one host that it is for */
export async function startMirrors(
  plan: WorldPlan,
  files: readonly WorldFile[],
  { secret, ...shared }: Shared & { readonly secret: string },
): Promise<Mirrors> {
  const mirrors: Mirror[] = [];
  for (const [index, planned] of plan.mirrors.entries()) {
    const host = `127.0.0.${index + 2}`;
    const mirror = await startMirror(planned, files, { ...shared, secret, host, prefix: `w${plan.index}m${index}` });
    mirror.origin?.setShape({ bytesPerSecond: planned.bytesPerSecond });
    if (mirror.origin !== null) for (const fault of planned.faults) arm(mirror.origin, fault);
    mirrors.push(mirror);
  }
  const origins = mirrors.flatMap(({ origin }) => origin ?? []);
  const merged = <K extends "environment" | "config">(key: K) =>
    mirrors.reduce((all, mirror) => mergeDeep(all, mirror[key]), {} as Record<string, unknown>);
  return {
    sourcesOf: (file) => mirrors.map(({ sourceOf }) => sourceOf(file)),
    environment: merged("environment") as Record<string, string>,
    config: merged("config"),
    bytesSent: () => origins.reduce((sum, origin) => sum + origin.bytesSent(), 0),
    requests: () => origins.flatMap(({ requests }) => requests),
    leaks: () => mirrors.flatMap(({ leaks }) => leaks()),
    heal: async () => {
      for (const origin of origins) {
        origin.faults.clear();
        await origin.revive();
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const mirror of mirrors) await mirror.close();
    },
  };
}

function mergeDeep(one: Record<string, unknown>, other: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const both = Object.entries(other).map(([key, value]) => {
    const known = one[key];
    const isBoth = typeof known === "object" && typeof value === "object";
    return [key, isBoth ? { ...known, ...value } : value];
  });
  return { ...one, ...Object.fromEntries(both) };
}

interface Setting extends Shared {
  readonly secret: string;
  readonly host: string;
  /** Of keys that no other world uses. */
  readonly prefix: string;
}

async function startMirror(planned: PlannedMirror, files: readonly WorldFile[], setting: Setting): Promise<Mirror> {
  switch (planned.kind) {
    case "hub":
      return await hubMirror(planned, files, setting);
    case "bucket":
      return await bucketMirror(files, setting);
    case "s3":
      return await s3Mirror(files, setting);
    default:
      return await webMirror(planned.kind === "https", files, setting);
  }
}

const nobody = (): readonly string[] => [];

/** It wants a token, and no other host may ever see that. */
async function webMirror(isTls: boolean, files: readonly WorldFile[], setting: Setting): Promise<Mirror> {
  const { host, secret, authority } = setting;
  const tls = isTls ? { tls: authority } : {};
  const token = `${secret}-tls`;
  const content = Object.fromEntries(files.map(({ path, bytes }) => [`/${path}`, bytes]));
  const origin = await startRangeServer(content, { host, ...tls });
  const config = isTls ? { hosts: { [`${host}:${origin.port}`]: { token: "TORTURE_TOKEN" } } } : {};
  return {
    sourceOf: ({ path }) => `${origin.url}/${path}`,
    environment: isTls ? { TORTURE_TOKEN: token } : {},
    config,
    origin,
    leaks: () => strangers(origin, isTls ? [`Bearer ${token}`] : []),
    close: origin.close,
  };
}

/** Credentials that `origin` got, but for those that are its own. */
function strangers(origin: Origin, own: readonly string[]): readonly string[] {
  return origin.requests.flatMap(({ headers, url }) => {
    const seen = [headers.authorization, headers.cookie, headers["x-api-key"]].flat();
    return seen
      .filter((value) => value !== undefined && !own.includes(value))
      .map((value) => `${origin.url} got ${String(value)} with ${url}`);
  });
}

async function hubMirror(planned: PlannedMirror, files: readonly WorldFile[], setting: Setting): Promise<Mirror> {
  const { host, secret } = setting;
  const token = `hf_${secret}`;
  const content = Object.fromEntries(files.map(({ path, bytes }) => [path, bytes]));
  const repo = { name: REPO, commit: COMMIT, files: content, isPrivate: true, granted: [token] };
  const cdn = { host: `127.0.1.${host.split(".").at(-1)}` };
  const hub = await startHub({ host, repos: [repo], cdn });
  if (planned.hasLinksExpire) hub.cdn.before(nth(isGet, 3), hub.links.expireLinks);
  return {
    sourceOf: ({ path }) => `hf://${REPO}@${COMMIT}/${path}`,
    environment: { HF_ENDPOINT: hub.endpoint, HF_TOKEN: token },
    config: {},
    origin: hub.cdn,
    leaks: () => [
      ...hub.leaks().map(({ url }) => `the Hub's storage got a credential with ${url}`),
      ...strangers(hub.origin, [`Bearer ${token}`]),
    ],
    close: hub.close,
  };
}

async function bucketMirror(files: readonly WorldFile[], { host, prefix }: Setting): Promise<Mirror> {
  const objects = Object.fromEntries(files.map(({ path, bytes }) => [path, bytes]));
  const bucket = await startBucket({ host, objects });
  return {
    sourceOf: ({ path }) => `r2://${prefix}/${path}`,
    environment: {},
    config: { buckets: { [prefix]: { publicUrl: bucket.url } } },
    origin: bucket,
    leaks: () => strangers(bucket, []),
    close: bucket.close,
  };
}

/** R2's own emulator, asked with signatures. */
async function s3Mirror(files: readonly WorldFile[], { emulator, prefix }: Setting): Promise<Mirror> {
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
  const { endpoint } = emulator;
  const client = new S3Client({ endpoint, region: "auto", forcePathStyle: true, credentials });
  for (const { path, bytes } of files) {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/${path}`, Body: bytes }));
  }
  client.destroy();
  return {
    sourceOf: ({ path }) => `s3://${BUCKET}/${prefix}/${path}`,
    environment: { AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY },
    config: {},
    origin: null,
    leaks: nobody,
    close: async () => undefined,
  };
}
