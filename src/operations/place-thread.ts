/** The thread of small files, as the main thread sees it: what it is told, and what it answers. */
import { type ErrorCode, ModelsError, reasonOf } from "../base/errors.ts";
import { type Deferred, deferred, inBundles } from "../base/flow.ts";
import { startThread } from "../base/threads.ts";
import type { SmallReadsSettings } from "../net/small-reads.ts";
import type { Direct } from "../sources/index.ts";
import type { PlaceWhole, WholeFile } from "./place-whole.ts";

/** A file that the thread shall ask for itself. */
export interface DirectFile extends Omit<WholeFile, "bytes"> {
  readonly direct: Direct;
  /** Whether it may be a pickle. */
  readonly allowPickle: boolean;
}

/**
 * True when the file came and is in its place; false when anything at all was in the way of its bytes, or wrong with them.
 * @throws ModelsError as `Tree.place` does, and the signal's reason
 */
export type BringWhole = (file: DirectFile, signal: AbortSignal) => Promise<boolean>;

/** What the thread is told, several at a time. */
export type PlaceOrder =
  /** How files are asked for; before the first that is to be brought. */
  | { readonly kind: "open"; readonly reads: SmallReadsSettings }
  | ({ readonly kind: "place"; readonly id: number } & WholeFile)
  | ({ readonly kind: "bring"; readonly id: number } & DirectFile)
  /** Nobody wants the bytes any more; what is being written is written. */
  | { readonly kind: "forget"; readonly id: number };

/** What it answers to each file, several at a time: whether it is in its place, or the error that kept it away. */
export type PlaceAnswer = { readonly id: number } & (
  | { readonly kind: "done"; readonly isPlaced: boolean }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly fix: string | undefined }
);

export interface PlaceThread extends AsyncDisposable {
  readonly placeWhole: PlaceWhole;
  /** Called once at most. */
  readonly bringWith: (reads: SmallReadsSettings) => BringWhole;
}

/** Places files of the tree at `root`, and brings them, in a thread of its own: with many, most of the work is theirs. */
export function openPlaceThread(root: string): PlaceThread {
  const thread = startThread("./place-worker.js", import.meta.url, root);
  const waiting = new Map<number, Deferred<boolean>>();
  let lost: ModelsError | null = null;
  let lastId = 0;
  const post = inBundles<PlaceOrder>((orders) => thread.post(orders), queueMicrotask);
  const awaitAnswer = (): { readonly id: number; readonly promise: Promise<boolean> } => {
    if (lost !== null) throw lost;
    lastId += 1;
    const answer = deferred<boolean>();
    waiting.set(lastId, answer);
    return { id: lastId, promise: answer.promise };
  };
  const hear = (answer: PlaceAnswer): void => {
    const one = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.kind === "done") one?.resolve(answer.isPlaced);
    else one?.reject(new ModelsError(answer.code, answer.message, answer.fix === undefined ? {} : { fix: answer.fix }));
  };
  thread.onMessage((answers) => {
    for (const one of answers as readonly PlaceAnswer[]) hear(one);
  });
  thread.onEnd((error) => {
    const why = error === null ? "" : ` (${reasonOf(error)})`;
    const seen = `the thread that does it has ended${why}`;
    const fix = "run the same command again, it goes on; if it happens again, give this process more memory";
    lost = new ModelsError("DISK_FAILED", `Cannot write to "${root}": ${seen}`, { fix });
    for (const one of waiting.values()) one.reject(lost);
    waiting.clear();
  });
  const bringWhole: BringWhole = async (file, signal) => {
    signal.throwIfAborted();
    const { id, promise } = awaitAnswer();
    const forget = (): void => post({ kind: "forget", id });
    signal.addEventListener("abort", forget, { once: true });
    post({ ...file, kind: "bring", id });
    try {
      const isBrought = await promise;
      if (!isBrought) signal.throwIfAborted();
      return isBrought;
    } finally {
      signal.removeEventListener("abort", forget);
    }
  };
  return {
    placeWhole: async (file) => {
      const { id, promise } = awaitAnswer();
      thread.post([{ ...file, kind: "place", id } satisfies PlaceOrder], ownMemory(file.bytes));
      return await promise;
    },
    bringWith: (reads) => {
      post({ kind: "open", reads });
      return bringWhole;
    },
    [Symbol.asyncDispose]: () => thread.stop(),
  };
}

/** Memory that nobody else uses need not be copied. */
function ownMemory({ buffer, byteLength }: Uint8Array): readonly ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
