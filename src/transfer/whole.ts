/** A small file that came whole with a mirror's first answer: how it is proven in memory, and written in one go. */
import { hash } from "node:crypto";
import { closeSync, mkdirSync, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Artifact } from "../base/artifact.ts";
import { openFile, unlinkIfThere } from "../base/descriptors.ts";
import { systemCode } from "../base/system-errors.ts";
import { headerReaderFor } from "./header-check.ts";
import { diskProblem } from "./partial-file.ts";

const writeAt = promisify(write);

/** True when `bytes` are those of the artifact, and begin as weights with the ending of `path` must. */
export function isProven(bytes: Uint8Array, { path, size, sha256 }: Artifact & { readonly path: string }): boolean {
  if (bytes.length !== size || hash("sha256", bytes) !== sha256) return false;
  return headerReaderFor(path)?.(bytes, size).kind !== "bad";
}

/**
 * Writes `bytes` as the partial file at `path`, in the place of any other. Needs no journal, for there is nothing to
 * resume; and is not durable yet.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = await createFile(path);
    try {
      await writeAll(file, bytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw diskProblem(path, error);
  }
}

/** Most often the folder is there, and nothing of that name is in it: who looks first waits for whoever writes there. */
async function createFile(path: string): Promise<number> {
  const create = (): Promise<number> => openFile(path, "wx", 0o644);
  return await create().catch(async (error: unknown) => {
    if (systemCode(error) === "ENOENT") mkdirSync(dirname(path), { recursive: true });
    else if (systemCode(error) === "EEXIST") await unlinkIfThere(path);
    else throw error;
    return await create();
  });
}

/** A disk that gets full takes a part, and says so at the next write only. */
async function writeAll(file: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await writeAt(file, bytes, at, bytes.length - at, at);
    at += bytesWritten;
  }
}
