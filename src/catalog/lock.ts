/** What a lockfile pins, how two of them join, and what contradicts it. Pure. */
import type { Sha256 } from "../base/artifact.ts";
import type { Problem } from "../base/errors.ts";
import type { TreePath } from "../base/paths.ts";
import type { Model } from "./model.ts";

export interface LockedModel {
  readonly name: string;
  readonly path: TreePath;
  /** Bytes. */
  readonly size: number;
  readonly sha256: Sha256;
  /** Canonical URIs, pinned to a commit where one is known. */
  readonly sources: readonly string[];
}

export interface Lock {
  readonly models: ReadonlyMap<string, LockedModel>;
}

/** `lock` with `entries` in it; an entry replaces the one of its name. */
export function mergeLock(lock: Lock | null, entries: Iterable<LockedModel>): Lock {
  const models = new Map(lock?.models ?? []);
  for (const entry of entries) models.set(entry.name, entry);
  return { models };
}

/** Every way in which `models` and `lock` disagree. What a manifest leaves open contradicts nothing. */
export function lockDrift(lock: Lock, models: readonly Model[]): readonly Problem[] {
  return models.flatMap((model) => {
    const locked = lock.models.get(model.name);
    if (locked === undefined) {
      const message = `"${model.name}" is not in the lockfile`;
      return [{ at: model.at, message, fix: "run `models lock`" }];
    }
    return FIGURES.filter((figure) => model[figure] !== null && model[figure] !== locked[figure]).map((figure) => ({
      at: model.at,
      message: `"${model.name}" has the ${figure} ${model[figure]}, the lockfile has ${locked[figure]}`,
      fix: "run `models lock` if the manifest is right",
    }));
  });
}

const FIGURES = ["path", "size", "sha256"] as const;

/** `models` with size, digest and sources as the lock has them; those that it does not have stay as they are. */
export function pinModels(models: readonly Model[], lock: Lock): readonly Model[] {
  return models.map((model) => {
    const locked = lock.models.get(model.name);
    if (locked === undefined) return model;
    const { size, sha256 } = locked;
    const sources = locked.sources.length > 0 ? locked.sources : model.sources;
    return { ...model, size, sha256, sources, digestFrom: null };
  });
}
