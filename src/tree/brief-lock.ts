/** One at a time reads a small file, adds to it and writes it again, so that nobody's addition is lost; in the tree and beside any file. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { diskError } from "../base/disk-error.ts";
import { isModelsError, ModelsError } from "../base/errors.ts";
import { processName } from "../base/process.ts";
import { LEASE_TIMINGS, type Lease, type LeaseTimings, takeLease } from "./lease.ts";
import type { LockLayout, LockParts } from "./lock-file.ts";
import { sweepLock } from "./sweep-locks.ts";

/** Who has it is soon done. */
const TIMINGS: LeaseTimings = { ...LEASE_TIMINGS, pollMs: 20 };

/** Longer than it takes to find out that a holder on another machine is gone. */
const PATIENCE_MS = 15_000;

/**
 * Runs `change` while nobody else changes the tree's file at `path` this way. Where the lock cannot be had, it runs all
 * the same: then the file cannot be written either, or its holder stands still.
 */
export async function changeAlone(parts: LockParts, path: string, change: () => Promise<void>): Promise<void> {
  await using _lock = await take(parts, path).catch(() => null);
  await change();
}

/**
 * The right to change the file at `path`, which lies in no tree; its folder must exist. While it is held, two hidden
 * files lie beside it.
 * @throws ModelsError `LOCKED` when its holder stands still, `DISK_FULL`, `DISK_FAILED`
 */
export async function leaseBeside(path: string, clock: Clock): Promise<Lease> {
  try {
    return await take({ layout: layoutBeside(await whereItIs(path)), clock }, path);
  } catch (error) {
    const failure = diskError("write", path, error);
    if (!isModelsError(failure, "DISK_FAILED")) throw failure;
    const fix = "make its folder exist and writable for this user";
    throw new ModelsError("DISK_FAILED", failure.message, { fix, cause: error });
  }
}

async function take(parts: LockParts, path: string): Promise<Lease> {
  const patience = new AbortController();
  let seen = "another process";
  const onWait = (holder: string): void => {
    seen = holder;
  };
  const forget = parts.clock.after(PATIENCE_MS, () => {
    const fix = "end that process, or wait for it, and run this again";
    patience.abort(new ModelsError("LOCKED", `Cannot write "${path}": ${seen} has it locked`, { fix }));
  });
  try {
    return await takeLease({ ...parts, timings: TIMINGS }, path, { signal: patience.signal, wait: true, onWait });
  } finally {
    forget();
  }
}

/** Removes the lock beside `path` of a process that was killed. What cannot be removed does no harm. */
export async function sweepLeaseBeside(path: string, clock: Clock): Promise<void> {
  try {
    const layout = layoutBeside(await whereItIs(path));
    await sweepLock({ layout, clock }, layout.lockOf(path));
  } catch {
    // There is no such folder, or it cannot be written to.
  }
}

/** Through links, so that all who write it meet. */
async function whereItIs(path: string): Promise<string> {
  return await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)));
}

/** Temporary files are called like those of the text itself, so that they are swept with them. */
function layoutBeside(target: string): LockLayout {
  const root = dirname(target);
  const own = `.${basename(target)}`;
  return {
    root,
    lockOf: () => join(root, `${own}.lock`),
    temporaryOf: (unique) => join(root, `${own}.${processName()}.${unique}.tmp`),
    folderOf: () => "",
  };
}
