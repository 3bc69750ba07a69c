/** What a run's progress adds up to: how much of the whole is done, and how long the rest will take. Pure. */
import { type FileState, isPresent, isSettled, type Progress } from "./progress.ts";

/** All files that are not present already, added up. */
export interface Totals {
  readonly files: number;
  readonly finished: number;
  readonly failed: number;
  /** Files that were on the disk before, counted nowhere else. */
  readonly present: number;
  readonly doneBytes: number;
  /** Of the files whose size is known. */
  readonly sizeBytes: number;
  /** 0 to 1; 1 only when every byte is there. */
  readonly fraction: number;
}

/** Adds up `progress`. */
export function totalsOf(progress: Progress): Totals {
  const all = [...progress.files.values()];
  const moving = all.filter((file) => !isPresent(file));
  const doneBytes = moving.reduce((sum, file) => sum + movedBytes(file), 0);
  const sizeBytes = moving.reduce((sum, file) => sum + (file.size ?? 0), 0);
  return {
    files: moving.length,
    finished: moving.filter(({ phase }) => phase === "finished").length,
    failed: moving.filter(({ phase }) => phase === "failed").length,
    present: all.length - moving.length,
    doneBytes,
    sizeBytes,
    fraction: sizeBytes === 0 ? 0 : doneBytes / sizeBytes,
  };
}

/** A file that is being verified has all its bytes. */
function movedBytes(file: FileState): number {
  return file.phase === "verifying" ? (file.size ?? 0) : file.doneBytes;
}

/** Milliseconds until all is there at the present rate, or null when nobody can know. */
export function remainingMs(progress: Progress): number | null {
  const pending = [...progress.files.values()].filter((file) => !isSettled(file) && !isPresent(file));
  if (pending.some(({ size }) => size === null)) return null;
  const bytes = pending.reduce((sum, file) => sum + (file.size ?? 0) - movedBytes(file), 0);
  return timeFor(bytes, progress.bytesPerSecond);
}

/** The same for one file. */
export function fileRemainingMs(file: FileState): number | null {
  return file.size === null || file.phase !== "fetching"
    ? null
    : timeFor(file.size - file.doneBytes, file.bytesPerSecond);
}

const HUNDRED_HOURS_MS = 360_000_000;

function timeFor(bytes: number, bytesPerSecond: number): number | null {
  if (bytesPerSecond < 1) return null;
  const ms = (bytes / bytesPerSecond) * 1000;
  return ms < HUNDRED_HOURS_MS ? ms : null;
}
