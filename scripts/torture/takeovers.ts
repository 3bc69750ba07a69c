/** How long a file whose holder died waits for the next holder, seen in the lock file itself. */
import { readFileSync } from "node:fs";
import { type Holder, parseHolder } from "../../src/tree/holder.ts";
import type { WorldBox } from "./box.ts";
import type { Client } from "./client.ts";

export interface Takeovers {
  /** Looks at the locks whose holder died; to be called often. */
  readonly look: () => void;
  /** `waiting` runs, and found the file `name` locked. */
  readonly waits: (name: string) => void;
  /** `victim` was killed at `killedMs` while `rivals` ran. */
  readonly killed: (victim: Client, rivals: readonly Client[], killedMs: number) => void;
  /** From the death of a holder on this machine to the next one, in milliseconds. */
  readonly here: () => readonly number[];
  /** From the first sight of the lock of a holder on another machine to the next one. */
  readonly elsewhere: () => readonly number[];
}

interface Orphan {
  readonly sinceMs: number;
  readonly isOf: (holder: Holder) => boolean;
  readonly into: number[];
}

/** @param foreign the machine whose process holds every lock from the beginning, or null */
export function createTakeovers(
  { layout, files }: Pick<WorldBox, "layout" | "files">,
  foreign: string | null,
): Takeovers {
  const orphans = new Map<string, Orphan>();
  const here: number[] = [];
  const elsewhere: number[] = [];
  const holderOf = (name: string): Holder | null => {
    const file = files.find((one) => one.name === name);
    return file === undefined ? null : readHolder(layout.lockOf(file.sha256));
  };
  return {
    look: () => {
      for (const [name, { sinceMs, isOf, into }] of orphans) {
        const holder = holderOf(name);
        if (holder === null || isOf(holder)) continue;
        into.push(performance.now() - sinceMs);
        orphans.delete(name);
      }
    },
    waits: (name) => {
      if (foreign === null || orphans.has(name) || holderOf(name)?.host !== foreign) return;
      orphans.set(name, { sinceMs: performance.now(), isOf: ({ host }) => host === foreign, into: elsewhere });
    },
    killed: (victim, rivals, killedMs) => {
      // Whoever watched may be the one that died: the next one begins to watch anew.
      for (const [name, { into }] of orphans) if (into === elsewhere) orphans.delete(name);
      for (const { name } of files) {
        const isAwaited = rivals.some((rival) => rival.waitsFor().has(name));
        const isHeld = holderOf(name)?.pid === victim.pid;
        if (isAwaited && isHeld)
          orphans.set(name, { sinceMs: killedMs, isOf: ({ pid }) => pid === victim.pid, into: here });
      }
    },
    here: () => here,
    elsewhere: () => elsewhere,
  };
}

function readHolder(lock: string): Holder | null {
  try {
    return parseHolder(readFileSync(lock, "utf8"));
  } catch {
    return null;
  }
}
