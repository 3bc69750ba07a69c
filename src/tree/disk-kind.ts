/** Whether a disk is this machine's own. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";

/** Magic numbers of statfs(2): ext, xfs, btrfs, tmpfs, overlayfs, f2fs, zfs. */
const LOCAL_KINDS = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1]);

/**
 * True when what is written to `path` is seen at once by all who can see it. Anywhere else (NFS, FUSE, unknown) it must
 * be synced first. Overlay counts as local: its upper layer must be.
 */
export function isLocalDisk(path: string): boolean {
  try {
    return LOCAL_KINDS.has(statfsSync(dirname(path)).type);
  } catch {
    return false;
  }
}
