/** What the tests of a bucket share: a session over a real transport, and objects to put. */
import { createHash } from "node:crypto";
import type { BucketAccess } from "../../src/base/access.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { ProxyVariables } from "../../src/net/lane-protocol.ts";
import { createMultipart, type Multipart } from "../../src/net/s3-multipart.ts";
import { createS3Session } from "../../src/net/s3-session.ts";
import { createObjectStore, type ObjectFacts, type ObjectStore } from "../../src/net/s3-store.ts";
import { createS3Transport } from "../../src/net/s3-transport.ts";

export interface Desk extends AsyncDisposable {
  readonly store: ObjectStore;
  readonly uploads: Multipart;
  /** Milliseconds that were waited between tries. */
  readonly waits: readonly number[];
}

export const FACTS: ObjectFacts = { metadata: {}, contentType: "application/octet-stream", cacheControl: null };

/** Waits take no time, and are written down. */
export function openDesk(access: BucketAccess, bucket = "kits", kind: "r2" | "s3" = "r2"): Desk {
  return openDeskVia({ http: null, https: null, none: null }, access, { kind, bucket });
}

/** As {@link openDesk}, through a proxy. */
export function openDeskVia(
  proxy: ProxyVariables,
  access: BucketAccess,
  named: { readonly kind: "r2" | "s3"; readonly bucket: string },
): Desk {
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => {
      waits.push(ms);
      signal?.throwIfAborted();
    },
  };
  const transport = createS3Transport({ caFile: null, proxy, maxRate: null }, clock);
  const session = createS3Session(named, access, { transport, clock });
  const store = createObjectStore(session);
  return {
    store,
    uploads: createMultipart(session, store.head),
    waits,
    [Symbol.asyncDispose]: transport.close,
  };
}

export const md5Of = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

/** An object to put. */
export function object(key: string, bytes: Uint8Array): Parameters<ObjectStore["put"]>[0] {
  return { key, bytes, md5: md5Of(bytes), ...FACTS };
}

export async function listed(store: ObjectStore, prefix = ""): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
