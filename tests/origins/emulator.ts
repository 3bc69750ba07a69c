/** Cloudflare's own emulator of R2, with its S3 endpoint and its public address, on loopback. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import type { BucketAccess } from "../../src/base/access.ts";
import { Secret } from "../../src/base/secret.ts";

export interface Emulator extends AsyncDisposable {
  /** Of its S3 dialect. */
  readonly endpoint: string;
  /** Where the objects of the bucket can be read without a signature. */
  readonly publicUrl: string;
  /** How the bucket is reached; by its own keys unless others are given. */
  readonly access: (keys?: {
    readonly id?: string;
    readonly secret?: string;
    readonly endpoint?: string;
  }) => BucketAccess;
}

/** The one bucket there is. */
export const BUCKET = "kits";
export const ACCESS_KEY = "AK";
export const SECRET_KEY = "SK";

/**
 * Starts an emulator whose bucket is empty. Objects of up to 64 MiB and a few parts at a time are what it stands.
 * @param secret of the bucket's only key
 */
export async function startEmulator(secret: string = SECRET_KEY): Promise<Emulator> {
  const folder = await mkdtemp(join(tmpdir(), "modelferry-r2-"));
  const emulator = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    // It would ask the network about itself otherwise.
    cf: false,
    modules: true,
    compatibilityDate: "2026-04-01",
    script: "export default{fetch(){return new Response('ok')}}",
    r2Buckets: { B: { id: BUCKET, s3Credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: secret } } },
    r2Persist: folder,
  } as ConstructorParameters<typeof Miniflare>[0]);
  const { origin } = await emulator.ready;
  const endpoint = `${origin}/cdn-cgi/local/r2/s3`;
  return {
    endpoint,
    publicUrl: `${origin}/cdn-cgi/local/r2/public/${BUCKET}`,
    access: ({ id = ACCESS_KEY, secret: other = secret, endpoint: where = endpoint } = {}) => ({
      endpoint: where,
      region: "auto",
      accessKeyId: new Secret(id),
      secretAccessKey: new Secret(other),
    }),
    [Symbol.asyncDispose]: async () => {
      await emulator.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
