/** One writer for a file among all processes that share the disk, also where the system's own locks do not hold. */
import { closeSync, writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { syncFile } from "../base/descriptors.ts";
import { ModelsError } from "../base/errors.ts";
import { isLocalDisk } from "./disk-kind.ts";
import { describeSelf, formatHolder, type Holder, nameHolder, parseHolder } from "./holder.ts";
import { createLock, type LockParts, readLock, removeLock } from "./lock-file.ts";
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

/**
 * Takes the lock called `key`, from a holder that is gone if need be.
 * @throws ModelsError `LOCKED` when it is held and `wait` is false, `DISK_FULL`, `DISK_FAILED`, `PATH_UNSAFE`; and the
 * signal's reason when it is aborted
 */
export async function takeLease(
  parts: LockParts & { readonly timings: LeaseTimings },
  key: string,
  options: LeaseOptions,
): Promise<Lease> {
  const { layout, clock, timings } = parts;
  const { subject = key } = options;
  const path = layout.lockOf(key);
  const self = describeSelf(clock.unique());
  const isStale = createStaleJudge(self, clock, timings.staleMs);
  const tell = createTelling(clock, timings.tellMs, options.onWait);
  for (;;) {
    options.signal.throwIfAborted();
    const text = await readLock(path);
    if (text === null) {
      const file = await createLock(parts, path, formatHolder(self, 0));
      if (file !== null) return hold(parts, { path, subject, self, file });
      continue;
    }
    if ((await isStale(path, text)) && (await takeAway(parts, { path, text }, { self, isStale }))) continue;
    if (!options.wait) throw lockedBy(subject, text);
    tell(nameHolder(parseHolder(text)));
    await clock.sleep(timings.pollMs * (0.75 + clock.random() / 2), options.signal);
  }
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
  /** Descriptor of the lock file that we made. */
  readonly file: number;
}

function hold(parts: LockParts & { readonly timings: LeaseTimings }, held: Held): Lease {
  const lost = new AbortController();
  const isLocal = isLocalDisk(held.path);
  let beats = 0;
  let beating: Promise<void> | null = null;
  const stop = parts.clock.every(parts.timings.beatMs, () => {
    if (beating !== null || lost.signal.aborted) return;
    beats += 1;
    beating = beat(held, { count: beats, isLocal, lost }).finally(() => {
      beating = null;
    });
  });
  return {
    lost: lost.signal,
    [Symbol.asyncDispose]: async () => {
      stop();
      await beating;
      try {
        await removeLock(parts, held.path, (text) => parseHolder(text)?.token === held.self.token);
      } finally {
        closeSync(held.file);
      }
    },
  };
}

/** Writes into the file that we made, never into one that has its name by now; then looks who has the name. */
async function beat(
  held: Held,
  now: { readonly count: number; readonly isLocal: boolean; readonly lost: AbortController },
): Promise<void> {
  try {
    writeSync(held.file, formatHolder(held.self, now.count), 0);
    if (!now.isLocal) await syncFile(held.file);
  } catch {
    // A disk that fails now and then is no reason to stop; whether the lock is still ours is found out below.
  }
  const text = await readLock(held.path).catch(() => formatHolder(held.self, now.count));
  if (text !== null && parseHolder(text)?.token === held.self.token) return;
  now.lost.abort(
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
