/** Seeded bytes, and the models that are made of them. */
import { createHash } from "node:crypto";
import { parseSha256, type Sha256 } from "../../src/base/artifact.ts";
import { parseTreePath } from "../../src/base/paths.ts";
import type { WantedArtifact } from "../../src/tree/terms.ts";

export function sha256Of(content: Uint8Array | string): Sha256 {
  return parseSha256(createHash("sha256").update(content).digest("hex"));
}

/** `size` bytes that are the same for the same seed. */
export function seededBytes(seed: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let at = 0; at < size; at += 1) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

export function wantedOf(path: string, content: Uint8Array | string, aliases: readonly string[] = []): WantedArtifact {
  return {
    name: path.split("/").at(-1) ?? path,
    path: parseTreePath(path),
    aliases: aliases.map(parseTreePath),
    size: Buffer.byteLength(content),
    sha256: sha256Of(content),
  };
}
