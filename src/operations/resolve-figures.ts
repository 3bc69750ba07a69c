/** Asks the mirrors for sizes and digests that neither the manifest nor the lockfile has. */
import { mapLimit } from "../base/flow.ts";
import type { Model } from "../catalog/model.ts";
import { asModelsError } from "./failures.ts";
import { findMirrors, type Resolved, wantedArtifact } from "./find-mirrors.ts";
import { fail, type Run, surveyOptions } from "./settle-model.ts";
import { type Surveyed, surveyTree } from "./survey.ts";

export interface ResolvedFigures {
  readonly surveyed: readonly Surveyed[];
  /** The mirrors that were found on the way, by model name: they need not be found twice. */
  readonly resolved: ReadonlyMap<string, Resolved>;
}

/** Models that are resolved at a time. */
export const RESOLVES = 8;

/** Completes `surveyed`; a model whose figures nobody gives is counted as failed. */
export async function resolveFigures(run: Run, surveyed: readonly Surveyed[]): Promise<ResolvedFigures> {
  const failed = new Set(run.tally.failures().map(({ model }) => model));
  const open = surveyed.filter(
    ({ model, presence, size, sha256 }) =>
      presence !== "present" && (size === null || sha256 === null) && !failed.has(model.name),
  );
  const resolved = new Map<string, Resolved>();
  await mapLimit(open, RESOLVES, async ({ model }) => {
    const found = await resolve(run, model);
    if (found !== null) resolved.set(model.name, found);
  });
  const completed = await surveyCompleted(run, [...resolved.values()]);
  return { surveyed: surveyed.map((one) => completed.get(one.model.name) ?? one), resolved };
}

async function resolve(run: Run, model: Model): Promise<Resolved | null> {
  try {
    const found = await findMirrors(model, run, run.signal);
    wantedArtifact(found, run.settings.trustFirstUse);
    return found;
  } catch (error) {
    run.signal.throwIfAborted();
    fail(run, { model: model.name, path: model.path, error: asModelsError(error, "resolve", model.name) });
    return null;
  }
}

/** With its figures known, a file may turn out to be on this box. */
async function surveyCompleted(run: Run, resolved: readonly Resolved[]): Promise<ReadonlyMap<string, Surveyed>> {
  const models = resolved.map(({ model, size, sha256 }) => ({ ...model, size, sha256 }));
  const surveyed = await surveyTree(run.tree, models, surveyOptions(run));
  return new Map(surveyed.map((one) => [one.model.name, one]));
}
