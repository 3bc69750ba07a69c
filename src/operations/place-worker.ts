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
import { createPlaceWhole, type WholeFile } from "./place-whole.ts";

serveThread<string>((root, post) => {
  const sha256File = (): Promise<never> => Promise.reject(new Error("nothing is read here"));
  const placeWhole = createPlaceWhole(createTree(root, { clock: systemClock, digest: { sha256File } }));
  let reads: SmallReads | null = null;
  /** What ends each read that is under way. */
  const reading = new Map<number, () => void>();

  const answer = inBundles<PlaceAnswer>(post, setImmediate);
  const done = (id: number, isPlaced: boolean): void => answer({ kind: "done", id, isPlaced });
  const place = (id: number, file: WholeFile): Promise<void> =>
    placeWhole(file).then(
      (isPlaced) => done(id, isPlaced),
      (error: unknown) => {
        const [code, fix] = isModelsError(error) ? [error.code, error.fix] : (["DISK_FAILED", undefined] as const);
        answer({ kind: "failed", id, code, message: reasonOf(error), fix });
      },
    );
  const bring = (id: number, { direct, allowPickle, ...file }: DirectFile): void => {
    const { endpoint, label, source } = direct;
    const { size, sha256, path } = file.wanted;
    const stop = reads?.start({ endpoint, size, deadlineMs: deadlineOf(size) }, (head) => {
      reading.delete(id);
      const isRight =
        head !== null &&
        claimProblem({ label, source, size, sha256, head }, { path, size, sha256, allowPickle }) === null;
      if (isRight) return place(id, { ...file, bytes: head });
      done(id, false);
      return null;
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
    else if (order.kind === "place") void place(order.id, order);
    else if (order.kind === "bring") bring(order.id, order);
    else forget(order.id);
  };
  return (orders) => {
    for (const one of orders as readonly PlaceOrder[]) obey(one);
  };
});
