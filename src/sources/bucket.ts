/** How an R2 or S3 bucket is a mirror: by its public address, or by addresses that are signed for an hour. */
import { accessTo } from "../base/access.ts";
import { ModelsError } from "../base/errors.ts";
import type { HttpAnswer } from "../net/http.ts";
import { metadataSha256 } from "../net/s3.ts";
import { askBeginning, isProbe, readProbe } from "./probe.ts";
import type { Asking, Resolved, SourceKind, SourceSettings } from "./source.ts";
import { type BucketSource, encodePath, formatSource } from "./uri.ts";
import { resolveAddress } from "./web.ts";

/** How long a signed address works, and how long it is given out: a range that starts late still ends in time. */
const SIGNED_SECONDS = 3600;
const GIVEN_OUT_MS = 50 * 60_000;

export const bucketSource: SourceKind<BucketSource> = {
  label: (source, settings) => {
    const { publicUrl, endpoint } = accessTo(settings.s3, source.kind, source.bucket);
    if (publicUrl !== undefined) return new URL(publicUrl).host;
    if (source.kind === "r2" && (endpoint === undefined || /\.r2\.cloudflarestorage\.com\/?$/.test(endpoint))) {
      return `${source.bucket}.r2.cloudflarestorage.com`;
    }
    return endpoint !== undefined ? new URL(endpoint).host : `${source.bucket}.s3.amazonaws.com`;
  },
  addressOf: publicAddress,
  resolve: (source, asking, signal) => {
    const url = publicAddress(source, asking.settings);
    if (url === null) return resolveSigned(source, asking, signal);
    return resolveAddress(url, formatSource(source), { asking, signal });
  },
};

function publicAddress({ kind, bucket, key }: BucketSource, { s3 }: SourceSettings): string | null {
  const { publicUrl } = accessTo(s3, kind, bucket);
  return publicUrl === undefined ? null : `${publicUrl.replace(/\/+$/, "")}/${encodePath(key)}`;
}

async function resolveSigned(source: BucketSource, asking: Asking, signal: AbortSignal): Promise<Resolved> {
  const staleAtMs = asking.clock.monotonicMs() + GIVEN_OUT_MS;
  const url = await asking.s3.presignGet(source, SIGNED_SECONDS);
  const answer = await askBeginning(asking, { url, credential: null, signal });
  if (!isProbe(answer)) throw bucketRefusal(answer, source);
  const probe = readProbe(answer, { ...asking, name: formatSource(source), credential: null });
  return { ...probe, sha256: metadataSha256(answer.headers), revision: null, staleAtMs };
}

/** S3 explains itself in an XML body. */
function bucketRefusal(answer: HttpAnswer, source: BucketSource): ModelsError {
  const name = formatSource(source);
  const text = Buffer.from(answer.body.subarray(0, 8192)).toString("utf8");
  const code = /<Code>([A-Za-z0-9]{1,60})<\/Code>/.exec(text)?.[1] ?? "";
  const seen = `its bucket answers ${answer.status}${code === "" ? "" : ` ${code}`}`;
  if (code === "NoSuchBucket") return notFound(name, `there is no bucket ${source.bucket}`);
  if (answer.status === 404 || answer.status === 410 || answer.status === 451) return notFound(name, seen);
  const region = answer.headers["x-amz-bucket-region"] ?? /<Region>([a-z0-9-]{1,40})<\/Region>/.exec(text)?.[1];
  if (region !== undefined && answer.status !== 403) {
    return new ModelsError("CONFIG_INVALID", `Cannot read "${name}": ${seen}, it lies in the region ${region}`, {
      fix: `set region: ${region} for ${source.bucket} under s3 in models.config.yaml`,
    });
  }
  if (code === "RequestTimeTooSkewed" || code === "RequestExpired" || code === "ExpiredRequest") {
    const { date = "another time" } = answer.headers;
    return new ModelsError(
      "SOURCE_UNAUTHORIZED",
      `Cannot read "${name}": ${seen}, for the bucket it is ${date.slice(0, 40)}`,
      {
        fix: "set this machine's clock",
      },
    );
  }
  if (answer.status >= 400 && answer.status < 500) {
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${seen}`, {
      fix: `check the access key and the secret key for ${source.bucket}, and that they may read it`,
    });
  }
  return new ModelsError("MIRROR_FAILED", `Cannot read "${name}": ${seen}, expected 206`);
}

const notFound = (name: string, seen: string): ModelsError =>
  new ModelsError("SOURCE_NOT_FOUND", `Cannot find "${name}": ${seen}`, { fix: "check the bucket and the key" });
