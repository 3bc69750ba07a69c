/** Notes in a manifest that a model is in a bucket now: its figures, its new source, its piece table. */
import type { Sha256 } from "../base/artifact.ts";
import type { Model } from "../catalog/model.ts";
import type { ManifestChange } from "../catalog/write-manifest.ts";

export interface Published {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: Sha256;
  /** `r2://bucket/key`. */
  readonly to: string;
  /** URI of its piece table. */
  readonly pieces: string;
}

/** What the entry lacks, or null when it says all of it. */
export function changeFor(published: Published, entry: Model | null): ManifestChange | null {
  const { name, path, size, sha256, to, pieces } = published;
  if (entry === null) return { name, path, size, sha256, sources: [to], pieces };
  const isSame = entry.size === size && entry.sha256 === sha256;
  // A table of the same bytes is as good wherever it lies.
  const table = isSame && entry.pieces !== null ? entry.pieces : pieces;
  if (isSame && entry.sources.includes(to) && entry.pieces === table) return null;
  return { name, path: entry.path, size, sha256, sources: [to], pieces: table };
}
