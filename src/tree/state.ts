/** What modelferry's own folder in a tree holds: proofs, unfinished files, locks with who holds them. */
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { describeSelf, isHolderAlive, nameHolder, parseHolder } from "./holder.ts";
import type { Layout } from "./layout.ts";
import { readLock } from "./lock-file.ts";
import { type Unfinished, unfinished } from "./unfinished.ts";

export interface HeldLock {
  readonly name: string;
  /** `process 17 on box`. */
  readonly holder: string;
  /** Null when that cannot be told from here. */
  readonly isAlive: boolean | null;
}

export interface TreeState {
  readonly receipts: number;
  readonly unfinished: readonly Unfinished[];
  readonly locks: readonly HeldLock[];
  /** Files that are being made, or that killed processes left. */
  readonly temporary: number;
}

/** Looks, and changes nothing. */
export async function readState(layout: Layout, clock: Pick<Clock, "unique">): Promise<TreeState> {
  const [receipts, temporary] = await Promise.all([
    readdir(layout.receiptsFolder, { recursive: true }).catch(() => []),
    readdir(layout.temporaryFolder).catch(() => []),
  ]);
  return {
    receipts: receipts.filter((name) => name.endsWith(".json")).length,
    unfinished: await unfinished(layout),
    locks: await locksOf(layout, clock),
    temporary: temporary.length,
  };
}

async function locksOf(layout: Layout, clock: Pick<Clock, "unique">): Promise<readonly HeldLock[]> {
  const folder = dirname(layout.lockOf("any"));
  const self = describeSelf(clock.unique());
  const names = await readdir(folder).catch(() => []);
  const locks = await Promise.all(
    names.sort().map(async (name): Promise<HeldLock | null> => {
      const text = await readLock(`${folder}/${name}`);
      if (text === null) return null;
      const holder = parseHolder(text);
      return { name, holder: nameHolder(holder), isAlive: holder === null ? null : isHolderAlive(holder, self) };
    }),
  );
  return locks.filter((one) => one !== null);
}
