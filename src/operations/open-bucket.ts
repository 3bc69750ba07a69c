/** Opens one bucket for writing: the session, its objects and its uploads, and the memory and threads that parts need. */
import { accessTo } from "../base/access.ts";
import type { Clock } from "../base/clock.ts";
import type { PartDigest } from "../digest/part-digest.ts";
import type { Multipart } from "../net/s3-multipart.ts";
import type { ObjectStore } from "../net/s3-store.ts";
import type { Settings } from "../settings.ts";
import type { PartPool } from "../transfer/part-pool.ts";
import type { UploadLanes } from "../transfer/upload-lanes.ts";

export interface OpenBucket {
  /** `r2://bucket`. */
  readonly name: string;
  /** Who is asked, for the record of an upload: a bucket's name alone says nothing. */
  readonly endpoint: string;
  readonly store: ObjectStore;
  readonly uploads: Multipart;
  readonly pool: PartPool;
  readonly lanes: UploadLanes;
  readonly digest: PartDigest;
  readonly close: () => Promise<void>;
}

const MIB = 1024 * 1024;
/** Room for eight parts of the usual size. */
const DEFAULT_MEMORY: number = 128 * MIB;

export interface OpenBucketOptions {
  /** Bytes of memory for parts. @default 128 MiB */
  readonly memory?: number;
}

/** Opens no connection and starts no thread before the first part. */
export async function openBucket(
  settings: Pick<Settings, "s3" | "caFile" | "proxy" | "limits">,
  place: { readonly kind: "r2" | "s3"; readonly bucket: string },
  { clock, memory = DEFAULT_MEMORY }: OpenBucketOptions & { readonly clock: Clock },
): Promise<OpenBucket> {
  const [session, stores, multiparts, transports, pools, lanes, digests] = await Promise.all([
    import("../net/s3-session.ts"),
    import("../net/s3-store.ts"),
    import("../net/s3-multipart.ts"),
    import("../net/s3-transport.ts"),
    import("../transfer/part-pool.ts"),
    import("../transfer/upload-lanes.ts"),
    import("../digest/part-digest.ts"),
  ]);
  const access = accessTo(settings.s3, place.kind, place.bucket);
  const { caFile, proxy, limits } = settings;
  const transport = transports.createS3Transport({ caFile, proxy, maxRate: limits.maxRate }, clock);
  const opened = session.createS3Session(place, access, { transport, clock });
  const store = stores.createObjectStore(opened);
  const pool = pools.createPartPool(memory);
  const running = lanes.createUploadLanes({ fixed: limits.lanes, most: limits.lanesPerHost }, clock);
  const digest = digests.createPartDigest();
  return {
    name: opened.name,
    endpoint: access.endpoint ?? "",
    store,
    uploads: multiparts.createMultipart(opened, store.head),
    pool,
    lanes: running,
    digest,
    close: async () => {
      running.close();
      await Promise.all([digest.close(), transport.close()]);
    },
  };
}
