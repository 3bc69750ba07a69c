/** What is done with the bytes of a small file that came whole: proven, written, given their name. */
import { unlinkIfThere } from "../base/descriptors.ts";
import { isProven, writeWhole } from "../transfer/whole.ts";
import type { Origin } from "../tree/place.ts";
import type { WantedArtifact } from "../tree/terms.ts";
import type { Tree } from "../tree/tree.ts";

export interface WholeFile {
  readonly bytes: Uint8Array;
  /** Path of the partial file, which is written under the caller's lease. */
  readonly partial: string;
  readonly wanted: WantedArtifact;
  readonly origin: Origin;
}

/**
 * True when the file is in its place; false when the bytes are not those that are wanted. They are the caller's no more.
 * @throws ModelsError as `Tree.place` does
 */
export type PlaceWhole = (file: WholeFile) => Promise<boolean>;

/** Places files in this thread. */
export function createPlaceWhole(tree: Pick<Tree, "place">): PlaceWhole {
  return async ({ bytes, partial, wanted, origin }) => {
    if (!isProven(bytes, wanted)) return false;
    try {
      await writeWhole(partial, bytes);
      await tree.place(partial, wanted, origin);
      return true;
    } catch (error) {
      // Nobody resumes it, for it comes again as quickly.
      await unlinkIfThere(partial).catch(() => undefined);
      throw error;
    }
  };
}
