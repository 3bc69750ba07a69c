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

/** A rate says nothing about the time left when its last byte is older than this. */
const SILENT_MS = 3_000;

/** Milliseconds since the last byte of `file`, where it should be coming and has not for a while; else null. */
export function silenceOf(file: FileState, { now }: Pick<Progress, "now">): number | null {
  const isWanted = file.phase === "fetching" && file.wait === null && file.doneBytes < (file.size ?? 0);
  return isWanted && file.movedAt !== null ? longSilence(file.movedAt, now) : null;
}

/** The same for all files together: null also while one is verified. */
export function silenceOfAll({ files, movedAt, now, wait }: Progress): number | null {
  const all = [...files.values()];
  const isWanted = all.some((file) => file.phase === "fetching" && file.doneBytes < (file.size ?? 0));
  if (wait !== null || !isWanted || all.some(({ phase }) => phase === "verifying")) return null;
  return longSilence(movedAt, now);
}

/** The present rate of the whole: none when nothing has moved for a while, however slowly the mean forgets. */
export function presentRate({ bytesPerSecond, movedAt, now }: Progress): number {
  return longSilence(movedAt, now) === null ? bytesPerSecond : 0;
}

function longSilence(movedAt: number | null, now: number): number | null {
  return movedAt !== null && now - movedAt >= SILENT_MS ? now - movedAt : null;
}

/** Milliseconds until all is there at the present rate, or null when nobody can know. */
export function remainingMs(progress: Progress): number | null {
  const pending = [...progress.files.values()].filter((file) => !isSettled(file) && !isPresent(file));
  if (pending.some(({ size }) => size === null)) return null;
  const bytes = pending.reduce((sum, file) => sum + (file.size ?? 0) - movedBytes(file), 0);
  return timeFor(bytes, presentRate(progress));
}

/** The same for one file. */
export function fileRemainingMs(file: FileState, progress: Pick<Progress, "now">): number | null {
  return file.size === null || file.phase !== "fetching" || silenceOf(file, progress) !== null
    ? null
    : timeFor(file.size - file.doneBytes, file.bytesPerSecond);
}

const HUNDRED_HOURS_MS = 360_000_000;

function timeFor(bytes: number, bytesPerSecond: number): number | null {
  if (bytesPerSecond < 1) return null;
  const ms = (bytes / bytesPerSecond) * 1000;
  return ms < HUNDRED_HOURS_MS ? ms : null;
}
