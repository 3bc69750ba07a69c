/** Takes over files that are already on this box, so that nothing has to be fetched for them. */
import type { Model } from "../catalog/model.ts";
import type { Adopted } from "../tree/adopt.ts";
import type { ReadOptions } from "../tree/terms.ts";
import type { Tree } from "../tree/tree.ts";

/** What `models adopt --json` prints. */
export interface AdoptReport {
  readonly root: string;
  readonly models: readonly Adopted[];
  /** Bytes that are proven now and were not before. */
  readonly adoptedBytes: number;
}

export interface AdoptPlaces {
  /** Folders to look in besides the tree. */
  readonly folders: readonly string[];
  /** The Hub's own cache, or null to leave it alone. */
  readonly hubCache: string | null;
}

/**
 * Adopts what it can of `models`; files that hold other bytes are left alone. Aliases of what is present are linked.
 * @throws ModelsError `DISK_FULL`, `DISK_FAILED`
 */
export async function adoptModels(
  tree: Tree,
  models: readonly Model[],
  options: ReadOptions & { readonly places: AdoptPlaces },
): Promise<AdoptReport> {
  const { places, ...read } = options;
  const adopted = await tree.adopt(models, { ...read, ...places });
  const here = new Set(adopted.filter(isPresent).map(({ name }) => name));
  for (const model of models) {
    if (here.has(model.name) && model.aliases.length > 0) await tree.linkAliases(model);
  }
  const news = adopted.filter(({ status }) => status === "adopted" || status === "linked");
  return { root: tree.root, models: adopted, adoptedBytes: news.reduce((sum, { size }) => sum + (size ?? 0), 0) };
}

function isPresent({ status }: Adopted): boolean {
  return status === "present" || status === "adopted" || status === "linked";
}
