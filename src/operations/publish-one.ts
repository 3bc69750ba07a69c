/** Brings one planned model into the bucket, with its piece table, and reads it back where that was asked for. */
import type { Report } from "../base/events.ts";
import type { PieceTable } from "../catalog/pieces.ts";
import { digestParts } from "../transfer/digest-parts.ts";
import { partBytesFor } from "../transfer/part-plan.ts";
import type { PartOrigin } from "../transfer/upload.ts";
import type { OpenBucket } from "./open-bucket.ts";
import { putPieceTable, readPieceTable, sampledPieces } from "./piece-tables.ts";
import { conflictError, type PublishLine } from "./plan-publish.ts";
import { readBack } from "./read-back.ts";
import type { Sending } from "./sending.ts";
import { storeObject } from "./store-object.ts";

export interface PublishRun {
  readonly bucket: OpenBucket;
  readonly sending: Sending;
  readonly report: Report;
  readonly random: () => number;
  readonly verify: "sample" | "all" | null;
  readonly signal: AbortSignal;
}

export interface OneToPublish {
  readonly line: PublishLine;
  readonly key: string;
  readonly origin: PartOrigin;
  readonly isProofWanted: boolean;
  readonly isUnchanged: (() => Promise<boolean>) | null;
  readonly journal: string;
}

/** Obeys the plan's line; gives the bytes that went out. @throws ModelsError as `storeObject`, `BUCKET_CONFLICT` */
export async function publishOne(run: PublishRun, one: OneToPublish): Promise<number> {
  const { line } = one;
  if (line.action === "refuse") throw conflictError(line);
  return line.action === "present" ? await keepPresent(run, one) : await send(run, one);
}

async function send(run: PublishRun, one: OneToPublish): Promise<number> {
  const { bucket, sending, report, signal } = run;
  const { line, key } = one;
  const { model, path, to, size, sha256, object } = line;
  let file: ReturnType<Sending["begin"]> | null = null;
  try {
    const stored = await storeObject({ ...one, model, to, size, sha256, replaces: object?.etag ?? null }, bucket, {
      signal,
      onStart: (resumedBytes) => {
        file = sending.begin({ model, size, doneBytes: resumedBytes, label: bucket.name });
        report({ kind: "file-started", model, path, size, resumedBytes });
      },
      onBytes: (bytes) => file?.add(bytes),
      onRetry: (status) => {
        if (status !== 429 && status !== 503) return;
        const message = `${bucket.name} answers ${status}, waiting`;
        report({ kind: "waiting", model, on: "rate-limit", message, untilMs: null });
      },
    });
    await putPieceTable(bucket, { key, etag: stored.etag }, stored.table, signal);
    await verify(run, one, { etag: stored.etag, table: stored.table });
    return stored.sentBytes;
  } finally {
    (file as ReturnType<Sending["begin"]> | null)?.end();
  }
}

/** What is there keeps as it is; a table that it lacks is made from the file. */
async function keepPresent(run: PublishRun, one: OneToPublish): Promise<number> {
  const { bucket, signal } = run;
  const { line, key, origin } = one;
  const { size, sha256 } = line;
  const etag = line.object?.etag ?? "";
  const known = await readPieceTable(bucket, key, signal).catch(() => null);
  let table: PieceTable | null = known?.table ?? null;
  if (table === null || table.size !== size || table.sha256 !== sha256) {
    if (origin.kind !== "file") return 0;
    const partBytes = partBytesFor(size);
    const { xxh64 } = await digestParts({ file: origin.path, size, partBytes }, bucket, signal);
    table = { size, sha256, pieceBytes: partBytes, xxh64 };
    await putPieceTable(bucket, { key, etag }, table, signal);
  }
  await verify(run, one, { etag, table });
  return 0;
}

async function verify(
  run: PublishRun,
  { line, key }: OneToPublish,
  object: { readonly etag: string; readonly table: PieceTable },
): Promise<void> {
  if (run.verify === null) return;
  const pieces = sampledPieces(object.table.xxh64.length, run.verify, run.random);
  const { model, size } = line;
  await readBack(
    run.bucket,
    { key, ...object },
    {
      pieces,
      signal: run.signal,
      onProgress: (doneBytes) => run.report({ kind: "file-verifying", model, doneBytes, size }),
    },
  );
}
