/** How a file is recognised again without reading it: size, modification time and inode. */
import type { BigIntStats } from "node:fs";

export interface Stamp {
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly inode: bigint;
  /** Kept for people: a device gets another number with each mount, so it is never compared. */
  readonly dev: bigint;
}

/** The stamp of a file that was asked for with `bigint: true`. */
export function stampOf(stats: BigIntStats): Stamp {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, inode: stats.ino, dev: stats.dev };
}

/** True when both are of the same, unchanged file. */
export function isSameStamp(one: Omit<Stamp, "dev">, other: Omit<Stamp, "dev">): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.inode === other.inode;
}
