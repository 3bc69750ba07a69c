/** The only door to the AWS SDK, which is loaded by the first call that needs it: signs addresses, asks for an object's head. */
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { isSha256, type Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import type { Http } from "./http.ts";

/** What the configuration says about one bucket. */
export interface BucketAccess {
  /** `https://<account>.r2.cloudflarestorage.com` for R2; left out for AWS. */
  readonly endpoint?: string | null | undefined;
  /** @default "auto" for R2 and own endpoints, "us-east-1" for AWS */
  readonly region?: string | null | undefined;
  readonly accessKeyId?: Secret | null | undefined;
  readonly secretAccessKey?: Secret | null | undefined;
  readonly sessionToken?: Secret | null | undefined;
}

export interface ObjectPlace {
  readonly kind: "r2" | "s3";
  readonly bucket: string;
  readonly key: string;
}

/** What a bucket says about an object. */
export interface ObjectHead {
  readonly size: number;
  readonly etag: string | null;
  /** The object's metadata `sha256`, when it holds one. */
  readonly sha256: Sha256 | null;
}

export interface S3 {
  /**
   * An address that reads the object for `seconds`; it is a secret.
   * @throws ModelsError `SOURCE_UNAUTHORIZED` without credentials, `CONFIG_INVALID` without an endpoint for R2
   */
  readonly presignGet: (place: ObjectPlace, seconds: number) => Promise<string>;
  /**
   * The object's head, or null when there is no such object.
   * @throws ModelsError as `presignGet`, and as `Http.request`
   */
  readonly head: (place: ObjectPlace, signal?: AbortSignal) => Promise<ObjectHead | null>;
}

type Sdk = typeof import("@aws-sdk/client-s3") & typeof import("@aws-sdk/s3-request-presigner");

interface S3Ports {
  readonly http: Http;
  readonly clock: Clock;
}

const HEAD_SECONDS = 300;

/**
 * The SDK only signs here; every byte goes through {@link Http}, with its proxy, its authorities and its limits.
 * @param access what is known of a bucket, or null
 */
export function createS3(access: (place: ObjectPlace) => BucketAccess | null, ports: S3Ports): S3 {
  let sdk: Promise<Sdk> | null = null;
  const clients = new Map<string, S3Client>();

  const sign = async (place: ObjectPlace, method: "GET" | "HEAD", seconds: number): Promise<string> => {
    const settings = clientSettings(place, access(place));
    sdk ??= loadSdk();
    const { S3Client, GetObjectCommand, HeadObjectCommand, getSignedUrl } = await sdk;
    const name = `${place.kind}://${place.bucket}`;
    const client = clients.get(name) ?? new S3Client(settings);
    clients.set(name, client);
    const asked = { Bucket: place.bucket, Key: place.key };
    const command = method === "GET" ? new GetObjectCommand(asked) : new HeadObjectCommand(asked);
    return getSignedUrl(client, command, { expiresIn: seconds, signingDate: new Date(ports.clock.now()) });
  };

  return {
    presignGet: (place, seconds) => sign(place, "GET", seconds),
    head: async (place, signal) => {
      const url = await sign(place, "HEAD", HEAD_SECONDS);
      const answer = await ports.http.request({ url, method: "HEAD", ...(signal === undefined ? {} : { signal }) });
      if (answer.status === 404) return null;
      const { etag = null } = answer.headers;
      const size = Number(answer.headers["content-length"] ?? Number.NaN);
      if (answer.status === 200 && Number.isSafeInteger(size)) {
        return { size, etag, sha256: metadataSha256(answer.headers) };
      }
      const name = `${place.kind}://${place.bucket}/${place.key}`;
      throw new ModelsError("SOURCE_UNAUTHORIZED", `Cannot look at "${name}": its bucket answers ${answer.status}`, {
        fix: "check that the key may read this bucket",
      });
    },
  };
}

/** The digest that an uploader left in the object's metadata, or null. */
export function metadataSha256(headers: Readonly<Record<string, string>>): Sha256 | null {
  const value = headers["x-amz-meta-sha256"]?.trim().toLowerCase();
  return isSha256(value) ? value : null;
}

async function loadSdk(): Promise<Sdk> {
  const [client, presigner] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@aws-sdk/s3-request-presigner"),
  ]);
  return { ...client, ...presigner };
}

function clientSettings(place: ObjectPlace, access: BucketAccess | null): S3ClientConfig {
  const name = `${place.kind}://${place.bucket}`;
  const { accessKeyId, secretAccessKey, sessionToken, endpoint, region } = access ?? {};
  if (!accessKeyId || !secretAccessKey) {
    throw new ModelsError(
      "SOURCE_UNAUTHORIZED",
      `Cannot read from "${name}": it has neither a public URL nor credentials`,
      {
        fix: `set publicUrl for ${place.bucket} under s3 in models.config.yaml, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      },
    );
  }
  if (place.kind === "r2" && !endpoint) {
    throw new ModelsError("CONFIG_INVALID", `Cannot read from "${name}": R2 needs the endpoint of its account`, {
      fix: `set endpoint: https://<account>.r2.cloudflarestorage.com for ${place.bucket} under s3 in models.config.yaml`,
    });
  }
  return {
    region: region || (endpoint ? "auto" : "us-east-1"),
    ...(endpoint ? { endpoint, forcePathStyle: true } : { forcePathStyle: place.bucket.includes(".") }),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    credentials: {
      accessKeyId: accessKeyId.reveal(),
      secretAccessKey: secretAccessKey.reveal(),
      ...(sessionToken ? { sessionToken: sessionToken.reveal() } : {}),
    },
  };
}
