/** Settles every pending model: leases first, largest fetches first, several at a time, each on its own. */
import PQueue from "p-queue";
import { ModelsError } from "../base/errors.ts";
import { anySignal } from "../base/flow.ts";
import type { LockedModel } from "../catalog/lock.ts";
import type { Lease } from "../tree/lease.ts";
import { asModelsError } from "./failures.ts";
import { findMirrors, type Resolved } from "./find-mirrors.ts";
import type { SyncPlan } from "./plan-sync.ts";
import { RESOLVES } from "./resolve-figures.ts";
import { fail, fetchModel, type Run, settleLocally, surveyAgain, surveyOptions } from "./settle-model.ts";
import { type Surveyed, surveyTree } from "./survey.ts";

export interface Pending {
  readonly plan: SyncPlan;
  readonly pending: readonly Surveyed[];
  /** Mirrors that are known already, by model name. */
  readonly resolved: ReadonlyMap<string, Resolved>;
}

interface Queues {
  readonly resolves: PQueue;
  /** Reading and copying on this box. */
  readonly local: PQueue;
  readonly fetches: PQueue;
}

/** Files read or copied at a time: the disk is the limit. */
const LOCAL = 2;

/** Settles all; each failure is told and counted, none is thrown. Returns what is present now. */
export async function settleAll(run: Run, { plan, pending, resolved }: Pending): Promise<readonly LockedModel[]> {
  const queues: Queues = {
    resolves: new PQueue({ concurrency: RESOLVES }),
    local: new PQueue({ concurrency: LOCAL }),
    fetches: new PQueue({ concurrency: run.settings.files, autoStart: false }),
  };
  const carriers = carriersIn(plan);
  const first = pending.filter(({ model }) => !carriers.has(model.path));
  // Fetching starts when all that can be fetched now are in the queue: so the largest is the first.
  const arrive = countdown(first.length, () => queues.fetches.start());
  const settled = new Map<string, Promise<LockedModel | null>>();
  for (const one of first) {
    settled.set(one.model.path, settleOne(run, one, { queues, resolved, arrive: arrive() }));
  }
  const linked = pending.flatMap((one) => {
    const carrier = settled.get(carriers.get(one.model.path) ?? "");
    return carrier === undefined ? [] : [settleLinked(run, one, { queues, resolved, carrier })];
  });
  const all = await Promise.all([...settled.values(), ...linked]);
  return all.filter((one) => one !== null);
}

/** Path of a model that will be linked → path of the one that brings its bytes. */
function carriersIn({ lines }: SyncPlan): ReadonlyMap<string, string> {
  return new Map(
    lines.flatMap(({ action, path, from }) => (action === "link" ? [[path, from[0] ?? ""] as const] : [])),
  );
}

/** Gives a function for each of `count` participants; when each was called once, `open` is. */
function countdown(count: number, open: () => void): () => () => void {
  let left = count;
  if (left === 0) open();
  return () => {
    let isCounted = false;
    return () => {
      if (isCounted) return;
      isCounted = true;
      left -= 1;
      if (left === 0) open();
    };
  };
}

interface Settling {
  readonly queues: Queues;
  readonly resolved: ReadonlyMap<string, Resolved>;
  /** Says that this model does not hold up the start of the fetches any more. */
  readonly arrive: () => void;
}

async function settleOne(run: Run, surveyed: Surveyed, settling: Settling): Promise<LockedModel | null> {
  const { name, path } = surveyed.model;
  try {
    return await settleLeased(run, surveyed, settling);
  } catch (error) {
    if (!run.signal.aborted) fail(run, { model: name, path, error: asModelsError(error, "sync", name) });
    return null;
  } finally {
    settling.arrive();
  }
}

async function settleLeased(run: Run, surveyed: Surveyed, settling: Settling): Promise<LockedModel> {
  await using lease = await leaseFor(run, surveyed, settling.arrive);
  const signal = anySignal(run.signal, lease.lost);
  const now = await surveyAgain(run, surveyed, signal);
  if (isLocal(now)) {
    settling.arrive();
    const local = await settling.queues.local.add(() => settleLocally(run, now, signal), { signal });
    if (local !== null) return local;
  }
  if (run.options.isOffline === true) throw offlineError(now);
  const priority = now.size ?? 0;
  const mirrors = settling.resolved.get(now.model.name);
  const finding =
    mirrors ?? settling.queues.resolves.add(() => findMirrors(now.model, run, signal), { priority, signal });
  const found = Promise.resolve(finding);
  // Its failure is told when its turn comes.
  found.catch(() => undefined);
  const fetching = settling.queues.fetches.add(async () => await fetchModel(run, await found, signal), {
    priority,
    signal,
  });
  settling.arrive();
  return await fetching;
}

function isLocal({ presence, reusable }: Surveyed): boolean {
  return presence !== "absent" || reusable !== null;
}

/** One lease an artifact: two models of one digest share one partial file. */
async function leaseFor(run: Run, { model, sha256 }: Surveyed, onWait: () => void): Promise<Lease> {
  return await run.tree.lease(sha256 ?? model.path, {
    signal: run.signal,
    wait: run.options.wait ?? true,
    onWait: (holder) => {
      onWait();
      const message = `${holder} is bringing it`;
      run.report({ kind: "waiting", model: model.name, on: "lock", message, untilMs: null });
    },
  });
}

function offlineError({ model, size }: Surveyed): ModelsError {
  const bytes = size === null ? "" : `, and ${size} bytes of it are not on this box`;
  return new ModelsError("OFFLINE", `Cannot fetch "${model.name}": the network is not to be used${bytes}`, {
    fix: "run it without --offline, or name a folder that holds the file under adopt: in the config",
  });
}

/** Waits for the model with the same bytes, then shares them; a carrier that failed leaves this one to try itself. */
async function settleLinked(
  run: Run,
  surveyed: Surveyed,
  { carrier, ...settling }: Omit<Settling, "arrive"> & { readonly carrier: Promise<LockedModel | null> },
): Promise<LockedModel | null> {
  const size = (await carrier)?.size ?? surveyed.size;
  if (run.signal.aborted) return null;
  const model = { ...surveyed.model, size };
  const [again = surveyed] = await surveyTree(run.tree, [model], { ...surveyOptions(run), adopt: [], hubCache: null });
  return await settleOne(run, again, { ...settling, arrive: () => undefined });
}
