/** Adds up how mirrors served several files. Pure. */
import type { MirrorError, MirrorShare } from "../base/events.ts";

/**
 * One share a label, most bytes first, with the last error of the last file that had one. The rate is over the time in
 * which the mirror carried something; files move side by side, so that time is never more than `elapsedMs`.
 */
export function mergeShares(shares: readonly MirrorShare[], elapsedMs: number): readonly MirrorShare[] {
  const merged = new Map<string, { bytes: number; busyMs: number; errors: number; lastError?: MirrorError }>();
  for (const share of shares) {
    const sum = merged.get(share.label) ?? { bytes: 0, busyMs: 0, errors: 0 };
    if (share.lastError !== undefined) sum.lastError = share.lastError;
    sum.bytes += share.bytes;
    sum.errors += share.errors;
    sum.busyMs += share.bytesPerSecond > 0 ? (share.bytes / share.bytesPerSecond) * 1000 : 0;
    merged.set(share.label, sum);
  }
  return [...merged]
    .map(([label, { bytes, busyMs, errors, lastError }]) => ({
      label,
      bytes,
      // Of files that came whole nobody knows how long they took: they moved at this rate at least.
      bytesPerSecond: rate(bytes, busyMs > 0 ? Math.min(busyMs, elapsedMs) : elapsedMs),
      errors,
      ...(lastError !== undefined && { lastError }),
    }))
    .sort((left, right) => right.bytes - left.bytes);
}

function rate(bytes: number, ms: number): number {
  return ms > 0 ? Math.round((bytes / ms) * 1000) : 0;
}
