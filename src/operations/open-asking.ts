/** Opens what asks one source about itself: no configured mirror, no copy on this disk. */
import { parseSha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/events.ts";
import { userAgent } from "../base/version.ts";
import { createPartDigest } from "../digest/part-digest.ts";
import { createMemoryReader, type MemoryReader } from "../net/memory-reader.ts";
import type { Settings } from "../settings.ts";
import { describeSource } from "../sources/describe.ts";
import { createSources, pinnedUri } from "../sources/index.ts";
import { partBytesFor } from "../transfer/part-plan.ts";
import { createPartPool } from "../transfer/part-pool.ts";
import { createPartSource } from "../transfer/part-source.ts";
import { uploadParts } from "../transfer/upload.ts";
import { createUploadLanes } from "../transfer/upload-lanes.ts";
import type { Asking } from "./add.ts";
import { openControlPlane } from "./open-network.ts";
import { createSending } from "./sending.ts";

const MEMORY = 96 * 1024 * 1024;

export async function openAsking(
  settings: Settings,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): Promise<Asking> {
  const { http, s3 } = await openControlPlane(settings, clock, report);
  const context = { settings: { ...settings, mirrors: [] }, http, s3, clock, pace: async () => undefined };
  const { caFile, proxy } = settings;
  const reader = createMemoryReader({ caFile, proxy, userAgent: userAgent() }, clock);
  const { mirrorsOf } = createSources(context.settings, context);
  return {
    mirrorsOf,
    describe: (uri, signal) => describeSource(uri, context, signal),
    pinned: pinnedUri,
    reader,
    digestOf: createDigestOf(reader, clock),
    close: async () => {
      await Promise.all([reader.close(), http.close()]);
    },
  };
}

/** Reads a mirror whole, through memory. */
function createDigestOf(reader: MemoryReader, clock: Clock): Asking["digestOf"] {
  return async (model, mirror, { signal, report }) => {
    const { size } = mirror;
    const partBytes = partBytesFor(size);
    using source = createPartSource(
      { model, size, mirrors: [mirror], pieces: null, isPinned: false, partBytes, onDropped: () => undefined },
      { reader, clock },
    );
    const digest = createPartDigest();
    const lanes = createUploadLanes({ fixed: null, most: 1 }, clock);
    const sending = createSending(clock, report);
    const progress = sending.begin({ model, size, doneBytes: 0, label: mirror.label });
    report({ kind: "file-started", model, path: model, size, resumedBytes: 0 });
    try {
      const { sha256 } = await uploadParts(
        {
          size,
          partBytes,
          origin: { kind: "fill", fill: source.fill, judge: source.judge },
          wantsSha256: true,
          // Nothing goes anywhere: each part counts as there.
          present: ({ number }) => ({ number, size: 0, etag: "" }),
          send: async () => "",
          onPart: (part) => progress.add(part.size),
          signal,
        },
        { pool: createPartPool(MEMORY), lanes, digest },
      );
      return parseSha256(sha256 ?? "");
    } finally {
      progress.end();
      sending.close();
      lanes.close();
      await digest.close();
    }
  };
}
