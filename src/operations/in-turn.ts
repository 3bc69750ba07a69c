/** Whose turn it is: each model's work waits for its place in a queue, and is done under the lease of its artifact. */
import type PQueue from "p-queue";
import { isModelsError } from "../base/errors.ts";
import { eitherSignal } from "../base/flow.ts";
import type { Lease } from "../tree/lease.ts";
import { type Run, surveyAgain } from "./settle-model.ts";
import type { Surveyed } from "./survey.ts";

/** How urgent a model is in this run: the higher, the sooner. */
export const priorityIn = (run: Run, { model, size }: Surveyed): number => run.priorityOf({ ...model, size });

/** What is done with a model under its lease, with what is on the disk by then. */
export type Work<T> = (now: Surveyed, signal: AbortSignal) => Promise<T>;

/**
 * Does `work` in `queue` and under the lease, with what is on the disk by then. A lease that another process holds is
 * waited for outside of the queue, so that the other models go on.
 */
export async function inTurn<T>(run: Run, surveyed: Surveyed, queue: PQueue, work: Work<T>): Promise<T> {
  // The queue is not given the signal: it would let go of work that is still ending.
  const turn = { priority: priorityIn(run, surveyed) };
  const atOnce = await queue.add(async () => {
    run.signal.throwIfAborted();
    await using lease = await tryLease(run, surveyed);
    return lease === null ? null : { done: await underLease(run, surveyed, lease, work) };
  }, turn);
  if (atOnce !== null) return atOnce.done;
  await using lease = await waitForLease(run, surveyed);
  return await queue.add(() => underLease(run, surveyed, lease, work), turn);
}

async function underLease<T>(run: Run, surveyed: Surveyed, lease: Lease, work: Work<T>): Promise<T> {
  using either = eitherSignal(run.signal, lease.lost);
  const { signal } = either;
  return await work(await surveyAgain(run, surveyed, signal), signal);
}

/** One lease an artifact: two models of one digest share one partial file. */
function leaseKey({ model, sha256 }: Surveyed): string {
  return sha256 ?? model.path;
}

/** Null when another process has it and this one may wait. */
async function tryLease(run: Run, surveyed: Surveyed): Promise<Lease | null> {
  try {
    const options = { subject: surveyed.model.path, signal: run.signal, wait: false, onWait: () => undefined };
    return await run.tree.lease(leaseKey(surveyed), options);
  } catch (error) {
    if (isModelsError(error, "LOCKED") && run.options.wait !== false) return null;
    throw error;
  }
}

async function waitForLease(run: Run, surveyed: Surveyed): Promise<Lease> {
  const onWait = (holder: string): void => {
    const message = `${holder} is bringing it`;
    run.report({ kind: "waiting", model: surveyed.model.name, on: "lock", message, untilMs: null });
  };
  const { path: subject } = surveyed.model;
  return await run.tree.lease(leaseKey(surveyed), { subject, signal: run.signal, wait: true, onWait });
}
