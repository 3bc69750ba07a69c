/** The thread that places small files which came whole. */
import { systemClock } from "../base/clock.ts";
import { isModelsError, reasonOf } from "../base/errors.ts";
import { serveThread } from "../base/threads.ts";
import { createTree } from "../tree/tree.ts";
import { createPlaceWhole, type PlaceAnswer, type PlaceOrder } from "./place-whole.ts";

serveThread<string>((root, post) => {
  const sha256File = (): Promise<never> => Promise.reject(new Error("nothing is read here"));
  const placeWhole = createPlaceWhole(createTree(root, { clock: systemClock, digest: { sha256File } }));
  return (message) => {
    const { id, ...file } = message as PlaceOrder;
    placeWhole(file).then(
      (isPlaced) => post({ kind: "done", id, isPlaced } satisfies PlaceAnswer),
      (error: unknown) => {
        const [code, fix] = isModelsError(error) ? [error.code, error.fix] : (["DISK_FAILED", undefined] as const);
        post({ kind: "failed", id, code, message: reasonOf(error), fix } satisfies PlaceAnswer);
      },
    );
  };
});
