/** A thread that a test plays: it says what it is told to say, and crashes when it is told to. */
import type { Thread } from "../src/base/threads.ts";

export interface PlayedThread extends Thread {
  /** What it was told, in order. */
  readonly heard: readonly unknown[];
  readonly say: (message: unknown) => void;
  readonly crash: (error: Error | null) => void;
  readonly isReferenced: () => boolean;
}

export function playThread(): PlayedThread {
  const heard: unknown[] = [];
  const listeners: ((message: unknown) => void)[] = [];
  const enders: ((error: Error | null) => void)[] = [];
  let isReferenced = true;
  const crash = (error: Error | null): void => {
    for (const end of enders.splice(0)) end(error);
  };
  return {
    heard,
    post: (message) => {
      heard.push(message);
    },
    onMessage: (listen) => {
      listeners.push(listen);
    },
    onEnd: (listen) => {
      enders.push(listen);
    },
    ref: () => {
      isReferenced = true;
    },
    unref: () => {
      isReferenced = false;
    },
    load: () => 0,
    stop: async () => crash(null),
    say: (message) => {
      for (const listen of listeners) listen(message);
    },
    crash,
    isReferenced: () => isReferenced,
  };
}
