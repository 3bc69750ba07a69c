/** The piece table that content ought to have, computed apart from the code that is tested. */
import { createHash } from "node:crypto";
import xxhash from "xxhash-wasm";
import type { Sha256 } from "../../src/base/artifact.ts";
import type { PieceTable } from "../../src/catalog/pieces.ts";
import { bytesOf, type Content } from "../origins/index.ts";

const PIECE = 16 * 1024 * 1024;

export async function pieceTableOf(content: Content): Promise<PieceTable> {
  const { h64Raw } = await xxhash();
  const bytes = await bytesOf(content);
  const xxh64 = Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, index) =>
    h64Raw(bytes.subarray(index * PIECE, (index + 1) * PIECE))
      .toString(16)
      .padStart(16, "0"),
  );
  const sha256 = createHash("sha256").update(bytes).digest("hex") as Sha256;
  return { size: bytes.length, sha256, pieceBytes: PIECE, xxh64 };
}
