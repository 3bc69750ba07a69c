/** When a lock's holder counts as gone, and how exactly one of its rivals takes the lock away. */
import type { Clock } from "../base/clock.ts";
import type { Badge } from "./badge.ts";
import { type Holder, isHolderAlive, parseHolder } from "./holder.ts";
import { type LockParts, readLock, removeLock } from "./lock-file.ts";

/** Judges whether the lock at `path`, which says `text`, was left behind. */
export type StaleJudge = (path: string, text: string) => Promise<boolean>;

interface Watched {
  readonly text: string;
  readonly at: number;
  readonly unchangedMs: number;
}

/**
 * A holder in the same set of processes is asked for. Any other is watched: it writes a new beat every few seconds, and
 * is gone when none came for `staleMs` on our own clock; the clocks of two machines are never compared. A pause between
 * two looks counts for little, for then it may be us who stood still.
 */
export function createStaleJudge(self: Holder, clock: Clock, staleMs: number): StaleJudge {
  const watched = new Map<string, Watched>();
  return async (path, text) => {
    const holder = parseHolder(text);
    const isAlive = holder === null ? null : isHolderAlive(holder, self);
    if (isAlive !== null) return !isAlive;
    const at = clock.monotonicMs();
    const before = watched.get(path);
    const isSame = before !== undefined && before.text === text;
    const unchangedMs = isSame ? before.unchangedMs + Math.min(at - before.at, staleMs / 5) : 0;
    watched.set(path, { text, at, unchangedMs });
    return unchangedMs >= staleMs;
  };
}

/**
 * Takes away the lock at `path` that was judged stale when it said `text`. Only who made the claim on that very lock
 * may do so, so that a lock that a faster rival has just made is never touched; a claim is itself a lock, left behind
 * if its holder dies. True when it is worth to try at once again, false when a rival is at it.
 */
export async function takeAway(
  parts: LockParts,
  stale: { readonly path: string; readonly text: string },
  by: { readonly badge: Badge; readonly isStale: StaleJudge },
): Promise<boolean> {
  const claim = `${stale.path}.claim`;
  const lock = await by.badge.take(claim);
  if (lock === null) {
    const rival = await readLock(claim);
    if (rival === null || !(await by.isStale(claim, rival))) return false;
    return await takeAway(parts, { path: claim, text: rival }, by);
  }
  try {
    await removeLock(parts, stale.path, (text) => text === stale.text);
    return true;
  } finally {
    await lock.putBack();
  }
}
