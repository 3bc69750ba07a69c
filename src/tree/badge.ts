/** The one file that says who this process is: every lock that it holds is a link to it, and costs the disk no file. */
import { closeSync, fstatSync, linkSync, unlinkSync, writeSync } from "node:fs";
import { link } from "node:fs/promises";
import { basename } from "node:path";
import { openFile, syncFile } from "../base/descriptors.ts";
import { diskError } from "../base/disk-error.ts";
import { errnoOf, lstatOrNull, removeFile } from "./disk.ts";
import { isLocalDisk } from "./disk-kind.ts";
import { type HeldFolder, holdFolder } from "./folder.ts";
import { formatHolder, type Holder, parseHolder } from "./holder.ts";
import { createInPlace, type LockParts, NO_LINKS, removeLock, writeLock } from "./lock-file.ts";

/** A lock that is ours until it is put back. */
export interface TakenLock {
  /** Shows others that its holder is there; the disk may refuse. */
  readonly beat: () => Promise<void>;
  /** Another has its name by now: it is no longer ours to put back. */
  readonly lose: () => void;
  /** Removes the lock file, unless another has its name by now. */
  readonly putBack: () => Promise<void>;
}

export interface Badge {
  /**
   * Makes the lock file at `path` in one step, unless there is one: then null.
   * @throws ModelsError `DISK_FULL`, `DISK_FAILED`, `PATH_UNSAFE`
   */
  readonly take: (path: string) => Promise<TakenLock | null>;
}

interface OpenBadge {
  readonly file: number;
  readonly inode: bigint;
  readonly isLocal: boolean;
  /** Where links to it are made from, as long as `folder` is held. */
  readonly path: string;
  readonly folder: HeldFolder;
}

interface MadeLock {
  /** Descriptor of what beats are written to. */
  readonly file: number;
  /** Removes it, if it is still there. */
  readonly remove: () => Promise<void>;
  readonly close: () => void;
}

/** Makes the file for the first lock, and removes it after the last. */
export function createBadge(parts: LockParts, self: Holder): Badge {
  const { layout, clock } = parts;
  const held = new Set<string>();
  let open: Promise<OpenBadge> | null = null;
  let beats = 0;

  const make = async (): Promise<OpenBadge> => {
    const temporary = layout.temporaryOf(clock.unique());
    const folder = await holdFolder(layout.root, layout.folderOf(temporary));
    const path = folder.path(basename(temporary));
    try {
      const file = await openFile(path, "wx+");
      const { ino: inode } = fstatSync(file, { bigint: true });
      await writeLock(file, path, formatHolder(self, beats)).catch((error: unknown) => {
        closeSync(file);
        throw error;
      });
      return { file, inode, isLocal: isLocalDisk(path), path, folder };
    } catch (error) {
      await removeFile(path).catch(() => undefined);
      folder[Symbol.dispose]();
      throw diskError("lock", path, error);
    }
  };
  const worn = (): Promise<OpenBadge> => {
    open ??= make().catch((error: unknown) => {
      open = null;
      throw error;
    });
    return open;
  };
  const putAway = async (): Promise<void> => {
    const current = open;
    const last = await current?.catch(() => null);
    if (held.size > 0 || last == null || open !== current) return;
    open = null;
    closeSync(last.file);
    await removeFile(last.path).finally(() => last.folder[Symbol.dispose]());
  };
  const beatIn = async (file: number, path: string): Promise<void> => {
    beats += 1;
    writeSync(file, formatHolder(self, beats), 0);
    if (!isLocalDisk(path)) await syncFile(file);
  };
  const isOurs = (text: string): boolean => parseHolder(text)?.token === self.token;
  const makeLock = async (path: string): Promise<MadeLock | null> => {
    using locks = await holdFolder(layout.root, layout.folderOf(path));
    const target = locks.path(basename(path));
    const badge = await worn();
    // By its inode: whatever else has the name by now is another's.
    const isThere = (): boolean => lstatOrNull(path)?.ino === badge.inode;
    const linked = {
      file: badge.file,
      // Nobody takes a lock from who is alive, so that between this look and the removal nobody comes.
      remove: async () => {
        if (isThere()) unlinkSync(path);
      },
      close: () => undefined,
    };
    try {
      // On a disk of this machine a link costs less than to hand it to another thread.
      if (badge.isLocal) linkSync(badge.path, target);
      else await link(badge.path, target);
      return linked;
    } catch (error) {
      // NFS can have done it, lost the answer, and been asked again.
      if (errnoOf(error) === "EEXIST") return isThere() ? linked : null;
      if (!NO_LINKS.has(errnoOf(error))) throw diskError("lock", path, error);
      const file = await createInPlace(target, formatHolder(self, beats));
      if (file === null) return null;
      return { file, remove: () => removeLock(parts, path, isOurs), close: () => closeSync(file) };
    }
  };
  return {
    take: async (path) => {
      if (held.has(path)) return null;
      held.add(path);
      const letGo = async (): Promise<void> => {
        held.delete(path);
        await putAway();
      };
      const made = await makeLock(path).catch(async (error: unknown) => {
        await letGo();
        throw error;
      });
      if (made === null) {
        await letGo();
        return null;
      }
      let isLost = false;
      return {
        beat: () => beatIn(made.file, path),
        lose: () => {
          isLost = true;
          held.delete(path);
        },
        putBack: async () => {
          try {
            if (!isLost) await made.remove();
          } catch (error) {
            throw diskError("unlock", path, error);
          } finally {
            made.close();
            await (isLost ? putAway() : letGo());
          }
        },
      };
    },
  };
}
