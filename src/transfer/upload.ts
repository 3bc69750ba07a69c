/** The parts of one artifact on their way into a bucket: filled, digested, sent, each byte through memory once. */
import { setMaxListeners } from "node:events";
import { parseSha256, type Sha256 } from "../base/artifact.ts";
import { anySignal } from "../base/flow.ts";
import type { DigestChain, PartDigest, PartFigures, PartMemory } from "../digest/part-digest.ts";
import type { UploadedPart } from "../net/s3-multipart.ts";
import { type Part, partsOf } from "./part-plan.ts";
import type { PartPool } from "./part-pool.ts";
import type { UploadLanes } from "./upload-lanes.ts";

/** Where the bytes of a part come from: a file that a digest thread reads, or whoever fills the memory. */
export type PartOrigin =
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "fill";
      readonly fill: (part: Part, memory: Uint8Array, signal: AbortSignal) => Promise<void>;
      /** Says whether a part may be what it ought to be; false has it filled again. */
      readonly judge: (part: Part, figures: PartFigures) => boolean;
    };

export interface UploadJob {
  readonly size: number;
  readonly partBytes: number;
  readonly origin: PartOrigin;
  /** Whether to compute the sha256 of the whole: not where it was computed just before. */
  readonly wantsSha256: boolean;
  /** A part of these figures that the bucket has already, or null. */
  readonly present: (part: Part, figures: PartFigures) => UploadedPart | null;
  /** Sends one part; gives its ETag. Called when there is a lane for it. */
  readonly send: (part: Part, bytes: Uint8Array, figures: PartFigures, signal: AbortSignal) => Promise<string>;
  /** Hears of every part that the bucket has now; `isSent` is false when it had it before. */
  readonly onPart: (part: UploadedPart, figures: PartFigures, isSent: boolean) => void;
  readonly signal: AbortSignal;
}

export interface UploadPorts {
  readonly pool: PartPool;
  readonly lanes: UploadLanes;
  readonly digest: PartDigest;
}

export interface UploadResult {
  /** Null unless it was wanted. */
  readonly sha256: Sha256 | null;
  readonly parts: readonly UploadedPart[];
  readonly md5: readonly string[];
  readonly xxh64: readonly string[];
}

/**
 * Brings every part of `job` into the bucket. The first thing that goes wrong ends all of it.
 * @throws whatever `send`, `fill` and the digest throw; the signal's reason
 */
export async function uploadParts(job: UploadJob, ports: UploadPorts): Promise<UploadResult> {
  const { pool, digest } = ports;
  const parts = partsOf(job.size, job.partBytes);
  const stop = new AbortController();
  const signal = anySignal(job.signal, stop.signal);
  // Every part listens, and so does every request.
  setMaxListeners(0, signal);
  const chain = job.wantsSha256 ? createOrdered(digest.chain(), signal) : null;
  const done: { uploaded: UploadedPart; figures: PartFigures }[] = new Array(parts.length);
  const running = new Set<Promise<void>>();
  const bring = async (part: Part, memory: PartMemory): Promise<void> => {
    try {
      const figures = await fillPart(part, memory, { origin: job.origin, digest, signal });
      const content = { bytes: memory.bytes.subarray(0, lengthOf(part)), figures };
      const [uploaded] = await Promise.all([deliver(part, content, { job, ports, signal }), chain?.add(part, memory)]);
      done[part.number - 1] = { uploaded, figures };
    } finally {
      pool.give(memory);
    }
  };
  try {
    for (const part of parts) {
      const memory = await pool.take(Math.min(job.partBytes, Math.max(1, job.size)), signal);
      const task = bring(part, memory).catch((error: unknown) => stop.abort(error));
      running.add(task);
      void task.finally(() => running.delete(task));
    }
    await Promise.all(running);
    signal.throwIfAborted();
    const sha256 = chain === null ? null : parseSha256(await chain.finish());
    return {
      sha256,
      parts: done.map(({ uploaded }) => uploaded),
      md5: done.map(({ figures }) => figures.md5),
      xxh64: done.map(({ figures }) => figures.xxh64),
    };
  } finally {
    chain?.cancel();
    await Promise.all(running);
    if (job.origin.kind === "file") digest.forget(job.origin.path);
  }
}

const lengthOf = ({ start, end }: Part): number => end - start;

interface Filling {
  readonly origin: PartOrigin;
  readonly digest: PartDigest;
  readonly signal: AbortSignal;
}

/** Brings the bytes of one part into `memory`, and gives their figures. */
export async function fillPart(
  part: Part,
  memory: PartMemory,
  { origin, digest, signal }: Filling,
): Promise<PartFigures> {
  if (origin.kind === "file") {
    return await digest.digest(memory, lengthOf(part), { path: origin.path, start: part.start });
  }
  for (;;) {
    await origin.fill(part, memory.bytes.subarray(0, lengthOf(part)), signal);
    const figures = await digest.digest(memory, lengthOf(part), null);
    signal.throwIfAborted();
    if (origin.judge(part, figures)) return figures;
  }
}

interface Delivery {
  readonly job: UploadJob;
  readonly ports: UploadPorts;
  readonly signal: AbortSignal;
}

async function deliver(
  part: Part,
  content: { readonly bytes: Uint8Array; readonly figures: PartFigures },
  { job, ports, signal }: Delivery,
): Promise<UploadedPart> {
  const { bytes, figures } = content;
  const present = job.present(part, figures);
  const etag =
    present?.etag ?? (await ports.lanes.run(async () => await job.send(part, bytes, figures, signal), signal));
  const uploaded = { number: part.number, size: bytes.length, etag };
  job.onPart(uploaded, figures, present === null);
  return uploaded;
}

interface Ordered extends Pick<DigestChain, "finish" | "cancel"> {
  readonly add: (part: Part, memory: PartMemory) => Promise<void>;
}

/** A chain that takes parts as they come and digests them in their order. */
function createOrdered(chain: DigestChain, signal: AbortSignal): Ordered {
  const ready = new Map<number, { readonly begin: () => void; readonly giveUp: () => void }>();
  let next = 1;
  signal.addEventListener("abort", () => {
    for (const { giveUp } of ready.values()) giveUp();
  });
  return {
    add: (part, memory) =>
      new Promise<void>((resolve, reject) => {
        signal.throwIfAborted();
        ready.set(part.number, {
          begin: () => void chain.add(memory, lengthOf(part)).then(resolve, reject),
          giveUp: () => reject(signal.reason),
        });
        for (let first = ready.get(next); first !== undefined; first = ready.get(next)) {
          ready.delete(next);
          next += 1;
          first.begin();
        }
      }),
    finish: chain.finish,
    cancel: chain.cancel,
  };
}
