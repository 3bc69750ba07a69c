/** Looks at the header of a weights file as soon as its bytes are there, long before the last one. */
import { open } from "node:fs/promises";
import { readGgufHeader } from "../base/formats/gguf.ts";
import type { HeaderVerdict } from "../base/formats/header.ts";
import { readSafetensorsHeader } from "../base/formats/safetensors.ts";

type ReadHeader = (bytes: Uint8Array, size: number) => HeaderVerdict;

export interface HeaderProblem {
  /** Reads on from "the file ". */
  readonly problem: string;
  /** The bytes from the file's start that were looked at. */
  readonly bytes: number;
}

export interface HeaderCheck {
  /** Looks when the first `prefixBytes` of the file suffice. */
  readonly look: (prefixBytes: number) => void;
  /** The bytes before `HeaderProblem.bytes` are no longer what they were: whatever was seen does not count. */
  readonly restart: () => void;
  /** Resolves when no look is under way. */
  readonly settled: () => Promise<void>;
}

export interface HeaderCheckOptions {
  /** Path in the tree; its ending says which header is expected, files of other kinds pass. */
  readonly path: string;
  readonly size: number;
  /** Where the bytes are. */
  readonly partial: string;
  readonly onBad: (problem: HeaderProblem) => void;
  readonly onError: (error: unknown) => void;
}

const FIRST_LOOK_BYTES = 64 * 1024;

export function createHeaderCheck({ path, size, partial, onBad, onError }: HeaderCheckOptions): HeaderCheck {
  const read = headerReaderFor(path);
  const firstLook = Math.min(size, FIRST_LOOK_BYTES);
  let needBytes = firstLook;
  let isDone = read === null;
  let prefixBytes = 0;
  let underWay: Promise<void> | null = null;
  let round = 0;

  const lookAt = async (readHeader: ReadHeader): Promise<void> => {
    const own = round;
    const bytes = needBytes;
    const verdict = readHeader(await firstBytes(partial, bytes), size);
    if (own !== round) return;
    if (verdict.kind === "more" && verdict.needBytes > bytes) needBytes = Math.min(size, verdict.needBytes);
    else isDone = true;
    if (verdict.kind === "bad") onBad({ problem: verdict.problem, bytes });
  };
  const begin = (): void => {
    if (read === null || isDone || underWay !== null || prefixBytes < needBytes) return;
    underWay = lookAt(read)
      .catch((error: unknown) => {
        isDone = true;
        onError(error);
      })
      .then(() => {
        underWay = null;
        // More may be needed, or the bytes were exchanged meanwhile.
        begin();
      });
  };
  return {
    look: (bytes) => {
      prefixBytes = bytes;
      begin();
    },
    restart: () => {
      round += 1;
      prefixBytes = 0;
      needBytes = firstLook;
      isDone = read === null;
    },
    settled: async () => {
      while (underWay !== null) await underWay;
    },
  };
}

/** How the header of a file at `path` is read, by its ending; null where the format has no rules here. */
export function headerReaderFor(path: string): ReadHeader | null {
  if (/\.(safetensors|sft)$/i.test(path)) return readSafetensorsHeader;
  return /\.gguf$/i.test(path) ? readGgufHeader : null;
}

async function firstBytes(path: string, bytes: number): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
