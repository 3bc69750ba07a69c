/** A digest to test with: in this thread, and counting. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { parseSha256 } from "../../src/base/artifact.ts";
import type { DigestPort } from "../../src/tree/terms.ts";

/** A digest that counts what it read. */
export interface CountingDigest extends DigestPort {
  readonly paths: string[];
}

export function createTestDigest(): CountingDigest {
  const paths: string[] = [];
  return {
    paths,
    sha256File: async (path, options = {}) => {
      paths.push(path);
      const hash = createHash("sha256");
      await pipeline(createReadStream(path), hash, options.signal === undefined ? {} : { signal: options.signal });
      options.onProgress?.((await stat(path)).size);
      return parseSha256(hash.digest("hex"));
    },
  };
}
