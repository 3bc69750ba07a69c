/** What is done with the bytes of a small file that came whole: proven, written, given their name; here or in a thread. */
import { unlinkIfThere } from "../base/descriptors.ts";
import { type ErrorCode, ModelsError, reasonOf } from "../base/errors.ts";
import { type Deferred, deferred } from "../base/flow.ts";
import { startThread } from "../base/threads.ts";
import { isProven, writeWhole } from "../transfer/whole.ts";
import type { Origin } from "../tree/place.ts";
import type { WantedArtifact } from "../tree/terms.ts";
import type { Tree } from "../tree/tree.ts";

export interface WholeFile {
  readonly bytes: Uint8Array;
  /** Path of the partial file, which is written under the caller's lease. */
  readonly partial: string;
  readonly wanted: WantedArtifact;
  readonly origin: Origin;
}

/**
 * True when the file is in its place; false when the bytes are not those that are wanted. They are the caller's no more.
 * @throws ModelsError as `Tree.place` does
 */
export type PlaceWhole = (file: WholeFile) => Promise<boolean>;

/** Places files in this thread. */
export function createPlaceWhole(tree: Pick<Tree, "place">): PlaceWhole {
  return async ({ bytes, partial, wanted, origin }) => {
    if (!isProven(bytes, wanted)) return false;
    try {
      await writeWhole(partial, bytes);
      await tree.place(partial, wanted, origin);
      return true;
    } catch (error) {
      // Nobody resumes it, for it comes again as quickly.
      await unlinkIfThere(partial).catch(() => undefined);
      throw error;
    }
  };
}

/** What the thread is told. */
export interface PlaceOrder extends WholeFile {
  readonly id: number;
}

/** What it answers: whether the file is in its place, or the error that kept it away. */
export type PlaceAnswer = { readonly id: number } & (
  | { readonly kind: "done"; readonly isPlaced: boolean }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly fix: string | undefined }
);

export interface PlaceThread extends AsyncDisposable {
  readonly placeWhole: PlaceWhole;
}

/** Places files of the tree at `root` in a thread of its own: with many of them, half of the work is theirs. */
export function openPlaceThread(root: string): PlaceThread {
  const thread = startThread("./place-worker.js", import.meta.url, root);
  const waiting = new Map<number, Deferred<boolean>>();
  let lastId = 0;
  thread.onMessage((message) => {
    const answer = message as PlaceAnswer;
    const one = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.kind === "done") one?.resolve(answer.isPlaced);
    else one?.reject(new ModelsError(answer.code, answer.message, answer.fix === undefined ? {} : { fix: answer.fix }));
  });
  thread.onEnd((error) => {
    const why = error === null ? "" : ` (${reasonOf(error)})`;
    const lost = new ModelsError("DISK_FAILED", `Cannot write to "${root}": the thread that does it has ended${why}`);
    for (const one of waiting.values()) one.reject(lost);
    waiting.clear();
  });
  return {
    placeWhole: (file) => {
      lastId += 1;
      const answer = deferred<boolean>();
      waiting.set(lastId, answer);
      thread.post({ ...file, id: lastId } satisfies PlaceOrder, ownMemory(file.bytes));
      return answer.promise;
    },
    [Symbol.asyncDispose]: () => thread.stop(),
  };
}

/** Memory that nobody else uses need not be copied. */
function ownMemory({ buffer, byteLength }: Uint8Array): readonly ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
