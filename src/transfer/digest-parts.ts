/** The figures of a file's parts, for an object that is in its bucket already. */
import { type UploadPorts, uploadParts } from "./upload.ts";

export interface FileToDigest {
  readonly file: string;
  readonly size: number;
  readonly partBytes: number;
}

/** Reads `file` once. @throws ModelsError `DISK_FAILED`; the signal's reason */
export async function digestParts(
  { file, size, partBytes }: FileToDigest,
  ports: UploadPorts,
  signal: AbortSignal,
): Promise<{ readonly md5: readonly string[]; readonly xxh64: readonly string[] }> {
  return await uploadParts(
    {
      size,
      partBytes,
      origin: { kind: "file", path: file },
      wantsSha256: false,
      // As if each were there: nothing is sent.
      present: ({ number }) => ({ number, size: 0, etag: "" }),
      send: async () => "",
      onPart: () => undefined,
      signal,
    },
    ports,
  );
}
