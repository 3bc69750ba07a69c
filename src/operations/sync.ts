/** Makes a selection present and verified: select → survey → plan → lease and space → mirrors → bytes → place → lockfile. */
import { setMaxListeners } from "node:events";
import { formatBytes } from "../base/bytes.ts";
import { ModelsError } from "../base/errors.ts";
import type { EventBody } from "../base/events.ts";
import { anySignal, mapLimit } from "../base/flow.ts";
import type { Lock, LockedModel } from "../catalog/lock.ts";
import { checkUnknown } from "./check.ts";
import { asModelsError, type Failure, failuresError } from "./failures.ts";
import { completedModels, frozenModels, heldModels, updatedLock } from "./locked-models.ts";
import type { UnknownReference } from "./match-references.ts";
import { pickleRefusal } from "./pickles.ts";
import { createPlaceWhole } from "./place-whole.ts";
import { planSync, type SyncPlan } from "./plan-sync.ts";
import { prioritiesOf } from "./priority.ts";
import { resolveFigures } from "./resolve-figures.ts";
import type { Selection } from "./select.ts";
import { settleAll } from "./settle-all.ts";
import { fail, linkAliases, type Run, surveyOptions } from "./settle-model.ts";
import { type Surveyed, surveyTree } from "./survey.ts";
import type { Network, SyncOptions, SyncPorts, SyncResult, SyncSettings } from "./sync-ports.ts";
import { createTally } from "./tally.ts";

export type Sync = (selection: Selection, options?: SyncOptions) => Promise<SyncResult>;

/**
 * Makes a sync. It prints nothing; everything that happens goes to `options.onEvent`, the last event is the summary.
 * One model that fails does not stop the others; then the gravest failure is thrown, listing all.
 * @throws ModelsError `DISK_FULL`, `OFFLINE`, `LOCKFILE_DRIFT`, `LOCKED`, `INTERRUPTED`, or what kept a model away
 */
export function createSync(ports: SyncPorts, settings: SyncSettings): Sync {
  return async (selection, options = {}) => {
    const startedMs = ports.clock.monotonicMs();
    const tally = createTally();
    const report = (body: EventBody): void => options.onEvent?.({ ...body, time: ports.clock.now() });
    await using network = lazily(() => ports.openNetwork(report));
    const signal = anySignal(options.signal);
    // As many models wait for it as there are.
    setMaxListeners(0, signal);
    const run: Run = {
      ...ports,
      network: network.open,
      settings,
      options,
      signal,
      report,
      tally,
      placeWhole: createPlaceWhole(ports.tree),
      priorityOf: prioritiesOf(selection, options.isPrefetch === true),
    };
    const done = await attempt(run, () => runSync(run, ports, selection));
    // What other processes left that were killed; also where there was nothing to do.
    if (options.isDryRun !== true) {
      await ports.tree.sweep();
      await ports.sweepLock(settings.lockfile);
    }
    const total = selection.models.length + selection.unknown.length;
    const summary = {
      ...tally.summary(total, Math.round(ports.clock.monotonicMs() - startedMs)),
      ...(done.error === null ? {} : { ok: false }),
    };
    report(summary);
    if (done.plan === null) throw done.error;
    const error = failuresError("sync", inOrder(tally.failures(), selection), total);
    if (error !== null) throw error;
    return { plan: done.plan, summary };
  };
}

/** As the selection names them, not as they happened to fail. */
function inOrder(failures: readonly Failure[], { models }: Selection): readonly Failure[] {
  const places = new Map(models.map(({ name }, index) => [name, index]));
  const place = ({ model }: Failure): number => places.get(model) ?? models.length;
  return [...failures].sort((one, other) => place(one) - place(other));
}

type Attempt = { readonly plan: SyncPlan; readonly error: null } | { readonly plan: null; readonly error: unknown };

/** An interrupt outweighs everything that it made fail. */
async function attempt(run: Run, work: () => Promise<SyncPlan>): Promise<Attempt> {
  try {
    const plan = await work();
    run.signal.throwIfAborted();
    return { plan, error: null };
  } catch (error) {
    return { plan: null, error: run.signal.aborted ? interrupted(run.signal) : error };
  }
}

function interrupted({ reason }: AbortSignal): ModelsError {
  if (reason instanceof ModelsError) return reason;
  return new ModelsError("INTERRUPTED", "Cannot finish the sync: it was interrupted, what is on the disk is kept", {
    fix: "run it again, it resumes",
    cause: reason,
  });
}

async function runSync(run: Run, ports: SyncPorts, selection: Selection): Promise<SyncPlan> {
  const { options, settings, tally, report } = run;
  const lock = await ports.readLock(settings.lockfile);
  const models =
    options.isFrozen === true
      ? frozenModels(selection.models, lock, settings.lockfile)
      : settings.isSigned === true
        ? heldModels(selection.models, lock, settings.lockfile)
        : completedModels(selection.models, lock);
  const looked = await surveyTree(run.tree, models, surveyOptions(run));
  refusePickles(run, looked);
  const { surveyed, resolved } =
    options.isDryRun || options.isOffline
      ? { surveyed: looked, resolved: new Map() }
      : await resolveFigures(run, looked);
  const plan = await planOf(run, surveyed);
  report({
    kind: "plan",
    root: plan.root,
    lines: plan.lines,
    fetchBytes: plan.fetchBytes,
    reuseBytes: plan.reuseBytes,
    freeBytes: plan.freeBytes,
  });
  await tellUnknown(run, selection.unknown);
  if (options.isDryRun === true) return plan;
  refuseFullDisk(plan, settings.reserveBytes);
  const failed = new Set(tally.failures().map(({ model }) => model));
  const present = await keepPresent(run, surveyed);
  const pending = surveyed.filter(({ model, presence }) => presence !== "present" && !failed.has(model.name));
  const settled = await settleAll(run, { plan, pending, resolved });
  await record(run, ports, { lock, models: [...present, ...settled] });
  return plan;
}

/** Told before anything is asked of the network, and in a dry run too. What is on this box already is not brought. */
function refusePickles(run: Run, surveyed: readonly Surveyed[]): void {
  for (const { model, presence } of surveyed) {
    const error = presence === "absent" ? pickleRefusal(model, run.settings.allowPickle) : null;
    if (error !== null) fail(run, { model: model.name, path: model.path, error });
  }
}

async function planOf({ tree, settings }: Run, surveyed: readonly Surveyed[]): Promise<SyncPlan> {
  const models = surveyed.map(({ fact }) => fact);
  return planSync({
    root: tree.root,
    models,
    freeBytes: await tree.freeBytes(),
    reserveBytes: settings.reserveBytes,
  });
}

function refuseFullDisk({ root, neededBytes, freeBytes }: SyncPlan, reserveBytes: number): void {
  if (neededBytes <= freeBytes) return;
  const reserve = reserveBytes > 0 ? ` (${formatBytes(reserveBytes)} of them stay free)` : "";
  const seen = `${formatBytes(neededBytes)} are needed${reserve}, ${formatBytes(freeBytes)} are free`;
  throw new ModelsError("DISK_FULL", `Cannot sync to "${root}": ${seen}`, {
    fix: `free ${formatBytes(neededBytes - freeBytes)}, select less, or give a larger disk with --root`,
  });
}

const LINKS = 16;

async function keepPresent(run: Run, surveyed: readonly Surveyed[]): Promise<readonly LockedModel[]> {
  const present = surveyed.filter(({ presence }) => presence === "present");
  await mapLimit(present, LINKS, async ({ model }) => {
    await linkAliases(run, model);
  });
  return present.flatMap(({ model, size, sha256 }) =>
    size === null || sha256 === null
      ? []
      : [{ name: model.name, path: model.path, size, sha256, sources: model.sources }],
  );
}

/** The lockfile is a record: a folder that cannot be written to does not undo what was synced. */
async function record(
  run: Run,
  { changeLock }: SyncPorts,
  { lock, models }: { readonly lock: Lock | null; readonly models: readonly LockedModel[] },
): Promise<void> {
  if (run.options.isFrozen === true || run.settings.isSigned === true || updatedLock(lock, models) === null) return;
  try {
    // Others may have written it since it was read.
    await changeLock(run.settings.lockfile, (now) => updatedLock(now, models));
  } catch (error) {
    const { code, message } = asModelsError(error, "write", run.settings.lockfile);
    run.report({ kind: "warning", code, message, fix: "set lockfile in the config to a place that can be written" });
  }
}

/** What nobody knows cannot be brought; where it lies already, a person has put it there. */
async function tellUnknown(run: Run, unknown: readonly UnknownReference[]): Promise<void> {
  const findings = await checkUnknown(run.tree, unknown);
  for (const [index, reference] of unknown.entries()) {
    if (findings[index]?.status === "unknown") fail(run, unknownFailure(reference));
  }
}

function unknownFailure(reference: UnknownReference): Failure {
  const { name, path, at, fix, candidates } = reference;
  const seen = candidates.length === 0 ? "no manifest knows it" : `it could be ${candidates.join(" or ")}`;
  return {
    model: name,
    path,
    error: new ModelsError("MODEL_UNKNOWN", `Cannot find "${path}" (${at}): ${seen}`, { fix }),
  };
}

interface Lazy extends AsyncDisposable {
  readonly open: () => Promise<Network>;
}

function lazily(open: () => Promise<Network>): Lazy {
  let opened: Promise<Network> | null = null;
  return {
    open: () => {
      opened ??= open();
      return opened;
    },
    [Symbol.asyncDispose]: async () => {
      await (await opened)?.close();
    },
  };
}
