/** Makes one model present: proven where it stands, shared from elsewhere on this box, or fetched. */
import type { Artifact, Sha256 } from "../base/artifact.ts";
import { formatDuration } from "../base/bytes.ts";
import { isModelsError } from "../base/errors.ts";
import type { EventBody, MirrorShare, Replaced, Report } from "../base/events.ts";
import type { LateMirror, Mirror } from "../base/mirror.ts";
import type { LockedModel } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import type { FetchJob, FetchResult } from "../transfer/fetch-job.ts";
import type { Reusable } from "../tree/find-reusable.ts";
import type { ReadProgress } from "../tree/terms.ts";
import type { Failure } from "./failures.ts";
import { pinnedSources } from "./figures.ts";
import { type Resolved, wantedArtifact } from "./find-mirrors.ts";
import { findPieces } from "./find-pieces.ts";
import type { PlaceWhole } from "./place-whole.ts";
import type { PriorityOf } from "./priority.ts";
import { lookAtPlace, type Surveyed, type SurveyOptions } from "./survey.ts";
import type { Network, SyncOptions, SyncPorts, SyncSettings } from "./sync-ports.ts";
import type { Tally } from "./tally.ts";

/** A shorter silence says nothing of a mirror. */
const TOLD_SILENCE_MS = 1_000;

/** What every step of one run is given. */
export interface Run extends Pick<SyncPorts, "tree" | "clock"> {
  readonly network: () => Promise<Network>;
  readonly settings: SyncSettings;
  readonly options: SyncOptions;
  readonly signal: AbortSignal;
  readonly report: Report;
  readonly tally: Tally;
  readonly placeWhole: PlaceWhole;
  readonly priorityOf: PriorityOf;
}

type How = Extract<EventBody, { kind: "file-finished" }>["how"];

/**
 * Settles `surveyed` from this box alone. Null when its bytes are needed from a mirror.
 * A file that stands in place unproven is read; when it holds other bytes, it will be replaced.
 */
export async function settleLocally(run: Run, surveyed: Surveyed, signal: AbortSignal): Promise<LockedModel | null> {
  const { model, presence, reusable, size, sha256 } = surveyed;
  if (size === null || sha256 === null) return null;
  const wanted = { ...model, size, sha256 };
  if (presence === "present") return await finish(run, wanted, "present");
  if (presence === "unverified") return await adoptInPlace(run, wanted, signal);
  return reusable === null ? null : await shareFrom(run, { ...surveyed, reusable }, { wanted, signal });
}

async function shareFrom(
  run: Run,
  { reusable, replaces }: Pick<Surveyed, "replaces"> & { readonly reusable: Reusable },
  { wanted, signal }: { readonly wanted: Model & Artifact; readonly signal: AbortSignal },
): Promise<LockedModel | null> {
  try {
    const onProgress = ({ doneBytes }: ReadProgress): void => tellReading(run, wanted, doneBytes);
    const { bytes } = await run.tree.reuse(reusable, wanted, { signal, replace: true, onProgress });
    run.tally.reused(bytes);
    tellReplaced(run, wanted, replaces);
    return await finish(run, wanted, reusable.from === "tree" ? "linked" : "reused");
  } catch (error) {
    // The file that was found is not what it was: a mirror has the bytes too.
    if (isModelsError(error, "MIRROR_CHANGED", "DIGEST_MISMATCH")) return null;
    throw error;
  }
}

async function adoptInPlace(run: Run, wanted: Model & Artifact, signal: AbortSignal): Promise<LockedModel | null> {
  const [adopted] = await run.tree.adopt([wanted], {
    signal,
    onProgress: ({ doneBytes }) => tellReading(run, wanted, doneBytes),
  });
  if (adopted?.status !== "adopted" && adopted?.status !== "present") return null;
  run.tally.reused(wanted.size);
  return await finish(run, wanted, "reused");
}

/** How a run surveys: with all that may be reused, telling what is read meanwhile. */
export function surveyOptions({ settings, signal, report }: Run): SurveyOptions {
  const { adopt, hubCache } = settings;
  const onReading: SurveyOptions["onReading"] = (model, doneBytes, size) =>
    report({ kind: "file-verifying", model, doneBytes, size });
  return { adopt, hubCache, signal, onReading };
}

function tellReading(run: Run, { name, size }: Model & Artifact, doneBytes: number): void {
  run.report({ kind: "file-verifying", model: name, doneBytes, size });
}

/** What is fetched, and the file that stood in its place. */
interface Fetched extends Resolved, Pick<Surveyed, "replaces"> {}

/**
 * Fetches the file whole, proves it, gives it its name.
 * @throws ModelsError `DIGEST_UNKNOWN`, and whatever the transfer and the tree throw
 */
export async function fetchModel(run: Run, resolved: Fetched, signal: AbortSignal): Promise<LockedModel> {
  const { model, mirrors, late, replaces } = resolved;
  const { size, sha256 } = wantedArtifact(resolved, run.settings.trustFirstUse);
  const end = async (digest: Sha256, shares: readonly MirrorShare[]): Promise<LockedModel> => {
    tellSilent(run, model, late);
    tellReplaced(run, model, replaces);
    const sources = pinnedSources(model, [...mirrors, ...late]);
    return await finish(run, { ...model, size, sha256: digest, sources }, "fetched", shares);
  };
  if (sha256 !== null) {
    const shares = await placeFirstWhole(run, { ...model, size, sha256 }, { mirrors, signal });
    if (shares !== null) return await end(sha256, shares);
  }
  await run.tree.refuseObstacle(model.path);
  const partial = run.tree.partialOf({ path: model.path, sha256 });
  const fetched = await fetchRanges(run, resolved, { size, sha256, partial, signal });
  signal.throwIfAborted();
  const wanted = { ...model, size, sha256: fetched.sha256 };
  const labels = fetched.shares.filter(({ bytes }) => bytes > 0).map(({ label }) => label);
  await run.tree.place(partial.content, wanted, { mirrors: labels, how: "fetched", replace: true });
  return await end(fetched.sha256, fetched.shares);
}

/** No bytes of a person's are lost without a word. */
export function tellReplaced({ tally, report }: Run, { name: model, path }: Model, replaces: Replaced | null): void {
  if (replaces === null) return;
  tally.replaced();
  report({ kind: "replaced", model, path, ...replaces });
}

/** Who was silent all the while may be down for long. */
function tellSilent(run: Run, { name }: Model, late: readonly LateMirror[]): void {
  for (const { label, silentMs } of late) {
    const ms = silentMs() ?? 0;
    if (ms < TOLD_SILENCE_MS) continue;
    const message = `it has not answered for ${formatDuration(ms)}, others have`;
    run.report({ kind: "mirror-dropped", model: name, mirror: label, code: "MIRROR_STALLED", message });
  }
}

/**
 * Places what the first mirror sent that sent all of the file, and sent it right; null when none did. Then ranges are
 * fetched, which also finds out who is to blame.
 */
async function placeFirstWhole(
  run: Run,
  wanted: Model & Artifact,
  { mirrors, signal }: { readonly mirrors: readonly Mirror[]; readonly signal: AbortSignal },
): Promise<readonly MirrorShare[] | null> {
  const { name: model, path, size } = wanted;
  const partial = run.tree.partialOf(wanted).content;
  const liars: Mirror[] = [];
  for (const mirror of mirrors) {
    const { label, whole: bytes } = mirror;
    if (bytes?.length !== size) continue;
    signal.throwIfAborted();
    const origin = { mirrors: [label], how: "fetched", replace: true } as const;
    if (await run.placeWhole({ bytes, partial, wanted, origin })) {
      const lie = { code: "MIRROR_LIED", message: "it sent wrong bytes, another sent the right ones" } as const;
      const lies = liars.map((liar) => ({ ...shareOf(liar.label, size), errors: 1, lastError: lie }));
      const shares = [shareOf(label, size), ...lies];
      for (const liar of liars) run.report({ kind: "mirror-dropped", model, mirror: liar.label, ...lie });
      run.report({ kind: "file-started", model, path, size, resumedBytes: 0 });
      run.tally.moved({ shares, fetchedBytes: size * shares.length, wastedBytes: size * liars.length });
      return shares;
    }
    liars.push(mirror);
  }
  return null;
}

/** All of a small file. */
export const shareOf = (label: string, bytes: number): MirrorShare => ({ label, bytes, bytesPerSecond: 0, errors: 0 });

async function fetchRanges(
  run: Run,
  { model, mirrors, late }: Pick<Resolved, "model" | "mirrors" | "late">,
  job: Pick<FetchJob, "size" | "sha256" | "partial" | "signal">,
): Promise<FetchResult> {
  const { size, sha256, signal } = job;
  const network = await run.network();
  const transfer = await network.transfer();
  const given = {
    model: model.name,
    path: model.path,
    mirrors: [...mirrors, ...late],
    priority: run.priorityOf({ ...model, size }),
  };
  const ranges = { ...job, ...given, report: run.report, onMoved: run.tally.moved };
  const found = await findPieces({ ...model, size, sha256, mirrors }, { network, report: run.report, signal });
  return await transfer.fetch({ ...ranges, pieces: found?.table ?? null }).catch(async (error: unknown) => {
    // The table of a stranger may lie about bytes that are right: then the whole digest alone decides.
    if (found === null || found.isNamed || !isModelsError(error, "MIRROR_LIED", "MIRROR_FAILED", "DIGEST_MISMATCH")) {
      throw error;
    }
    return await transfer.fetch({ ...ranges, pieces: null });
  });
}

/** Links the aliases of a file that is in place, and tells. */
export async function finish(
  run: Run,
  wanted: Model & Artifact,
  how: How,
  mirrors: readonly MirrorShare[] = [],
): Promise<LockedModel> {
  const { name, path, size, sha256, sources } = wanted;
  await linkAliases(run, wanted);
  run.report({ kind: "file-finished", model: name, path, size, sha256, how, mirrors });
  return { name, path, size, sha256, sources };
}

/** Makes the aliases; whatever else has such a name keeps it, and is told. */
export async function linkAliases(run: Pick<Run, "tree" | "report">, model: Model): Promise<void> {
  if (model.aliases.length === 0) return;
  for (const { alias, status, seen } of await run.tree.linkAliases(model)) {
    if (status !== "in-the-way") continue;
    const message = `"${alias}" is not linked to "${model.path}": ${seen ?? "something"} is there`;
    run.report({
      kind: "warning",
      code: "TREE_CONFLICT",
      message,
      fix: `move it away and run models sync ${model.name}`,
    });
  }
}

/** Looks again, once the lease is held: another process may have brought the file meanwhile. */
export async function surveyAgain(run: Run, surveyed: Surveyed, signal: AbortSignal): Promise<Surveyed> {
  const { size, sha256 } = surveyed;
  const place = { ...surveyed.model, size, sha256 };
  const { finding, presence, replaces } = await lookAtPlace(run.tree, place, { ...surveyOptions(run), signal });
  return presence === "present"
    ? { ...surveyed, presence, replaces, size: finding.size, sha256: finding.sha256 }
    : { ...surveyed, presence, replaces };
}

/** Counts a failure and tells it. */
export function fail({ tally, report }: Pick<Run, "tally" | "report">, failure: Failure): void {
  const { code, message, fix } = failure.error;
  tally.failed(failure);
  report({
    kind: "file-failed",
    model: failure.model,
    path: failure.path,
    code,
    message,
    ...(fix === undefined ? {} : { fix }),
  });
}
