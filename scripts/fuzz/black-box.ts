/** Where the input that is tried now lies, so that it outlives the process that it breaks. */
import { openSync, readFileSync, writeSync } from "node:fs";

const HEAD = 16;

/** Gives what notes each input in the file at `path`, with its number. */
export function createRecorder(path: string): (bytes: Uint8Array) => void {
  const file = openSync(path, "w");
  let count = 0;
  return (bytes) => {
    count += 1;
    const head = Buffer.alloc(HEAD);
    head.writeDoubleLE(count, 0);
    head.writeDoubleLE(bytes.length, 8);
    writeSync(file, bytes, 0, bytes.length, HEAD);
    writeSync(file, head, 0, HEAD, 0);
  };
}

/** The last input and its number; null when there was none. */
export function readRecord(path: string): { readonly count: number; readonly bytes: Uint8Array } | null {
  const all = readFileSync(path);
  if (all.length < HEAD) return null;
  return { count: all.readDoubleLE(0), bytes: all.subarray(HEAD, HEAD + all.readDoubleLE(8)) };
}
