/** How a file from outside is read: never more of it than was agreed on, however long it says that it is. */
import { open } from "node:fs/promises";

/** Enough for a pipe, which says that it has no bytes. */
const FIRST_BYTES = 64 * 1024;

/**
 * The bytes of the file or pipe at `path`.
 * @throws Error of the system, or one that says how many bytes it has and how many were expected
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  if (size > maxBytes) throw tooLong(String(size), maxBytes);
  let bytes = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(size, FIRST_BYTES)) + 1);
  for (let length = 0; ; ) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
    if (bytesRead === 0) return bytes.subarray(0, length);
    length += bytesRead;
    if (length > maxBytes) throw tooLong(`more than ${maxBytes}`, maxBytes);
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(maxBytes + 1, length * 2));
  }
}

/** {@link readBounded} as text. */
export async function readBoundedText(path: string, maxBytes: number): Promise<string> {
  return (await readBounded(path, maxBytes)).toString("utf8");
}

function tooLong(seen: string, maxBytes: number): Error {
  return new Error(`it has ${seen} bytes, expected at most ${maxBytes}`);
}
