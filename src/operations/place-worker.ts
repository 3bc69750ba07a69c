/** The thread that brings small files from plain addresses, and places those that came whole. */
import { systemClock } from "../base/clock.ts";
import { isModelsError, reasonOf } from "../base/errors.ts";
import { inBundles } from "../base/flow.ts";
import { serveThread } from "../base/threads.ts";
import { createSmallReads, type SmallReads } from "../net/small-reads.ts";
import { claimProblem } from "../sources/agree.ts";
import { deadlineOf } from "../sources/probe.ts";
import { createTree } from "../tree/tree.ts";
import type { DirectFile, PlaceAnswer, PlaceOrder } from "./place-thread.ts";
import { createPlaceWhole } from "./place-whole.ts";

serveThread<string>((root, post) => {
  const sha256File = (): Promise<never> => Promise.reject(new Error("nothing is read here"));
  const placeWhole = createPlaceWhole(createTree(root, { clock: systemClock, digest: { sha256File } }));
  let reads: SmallReads | null = null;
  /** What ends each read that is under way. */
  const reading = new Map<number, () => void>();

  const answer = inBundles<PlaceAnswer>(post, setImmediate);
  const done = (id: number, isPlaced: boolean): void => answer({ kind: "done", id, isPlaced });
  const settle = async (id: number, placing: Promise<boolean>): Promise<void> => {
    try {
      done(id, await placing);
    } catch (error) {
      const [code, fix] = isModelsError(error) ? [error.code, error.fix] : (["DISK_FAILED", undefined] as const);
      answer({ kind: "failed", id, code, message: reasonOf(error), fix });
    }
  };
  const placeIfRight = async (
    head: Uint8Array | null,
    { direct, allowPickle, ...file }: DirectFile,
  ): Promise<boolean> => {
    const { label, source } = direct;
    if (head === null || claimProblem({ ...file.wanted, label, source, head }, { ...file.wanted, allowPickle }))
      return false;
    return await placeWhole({ ...file, bytes: head });
  };
  const bring = (id: number, file: DirectFile): void => {
    const { size } = file.wanted;
    const read = { endpoint: file.direct.endpoint, size, deadlineMs: deadlineOf(size) };
    const stop = reads?.start(read, (head) => {
      reading.delete(id);
      return settle(id, placeIfRight(head, file));
    });
    if (stop !== undefined) reading.set(id, stop);
  };
  const forget = (id: number): void => {
    const stop = reading.get(id);
    if (stop === undefined) return;
    reading.delete(id);
    stop();
    done(id, false);
  };
  const obey = (order: PlaceOrder): void => {
    if (order.kind === "open") reads = createSmallReads(order.reads, { clock: systemClock });
    else if (order.kind === "place") void settle(order.id, placeWhole(order));
    else if (order.kind === "bring") bring(order.id, order);
    else forget(order.id);
  };
  return (orders) => {
    for (const one of orders as readonly PlaceOrder[]) obey(one);
  };
});
