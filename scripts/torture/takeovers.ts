/** How long a file whose holder died waits for the next one. */
import type { Event } from "../../src/base/events.ts";
import type { Client } from "./client.ts";

export interface Takeovers {
  /** Told of every event, as it comes. */
  readonly hear: (event: Event) => void;
  /** `victim` was killed at `killedMs` while `rivals` ran. */
  readonly killed: (victim: Client, rivals: readonly Client[], killedMs: number) => void;
  /** From the death of a holder on this machine to the first sign of the next, in milliseconds. */
  readonly here: () => readonly number[];
  /** From the first look at the lock of a holder on another machine to the first sign of the next. */
  readonly elsewhere: () => readonly number[];
}

/** @param hasDeadHolder whether every file is locked from the beginning by a process of another machine */
export function createTakeovers(hasDeadHolder: boolean): Takeovers {
  const orphans = new Map<string, number>();
  const foreign = new Map<string, number>();
  const here: number[] = [];
  const elsewhere: number[] = [];
  const settle = (waiting: Map<string, number>, name: string, into: number[]): void => {
    const since = waiting.get(name);
    if (since !== undefined) into.push(performance.now() - since);
    waiting.delete(name);
  };
  return {
    hear: (event) => {
      if (event.kind === "waiting" && event.on === "lock" && event.model !== null && hasDeadHolder) {
        if (/another-box/.test(event.message) && !foreign.has(event.model)) foreign.set(event.model, performance.now());
      }
      if (event.kind !== "file-started" && event.kind !== "file-finished") return;
      settle(orphans, event.model, here);
      settle(foreign, event.model, elsewhere);
    },
    killed: (victim, rivals, killedMs) => {
      foreign.clear();
      for (const name of victim.holds()) {
        if (rivals.some((rival) => rival.waitsFor().has(name))) orphans.set(name, killedMs);
      }
    },
    here: () => here,
    elsewhere: () => elsewhere,
  };
}
