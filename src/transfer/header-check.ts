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
  /** Looks when the first `prefixBytes` of the file suffice. Answers at most once with a problem; else null. */
  readonly look: (prefixBytes: number) => Promise<HeaderProblem | null>;
  /** After a mend: look again. */
  readonly restart: () => void;
}

const FIRST_LOOK_BYTES = 64 * 1024;

/** The check that fits the name at `path`; files of other kinds pass. */
export function createHeaderCheck(path: string, size: number, partial: string): HeaderCheck {
  const read = readerFor(path);
  let needBytes = Math.min(size, FIRST_LOOK_BYTES);
  let isDone = read === null;
  let isLooking = false;
  return {
    look: async (prefixBytes) => {
      if (read === null || isDone || isLooking || prefixBytes < needBytes) return null;
      isLooking = true;
      try {
        const verdict = read(await firstBytes(partial, needBytes), size);
        if (verdict.kind === "more") {
          needBytes = verdict.needBytes;
          return null;
        }
        isDone = true;
        return verdict.kind === "bad" ? { problem: verdict.problem, bytes: needBytes } : null;
      } finally {
        isLooking = false;
      }
    },
    restart: () => {
      isDone = read === null;
    },
  };
}

function readerFor(path: string): ReadHeader | null {
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
