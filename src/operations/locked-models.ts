/** What the lockfile adds to wanted models, and what a run adds to the lockfile. Pure. */
import { ModelsError } from "../base/errors.ts";
import { type Lock, type LockedModel, lockDrift, mergeLock, pinModels } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import { formatSource, parseSource, printSource, type Source } from "../sources/uri.ts";

/**
 * `models` exactly as the lockfile pins them.
 * @throws ModelsError `LOCKFILE_DRIFT` with every difference
 */
export function frozenModels(models: readonly Model[], lock: Lock | null, lockfile: string): readonly Model[] {
  if (lock === null) {
    throw new ModelsError("LOCKFILE_DRIFT", `Cannot sync frozen: there is no lockfile "${lockfile}"`, {
      fix: "run models lock with the same selection, and keep the file with your code",
    });
  }
  const problems = lockDrift(lock, models);
  if (problems.length === 0) return pinModels(models, lock);
  throw new ModelsError("LOCKFILE_DRIFT", `Cannot sync frozen: "${lockfile}" does not fit: ${problems[0]?.message}`, {
    fix: "run models lock with the same selection, look at what changed, and keep the file",
    problems,
  });
}

/**
 * `models` completed from a lockfile that somebody signed: what it pins stands, also against a manifest.
 * @throws ModelsError `LOCKFILE_DRIFT` with every difference
 */
export function heldModels(models: readonly Model[], lock: Lock | null, lockfile: string): readonly Model[] {
  const pinned = models.filter(({ name }) => lock?.models.has(name));
  const problems = lock === null ? [] : lockDrift(lock, pinned);
  if (problems.length === 0) return completedModels(models, lock);
  throw new ModelsError(
    "LOCKFILE_DRIFT",
    `Cannot sync: the signed "${lockfile}" does not fit: ${problems[0]?.message}`,
    {
      fix: "find out which of the two is right; if the manifest is, run models lock and sign the lockfile again",
      problems,
    },
  );
}

/** `models` with what the manifest leaves open taken from the lockfile, where the two agree on all else. */
export function completedModels(models: readonly Model[], lock: Lock | null): readonly Model[] {
  if (lock === null) return models;
  return models.map((model) => {
    const locked = lock.models.get(model.name);
    if (locked === undefined || lockDrift(lock, [model]).length > 0) return model;
    const { size, sha256 } = locked;
    return { ...model, size, sha256, sources: mergeSources(locked.sources, model.sources) };
  });
}

/** The lockfile's pinned sources, then those of the manifest that it does not pin. */
function mergeSources(pinned: readonly string[], listed: readonly string[]): readonly string[] {
  const known = new Set(pinned.map(sourceIdentity));
  return [...pinned, ...listed.filter((source) => !known.has(sourceIdentity(source)))];
}

/** What two revisions of one file have in common. */
function sourceIdentity(text: string): string {
  const source = parseSource(text);
  return source.kind === "hf" ? `hf://${source.repo}/${source.path}` : formatSource(source);
}

/**
 * `entry` as a lockfile may hold it, which is kept with code and read by others: without addresses whose query may hide
 * a secret, such as a signed link. Those stay in the manifest, where a person wrote them.
 */
export function lockable(entry: LockedModel): LockedModel {
  return { ...entry, sources: entry.sources.filter((text) => hidesNothing(parseSource(text))) };
}

const hidesNothing = (source: Source): boolean => printSource(source) === formatSource(source);

/** The lock with `entries` in it, or null when it would say nothing new. An entry known byte for byte stays as it is. */
export function updatedLock(lock: Lock | null, entries: readonly LockedModel[]): Lock | null {
  const news = entries.filter((entry) => {
    const known = lock?.models.get(entry.name);
    if (known === undefined) return true;
    return known.path !== entry.path || known.size !== entry.size || known.sha256 !== entry.sha256;
  });
  return news.length === 0 ? null : mergeLock(lock, news.map(lockable));
}
