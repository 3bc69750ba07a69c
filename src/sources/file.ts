/** How a file on this box (or on a disk that it mounts) is a mirror. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { ModelsError } from "../base/errors.ts";
import type { SourceKind } from "./source.ts";
import { type FileSource, formatSource } from "./uri.ts";

export const fileSource: SourceKind<FileSource> = {
  label: () => "file",
  resolve: async (source, { headBytes }, signal) => {
    signal.throwIfAborted();
    const name = formatSource(source);
    try {
      // Asked before it is opened: opening a pipe would wait for its writer.
      if (!(await stat(source.path)).isFile())
        throw new ModelsError("SOURCE_INVALID", `Cannot use "${name}": it is no file`);
      await using file = await open(source.path, "r");
      const { size } = await file.stat();
      const head = await readHead(file, headBytes);
      const endpoint = { kind: "file", path: source.path } as const;
      return { endpoint, size, head, sha256: null, revision: null, staleAtMs: null };
    } catch (error) {
      throw fileError(error, name);
    }
  },
};

async function readHead(file: FileHandle, headBytes: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  return buffer.subarray(0, bytesRead);
}

function fileError(error: unknown, name: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new ModelsError("SOURCE_NOT_FOUND", `Cannot find "${name}": ${code}`, { cause: error });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${code}`, {
      cause: error,
      fix: "give this user read access to the file",
    });
  }
  if (error instanceof ModelsError) return error;
  return new ModelsError("MIRROR_FAILED", `Cannot read "${name}": ${code}`, { cause: error });
}
