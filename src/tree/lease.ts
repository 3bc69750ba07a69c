/** One writer for a file among all processes that share the disk, also where the system's own locks do not hold. */
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import { createBadge, type TakenLock } from "./badge.ts";
import { describeSelf, type Holder, nameHolder, parseHolder } from "./holder.ts";
import { type LockParts, readLock } from "./lock-file.ts";
import { createStaleJudge, takeAway } from "./takeover.ts";

/** The right to write, held until it is disposed of. */
export interface Lease extends AsyncDisposable {
  /** Aborted, with `LEASE_LOST` as its reason, when another process took the lock over: stop writing. */
  readonly lost: AbortSignal;
}

export interface LeaseOptions {
  readonly signal: AbortSignal;
  /** Whether to wait for the present holder. */
  readonly wait: boolean;
  /** What the lock protects, as errors call it. @default the key */
  readonly subject?: string;
  /** Told who holds it, once the waiting begins and every few seconds from then on. */
  readonly onWait: (holder: string) => void;
}

/** All in milliseconds. */
export interface LeaseTimings {
  /** How often the holder shows that it is there. @default 2000 */
  readonly beatMs: number;
  /** How long no beat makes a holder on another machine count as gone. @default 10000 */
  readonly staleMs: number;
  /** How often those who wait look. @default 250 */
  readonly pollMs: number;
  /** How often those who wait say so. @default 5000 */
  readonly tellMs: number;
}

export const LEASE_TIMINGS: LeaseTimings = { beatMs: 2000, staleMs: 10_000, pollMs: 250, tellMs: 5000 };

export type LeaseParts = LockParts & { readonly timings: LeaseTimings };

/**
 * Takes the lock called `key`, from a holder that is gone if need be.
 * @throws ModelsError `LOCKED` when it is held and `wait` is false, `DISK_FULL`, `DISK_FAILED`, `PATH_UNSAFE`; and the
 * signal's reason when it is aborted
 */
export type TakeLease = (key: string, options: LeaseOptions) => Promise<Lease>;

/** One {@link TakeLease} alone. */
export function takeLease(parts: LeaseParts, key: string, options: LeaseOptions): Promise<Lease> {
  return createLeases(parts)(key, options);
}

/** All leases that it gives are held by one holder. */
export function createLeases(parts: LeaseParts): TakeLease {
  const { layout, clock, timings } = parts;
  const self = describeSelf(clock.unique());
  const badge = createBadge(parts, self);
  return async (key, options) => {
    const { subject = key } = options;
    const path = layout.lockOf(key);
    const isStale = createStaleJudge(self, clock, timings.staleMs);
    const tell = createTelling(clock, timings.tellMs, options.onWait);
    for (;;) {
      options.signal.throwIfAborted();
      const lock = await badge.take(path);
      if (lock !== null) return hold(parts, { path, subject, self, lock });
      const text = (await readLock(path)) ?? "";
      if ((await isStale(path, text)) && (await takeAway(parts, { path, text }, { badge, isStale }))) continue;
      if (!options.wait) throw lockedBy(subject, text);
      tell(nameHolder(parseHolder(text)));
      await clock.sleep(timings.pollMs * (0.75 + clock.random() / 2), options.signal);
    }
  };
}

function lockedBy(subject: string, text: string): ModelsError {
  return new ModelsError("LOCKED", `Cannot lock "${subject}": ${nameHolder(parseHolder(text))} writes to it`, {
    fix: "wait for that process, or run it again without --no-wait",
  });
}

function createTelling(clock: Clock, everyMs: number, onWait: (holder: string) => void): (holder: string) => void {
  let last: number | null = null;
  return (holder) => {
    const now = clock.monotonicMs();
    if (last !== null && now - last < everyMs) return;
    last = now;
    onWait(holder);
  };
}

interface Held {
  readonly path: string;
  readonly subject: string;
  readonly self: Holder;
  readonly lock: TakenLock;
}

function hold({ clock, timings }: LeaseParts, held: Held): Lease {
  const lost = new AbortController();
  let beating: Promise<void> | null = null;
  const stop = clock.every(timings.beatMs, () => {
    if (beating !== null || lost.signal.aborted) return;
    beating = beat(held, lost).finally(() => {
      beating = null;
    });
  });
  return {
    lost: lost.signal,
    [Symbol.asyncDispose]: async () => {
      stop();
      await beating;
      await held.lock.putBack();
    },
  };
}

/** Writes into the file that we made, never into one that has its name by now; then looks who has the name. */
async function beat(held: Held, lost: AbortController): Promise<void> {
  try {
    await held.lock.beat();
  } catch {
    // A disk that fails now and then is no reason to stop; whether the lock is still ours is found out below.
  }
  const text = await readLock(held.path).catch(() => undefined);
  if (text === undefined || (text !== null && parseHolder(text)?.token === held.self.token)) return;
  held.lock.lose();
  lost.abort(
    new ModelsError(
      "LEASE_LOST",
      `Cannot go on writing "${held.subject}": ${takenBy(text)}, expected to hold its lock`,
      {
        fix: "run it again, what is on disk is kept",
      },
    ),
  );
}

function takenBy(text: string | null): string {
  return text === null ? "its lock was removed" : `${nameHolder(parseHolder(text))} took its lock over`;
}
