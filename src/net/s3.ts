/** The only door to the AWS SDK, which is loaded by the first call that needs it: signs addresses, asks for an object's head. */
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import type { BucketAccess } from "../base/access.ts";
import { isSha256, type Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError, reasonOf } from "../base/errors.ts";
import { withoutWarning } from "../base/process.ts";
import type { Http } from "./http.ts";

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
/** What the SDK says of Node versions is for us to heed (`engines`), not for who runs a sync. */
export const SDK_WARNING = "NodeVersionSupportWarning";

/**
 * The SDK only signs here; every byte goes through {@link Http}, with its proxy, its authorities and its limits.
 * Without keys of its own, an `s3://` bucket is signed with what the SDK's chain finds: a profile, a web identity, a role.
 * @param access how the bucket of a place is reached
 */
export function createS3(access: (place: ObjectPlace) => BucketAccess, ports: S3Ports): S3 {
  let sdk: Promise<Sdk> | null = null;
  const clients = new Map<string, S3Client>();

  const sign = async (place: ObjectPlace, method: "GET" | "HEAD", seconds: number): Promise<string> => {
    const settings = clientSettings(place, access(place));
    sdk ??= loadSdk();
    const { S3Client, GetObjectCommand, HeadObjectCommand, getSignedUrl } = await sdk;
    const name = nameOf(place);
    const client = clients.get(name) ?? withoutWarning(SDK_WARNING, () => new S3Client(settings));
    clients.set(name, client);
    const asked = { Bucket: place.bucket, Key: place.key };
    const command = method === "GET" ? new GetObjectCommand(asked) : new HeadObjectCommand(asked);
    const options = { expiresIn: seconds, signingDate: new Date(ports.clock.now()) };
    return getSignedUrl(client, command, options).catch((cause: unknown) => {
      throw unsigned(place, cause);
    });
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

/**
 * How the SDK is set up for the bucket of `place`: no checksums that R2 refuses, no wait for a `100 Continue` that R2
 * never sends (https://developers.cloudflare.com/r2/api/s3/extensions/).
 * @throws ModelsError `SOURCE_UNAUTHORIZED` without keys, `CONFIG_INVALID` without an endpoint for R2
 */
export function clientSettings(place: Omit<ObjectPlace, "key">, access: BucketAccess): S3ClientConfig {
  const { accessKeyId, secretAccessKey, sessionToken, endpoint, region } = access;
  const hasKeys = accessKeyId !== undefined && secretAccessKey !== undefined;
  if ((!hasKeys && place.kind === "r2") || (access.unset ?? []).length > 0) throw keyless(place, access);
  if (place.kind === "r2" && endpoint === undefined) {
    throw new ModelsError(
      "CONFIG_INVALID",
      `Cannot read from "${nameOf(place)}": R2 needs the endpoint of its account`,
      {
        fix: `set R2_ACCOUNT_ID, or endpoint: https://<account>.r2.cloudflarestorage.com for ${place.bucket} in models.config.yaml`,
      },
    );
  }
  return {
    region,
    ...(endpoint === undefined ? { forcePathStyle: place.bucket.includes(".") } : { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    ...(hasKeys && {
      credentials: {
        accessKeyId: accessKeyId.reveal(),
        secretAccessKey: secretAccessKey.reveal(),
        ...(sessionToken !== undefined && { sessionToken: sessionToken.reveal() }),
      },
    }),
  };
}

const nameOf = (place: Omit<ObjectPlace, "key">): string => `${place.kind}://${place.bucket}`;

function keyless(place: Omit<ObjectPlace, "key">, access: BucketAccess, cause?: unknown): ModelsError {
  const unset = (access.unset ?? []).join(" and ");
  const seen =
    unset === "" ? "it has neither a public URL nor credentials" : `its keys are in ${unset}, which is not set`;
  const names =
    place.kind === "r2" ? "R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  const fix = unset === "" ? `set publicUrl for ${place.bucket} in models.config.yaml, or ${names}` : `set ${unset}`;
  return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read from "${nameOf(place)}": ${seen}`, { fix, cause });
}

/** The SDK's chain found nothing; what it says of each provider may name files and is only kept as the cause. */
function unsigned(place: ObjectPlace, cause: unknown): ModelsError {
  const isKeyless = cause instanceof Error && /Credentials/.test(cause.name);
  if (isKeyless) return keyless(place, { region: "" }, cause);
  return new ModelsError("CONFIG_INVALID", `Cannot sign an address in "${nameOf(place)}": ${reasonOf(cause)}`, {
    cause,
  });
}
