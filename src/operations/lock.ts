/** Pins a selection: what each model is, byte for byte, and the commit that it was found at. */
import { ModelsError } from "../base/errors.ts";
import type { Report } from "../base/events.ts";
import { mapLimit } from "../base/flow.ts";
import { type Lock, type LockedModel, mergeLock } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import { asModelsError, type Failure, failuresError } from "./failures.ts";
import { pinnedSources } from "./figures.ts";
import { type FindMirrorsPorts, findMirrors } from "./find-mirrors.ts";
import { lockable } from "./locked-models.ts";
import { RESOLVES } from "./resolve-figures.ts";
import type { Selection } from "./select.ts";
import type { SyncOptions, SyncPorts, SyncSettings } from "./sync-ports.ts";

/** What `models lock --json` prints. */
export interface LockReport {
  /** Path of the lockfile. */
  readonly lockfile: string;
  readonly models: readonly LockedModel[];
  /** Names of those that the lockfile had otherwise, or not at all. */
  readonly changed: readonly string[];
  /** True when the settings trust keys, so that the lockfile counts for nothing until it is signed again. */
  readonly mustBeSigned: boolean;
}

/** Pins a selection in the lockfile of `settings`. */
export type LockSelection = (
  selection: Selection,
  options?: Pick<SyncOptions, "signal" | "onEvent">,
) => Promise<LockReport>;

/**
 * Asks the mirrors of every model and writes what they agree on; writes nothing when one of them cannot be pinned.
 * @throws ModelsError `DIGEST_UNKNOWN`, `DIGEST_CONTRADICTION`, `NO_MIRROR` and their kin, listing every model
 */
export function lockSelection(ports: SyncPorts, settings: SyncSettings): LockSelection {
  return async (selection, { signal = new AbortController().signal, onEvent } = {}) => {
    const report: Report = (body) => onEvent?.({ ...body, time: ports.clock.now() });
    const network = await ports.openNetwork(report);
    try {
      const pinned = await pinAll(selection.models, { network: async () => network, report, settings }, signal);
      const written = await writePins(ports, { lockfile: settings.lockfile, models: pinned });
      return { ...written, mustBeSigned: settings.isSigned === true };
    } finally {
      await network.close();
    }
  };
}

async function pinAll(
  models: readonly Model[],
  ports: FindMirrorsPorts,
  signal: AbortSignal,
): Promise<readonly LockedModel[]> {
  const failures: Failure[] = [];
  const pinned = await mapLimit(models, RESOLVES, async (model) => {
    try {
      return await pin(ports, model, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures.push({ model: model.name, path: model.path, error: asModelsError(error, "pin", model.name) });
      return null;
    }
  });
  const error = failuresError("pin", failures, models.length);
  if (error !== null) throw error;
  return pinned.filter((one) => one !== null).map(lockable);
}

async function writePins(
  ports: Pick<SyncPorts, "changeLock">,
  { lockfile, models }: Pick<LockReport, "lockfile" | "models">,
): Promise<Omit<LockReport, "mustBeSigned">> {
  let news: readonly LockedModel[] = [];
  const add = (before: Lock | null): Lock => {
    news = models.filter((one) => isNews(before, one));
    return mergeLock(before, models);
  };
  await ports.changeLock(lockfile, add);
  return { lockfile, models, changed: news.map(({ name }) => name) };
}

async function pin(ports: FindMirrorsPorts, model: Model, signal: AbortSignal): Promise<LockedModel> {
  const { size, sha256, mirrors } = await findMirrors(model, ports, signal);
  if (sha256 === null) {
    throw new ModelsError("DIGEST_UNKNOWN", `Cannot pin "${model.name}": no mirror declares its sha256`, {
      fix: "write sha256 into its manifest entry, or sync it once with --trust-first-use, which records it",
    });
  }
  return { name: model.name, path: model.path, size, sha256, sources: pinnedSources(model, mirrors) };
}

function isNews(before: Lock | null, entry: LockedModel): boolean {
  return JSON.stringify(before?.models.get(entry.name)) !== JSON.stringify(entry);
}
