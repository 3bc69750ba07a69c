/** Takes away temporary files whose process was killed before it moved them. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { isProcessGone } from "../base/process.ts";
import { removeFile } from "./disk.ts";
import type { Layout } from "./layout.ts";

/** What another machine (or an earlier version) left is nobody's after so long without a write. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;

/** Removes what is left of processes that have ended. What cannot be removed does no harm. */
export async function sweepTemporary(layout: Layout, clock: Pick<Clock, "now">): Promise<void> {
  const names = await readdir(layout.temporaryFolder).catch(() => []);
  for (const name of names) {
    const path = join(layout.temporaryFolder, name);
    const isGone = isProcessGone(layout.makerOf(name)) ?? (await isForgotten(path, clock));
    if (isGone) await removeFile(path).catch(() => undefined);
  }
}

async function isForgotten(path: string, clock: Pick<Clock, "now">): Promise<boolean> {
  const seen = await lstat(path).catch(() => null);
  return seen !== null && clock.now() - Math.max(seen.mtimeMs, seen.ctimeMs) > FORGOTTEN_MS;
}
