/** How a lockfile is changed when others may change it at the same time: read, changed and written by one at a time. */
import type { Clock } from "../base/clock.ts";
import { type Lock, sweepBeside, writeLock } from "../catalog/lockfile.ts";
import { leaseBeside, sweepLeaseBeside } from "../tree/brief-lock.ts";

/**
 * Writes what `change` makes of the lockfile at `path` as it is by then; nothing when that is null.
 * @throws ModelsError `LOCKFILE_INVALID`, `DISK_FAILED`, `DISK_FULL`, `LOCKED`, `LEASE_LOST`
 */
export type ChangeLock = (path: string, change: (lock: Lock | null) => Lock | null) => Promise<void>;

export interface ChangeLockPorts {
  readonly clock: Clock;
  readonly readLock: (path: string) => Promise<Lock | null>;
}

/** See {@link ChangeLock}. */
export function createChangeLock({ clock, readLock }: ChangeLockPorts): ChangeLock {
  return async (path, change) => {
    await using lease = await leaseBeside(path, clock);
    const changed = change(await readLock(path));
    lease.lost.throwIfAborted();
    if (changed !== null) await writeLock(path, changed);
  };
}

/** Removes what killed processes left beside the lockfile at `path`. */
export async function sweepLockfile(path: string, clock: Clock): Promise<void> {
  await sweepLeaseBeside(path, clock);
  await sweepBeside(path);
}
