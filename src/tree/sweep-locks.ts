/** Takes away locks whose holder was killed, and journals of files that have their names: nobody would come back for them. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { TreePath } from "../base/paths.ts";
import { createBadge } from "./badge.ts";
import { removeFile, statOrNull } from "./disk.ts";
import { describeSelf, isHolderAlive, parseHolder } from "./holder.ts";
import type { Layout } from "./layout.ts";
import { LEASE_TIMINGS, takeLease } from "./lease.ts";
import { type LockParts, readLock } from "./lock-file.ts";
import { takeAway } from "./takeover.ts";

const JOURNAL = ".journal";

type TreeLocks = LockParts & { readonly layout: Layout };

/** Removes the locks of processes that are known to have ended. One of another machine is left to who waits for it. */
export async function sweepLocks(parts: LockParts): Promise<void> {
  const folder = dirname(parts.layout.lockOf("any"));
  const names: readonly string[] = await readdir(folder).catch(() => []);
  for (const name of names) await sweepLock(parts, join(folder, name));
}

/** Does the same with the one at `path`. */
export async function sweepLock(parts: LockParts, path: string): Promise<void> {
  const text = await readLock(path).catch(() => null);
  if (text === null) return;
  const self = describeSelf(parts.clock.unique());
  const isStale = async (_path: string, said: string): Promise<boolean> => {
    const holder = parseHolder(said);
    return holder !== null && isHolderAlive(holder, self) === false;
  };
  if (!(await isStale(path, text))) return;
  await takeAway(parts, { path, text }, { badge: createBadge(parts, self), isStale }).catch(() => false);
}

/** Removes journals without a partial file, each under its lease: a process was killed between the rename and this. */
export async function sweepJournals(parts: TreeLocks): Promise<void> {
  const folder = partialFolder(parts.layout);
  const names: readonly string[] = await readdir(folder).catch(() => []);
  const orphans = names.filter((name) => name.endsWith(JOURNAL) && !names.includes(contentOf(name)));
  for (const name of orphans) {
    const key = basename(name, JOURNAL);
    await removeOrphan(parts, join(folder, name), parts.layout.leaseOf(key)).catch(() => undefined);
  }
}

async function removeOrphan(parts: TreeLocks, journal: string, key: string): Promise<void> {
  const { signal } = new AbortController();
  const options = { signal, wait: false, onWait: () => undefined };
  await using _lease = await takeLease({ ...parts, timings: LEASE_TIMINGS }, key, options);
  if (statOrNull(join(dirname(journal), contentOf(basename(journal)))) === null) await removeFile(journal);
}

const contentOf = (journal: string): string => `${basename(journal, JOURNAL)}.part`;

function partialFolder(layout: Layout): string {
  return dirname(layout.partialOf({ sha256: null, path: "any" as TreePath }).content);
}
