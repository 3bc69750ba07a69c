/** Settles every pending model: the most urgent first, of those the largest, several at a time, each under its lease and on its own. */
import type PQueue from "p-queue";
import type { Artifact } from "../base/artifact.ts";
import { formatBytes } from "../base/bytes.ts";
import { ModelsError } from "../base/errors.ts";
import { anySignal } from "../base/flow.ts";
import type { LockedModel } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import { WHOLE_BYTES } from "../sources/probe.ts";
import { type BringModel, createBringModel } from "./bring-whole.ts";
import { asModelsError } from "./failures.ts";
import { findMirrors, type Resolved } from "./find-mirrors.ts";
import { inTurn, priorityIn, type Work } from "./in-turn.ts";
import { openPlaceThread } from "./place-thread.ts";
import type { SyncPlan } from "./plan-sync.ts";
import { RESOLVES } from "./resolve-figures.ts";
import { fail, fetchModel, type Run, settleLocally, surveyOptions } from "./settle-model.ts";
import { type Surveyed, surveyTree } from "./survey.ts";
import type { Directly } from "./sync-ports.ts";

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
  /** Files whose bytes cost less than their places on the disk and the way to their mirrors. */
  readonly small: PQueue;
  /** Those of them that come with one answer. */
  readonly whole: PQueue;
  /** Their questions: in the queue of a connection, the time that an answer may take would run already. */
  readonly asks: PQueue;
}

/** Files read or copied at a time: the disk is the limit. */
const LOCAL = 2;
const SMALL_BYTES = 4 * 1024 * 1024;

/** They wait for the disk, not for bytes: so many in the place of each file that waits for bytes. */
const SMALL_PER_FILE = 8;
/** Twice as many as are asked for at a time, so that no connection rests while files get their places. */
const WHOLE_PER_FILE = 16;

/** So many wait in a queue, and the others outside: what is begun for each of ten thousand costs more memory than they do. */
const AHEAD = 32;

/** So many small files are worth the start of a thread. */
const THREAD_WORTH_FILES = 32;

/** Settles all; each failure is told and counted, none is thrown. Returns what is present now. */
export async function settleAll(run: Run, { plan, pending, resolved }: Pending): Promise<readonly LockedModel[]> {
  const fetched = run.options.isOffline === true ? [] : pending.filter((one) => !isLocal(one));
  if (!fetched.every(comesWhole)) openTransfer(run);
  if (fetched.filter(comesWhole).length < THREAD_WORTH_FILES) return await settleEach(run, { plan, pending, resolved });
  await using thread = openPlaceThread(run.tree.root);
  // While the thread starts.
  const directly = await openDirectly(run);
  const bring = directly === null ? NOT_BROUGHT : createBringModel(thread.bringWith(directly.reads), directly);
  return await settleEach({ ...run, placeWhole: thread.placeWhole }, { plan, pending, resolved, bring });
}

/** What keeps it from opening is told by the first model that is asked for as usual. */
async function openDirectly({ network }: Run): Promise<Directly | null> {
  return await network()
    .then(({ directly }) => directly())
    .catch(() => null);
}

const NOT_BROUGHT: BringModel = async () => null;

async function settleEach(
  run: Run,
  { plan, pending, resolved, bring = NOT_BROUGHT }: Pending & { readonly bring?: BringModel },
): Promise<readonly LockedModel[]> {
  const { files } = run.settings;
  // Imported here: the command line as one file is no ES module, and this package is nothing else.
  const { default: PQueue } = await import("p-queue");
  const fetches = new PQueue({ concurrency: files });
  // Where one at a time was asked for, that is what they get.
  const many = (perFile: number): PQueue => (files === 1 ? fetches : new PQueue({ concurrency: perFile * files }));
  const queues: Queues = {
    resolves: new PQueue({ concurrency: RESOLVES }),
    local: new PQueue({ concurrency: LOCAL }),
    fetches,
    small: many(SMALL_PER_FILE),
    whole: many(WHOLE_PER_FILE),
    asks: new PQueue({ concurrency: SMALL_PER_FILE * files }),
  };
  const carriers = carriersIn(plan, pending);
  const sharing = sharingIn(carriers, pending);
  const settling = { queues, resolved, bring };
  const settle = async (one: Surveyed): Promise<readonly (LockedModel | null)[]> => {
    const settled = await settleOne(run, one, settling);
    const linked = sharing.get(one.model.path);
    if (linked === undefined) return [settled];
    return [settled, ...(await settleLinked(run, linked, { ...settling, brought: settled }))];
  };
  const own = byPriority(
    run,
    pending.filter(({ model }) => !carriers.has(model.path)),
  );
  const all = await Promise.all(linesOf(own, settling).map((line) => settleLine(line, settle)));
  return all.flat().filter((one) => one !== null);
}

/** Models that begin in one queue. */
interface Line {
  readonly queue: PQueue;
  readonly models: readonly Surveyed[];
}

function linesOf(models: readonly Surveyed[], { queues, resolved }: Settling): readonly Line[] {
  const lines = new Map<PQueue, Surveyed[]>();
  for (const one of models) {
    const isWhole = comesWhole(one) && !resolved.has(one.model.name);
    const queue = isLocal(one) ? queues.local : isWhole ? queues.whole : queueOf(one.size, queues);
    const line = lines.get(queue);
    if (line === undefined) lines.set(queue, [one]);
    else line.push(one);
  }
  return [...lines].map(([queue, line]) => ({ queue, models: line }));
}

/** Begins one after the other, as their queue gets room: it starts what comes first at once. */
async function settleLine<T>({ queue, models }: Line, settle: (one: Surveyed) => Promise<readonly T[]>): Promise<T[]> {
  const begun: Promise<readonly T[]>[] = [];
  for (const one of models) {
    await queue.onSizeLessThan(AHEAD);
    const settled = settle(one);
    // It is told when all have begun.
    settled.catch(() => undefined);
    begun.push(settled);
  }
  return (await Promise.all(begun)).flat();
}

const queueOf = (size: number | null, { small, fetches }: Queues): PQueue =>
  size !== null && size < SMALL_BYTES ? small : fetches;

/** While the mirrors are asked; what keeps it from opening is told by the first model that needs it. */
function openTransfer({ network }: Run): void {
  network()
    .then(({ transfer }) => transfer())
    .catch(() => undefined);
}

/** Path of a model that will be linked → path of the pending one that brings its bytes. */
function carriersIn({ lines }: SyncPlan, pending: readonly Surveyed[]): ReadonlyMap<string, string> {
  const paths = new Set<string>(pending.map(({ model }) => model.path));
  const links = lines.filter(({ action }) => action === "link").map(({ path, from }) => [path, from[0] ?? ""] as const);
  return new Map(links.filter(([, carrier]) => paths.has(carrier)));
}

/** Path of a carrier → who shares what it brings. */
function sharingIn(
  carriers: ReadonlyMap<string, string>,
  pending: readonly Surveyed[],
): ReadonlyMap<string, readonly Surveyed[]> {
  const found = new Map<string, Surveyed[]>();
  for (const one of pending) {
    const carrier = carriers.get(one.model.path);
    const sharing = found.get(carrier ?? "");
    if (sharing !== undefined) sharing.push(one);
    else if (carrier !== undefined) found.set(carrier, [one]);
  }
  return found;
}

function byPriority(run: Run, pending: readonly Surveyed[]): readonly Surveyed[] {
  return [...pending].sort((one, other) => priorityIn(run, other) - priorityIn(run, one));
}

interface Settling {
  readonly queues: Queues;
  readonly resolved: ReadonlyMap<string, Resolved>;
  readonly bring: BringModel;
}

async function settleOne(run: Run, surveyed: Surveyed, settling: Settling): Promise<LockedModel | null> {
  const { name, path } = surveyed.model;
  try {
    return await settleModel(run, surveyed, settling);
  } catch (error) {
    if (!run.signal.aborted) fail(run, { model: name, path, error: asModelsError(error, "sync", name) });
    return null;
  }
}

async function settleModel(run: Run, surveyed: Surveyed, { queues, resolved, bring }: Settling): Promise<LockedModel> {
  if (isLocal(surveyed)) {
    const local = await inTurn(run, surveyed, queues.local, (now, signal) => settleLocally(run, now, signal));
    if (local !== null) return local;
  }
  if (run.options.isOffline === true) throw offlineError(surveyed);
  const { model, size } = surveyed;
  const known = resolved.get(model.name);
  // Its bytes come with the answer, so that it is asked for in its turn.
  const whole = known === undefined ? wholeOf(surveyed) : null;
  if (whole !== null) {
    const ask = (signal: AbortSignal): Promise<Resolved> => queues.asks.add(() => findMirrors(model, run, signal));
    return await fetchInTurn(run, surveyed, queues.whole, async ({ replaces }, leased) => {
      const brought = await bring(run, { ...whole, replaces }, leased);
      return brought ?? (await fetchModel(run, { ...(await ask(leased)), replaces }, leased));
    });
  }
  const settled = new AbortController();
  const find = (): Promise<Resolved> => findMirrors(model, run, anySignal(run.signal, settled.signal));
  const found = Promise.resolve(known ?? queues.resolves.add(find, { priority: priorityIn(run, surveyed) }));
  // Its failure is told when its turn comes.
  found.catch(() => undefined);
  try {
    const turn = queueOf(size, queues);
    return await fetchInTurn(run, surveyed, turn, async ({ replaces }, leased) => {
      return await fetchModel(run, { ...(await found), replaces }, leased);
    });
  } finally {
    // Nobody asks any more which mirrors there are.
    settled.abort();
  }
}

async function fetchInTurn(
  run: Run,
  surveyed: Surveyed,
  queue: PQueue,
  bringIt: Work<LockedModel>,
): Promise<LockedModel> {
  return await inTurn(run, surveyed, queue, async (now, leased) => {
    const present = now.presence === "present" ? await settleLocally(run, now, leased) : null;
    return present ?? (await bringIt(now, leased));
  });
}

const comesWhole = (surveyed: Surveyed): boolean => wholeOf(surveyed) !== null;

/** The artifact of a file that comes with one answer, or null. */
function wholeOf({ model, size, sha256 }: Surveyed): (Model & Artifact) | null {
  return size !== null && size <= WHOLE_BYTES && sha256 !== null ? { ...model, size, sha256 } : null;
}

function isLocal({ presence, reusable }: Surveyed): boolean {
  return presence !== "absent" || reusable !== null;
}

function offlineError({ model, size }: Surveyed): ModelsError {
  const seen = `${size === null ? "it is" : `its ${formatBytes(size)} are`} not on this box`;
  return new ModelsError("OFFLINE", `Cannot fetch "${model.name}": ${seen}, and the network is not to be used`, {
    fix: "run it without --offline, or name a folder that holds the file under adopt: in the config",
  });
}

/**
 * Shares what the model with the same bytes brought, with one model after the other, for they have one lease. After a
 * carrier that failed each tries itself.
 */
async function settleLinked(
  run: Run,
  sharing: readonly Surveyed[],
  { brought, ...settling }: Settling & { readonly brought: LockedModel | null },
): Promise<readonly (LockedModel | null)[]> {
  const settled: (LockedModel | null)[] = [];
  for (const one of sharing) {
    if (run.signal.aborted) break;
    settled.push(await settleOne(run, await surveyLinked(run, one, brought), settling));
  }
  return settled;
}

/** Its bytes are where they were brought; else they are looked for in the whole tree. */
async function surveyLinked(run: Run, surveyed: Surveyed, brought: LockedModel | null): Promise<Surveyed> {
  const size = brought?.size ?? surveyed.size;
  const reusable = brought === null ? null : await run.tree.provenAt(brought.path);
  if (reusable !== null) return { ...surveyed, size, reusable };
  const options = { ...surveyOptions(run), adopt: [], hubCache: null };
  const [again = surveyed] = await surveyTree(run.tree, [{ ...surveyed.model, size }], options);
  return again;
}
