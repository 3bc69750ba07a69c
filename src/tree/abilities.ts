/** What the disk under a tree can do, tried out in a folder that is gone afterwards. */
import { constants } from "node:fs";
import { copyFile, link, mkdtemp, open, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { errnoOf } from "./disk.ts";
import { isLocalDisk } from "./disk-kind.ts";

export interface Abilities {
  /** Whether it is known to be this machine's own. */
  readonly isLocal: boolean;
  readonly hasHardLinks: boolean;
  readonly hasSymlinks: boolean;
  /** Whether copies can share their blocks. */
  readonly hasReflinks: boolean;
  /** Whether a file can be made by exactly one of two processes: what locks stand on. */
  readonly hasExclusiveCreate: boolean;
  /** Whether a name can be given to another file in one step: what publication stands on. */
  readonly hasAtomicRename: boolean;
  /** Bytes a second that were written and made durable. */
  readonly writeBytesPerSecond: number;
}

const PROBE_BYTES = 64 * 1024 * 1024;
const STEP_BYTES = 4 * 1024 * 1024;

/** Tries it out in `root`, which must exist. @throws Error of the system when nothing can be written there */
export async function tryAbilities(root: string, clock: Pick<Clock, "monotonicMs">): Promise<Abilities> {
  const folder = await mkdtemp(join(root, ".modelferry-doctor-"));
  const at = (name: string): string => join(folder, name);
  try {
    const writeBytesPerSecond = await measureWrites(at("probe"), clock);
    return {
      isLocal: isLocalDisk(at("probe")),
      hasHardLinks: await can(() => link(at("probe"), at("hard"))),
      hasSymlinks: await can(() => symlink("probe", at("soft"))),
      hasReflinks: await can(() => copyFile(at("probe"), at("clone"), constants.COPYFILE_FICLONE_FORCE)),
      hasExclusiveCreate: await isExclusive(at("lock")),
      hasAtomicRename: await replaces(at("old"), at("new")),
      writeBytesPerSecond,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureWrites(path: string, clock: Pick<Clock, "monotonicMs">): Promise<number> {
  await using file = await open(path, "w");
  const step = Buffer.alloc(STEP_BYTES, 0xa5);
  const startedMs = clock.monotonicMs();
  for (let at = 0; at < PROBE_BYTES; at += STEP_BYTES) await file.write(step, 0, STEP_BYTES, at);
  await file.sync();
  return Math.round((PROBE_BYTES / Math.max(1, clock.monotonicMs() - startedMs)) * 1000);
}

async function can(work: () => Promise<void>): Promise<boolean> {
  return await work().then(
    () => true,
    () => false,
  );
}

async function isExclusive(path: string): Promise<boolean> {
  await writeFile(path, "", { flag: "wx" });
  return await writeFile(path, "", { flag: "wx" }).then(
    () => false,
    (error: unknown) => errnoOf(error) === "EEXIST",
  );
}

async function replaces(old: string, fresh: string): Promise<boolean> {
  await writeFile(old, "old");
  await writeFile(fresh, "new");
  return (await can(() => rename(fresh, old))) && (await readFile(old, "utf8")) === "new";
}
