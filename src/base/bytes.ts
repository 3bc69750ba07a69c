/** How byte counts, rates and durations are written for people, and read from them. */
import { ModelsError } from "./errors.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `23782506688` as `23.8 GB`: powers of 1000, as disks and links are sold. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Bytes per second as `110 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Milliseconds as `0.8 s`, `45 s`, `3 m 20 s`, `1 h 05 m`. */
export function formatDuration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} m`;
}

/**
 * Reads `50MB`, `1.5 GiB`, `800k`, `1000000`: powers of 1000, or of 1024 with an `i`.
 * @throws ModelsError `USAGE` when `text` is not a size
 */
export function parseBytes(text: string): number {
  const [, figure, unit, binary] = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?(?:\/s)?\s*$/i.exec(text) ?? [];
  const power = unit === undefined ? 0 : "kmgt".indexOf(unit.toLowerCase()) + 1;
  const bytes = Math.floor(Number(figure) * (binary ? 1024 : 1000) ** power);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new ModelsError("USAGE", `Cannot read size "${text.slice(0, 80)}": expected a number with a unit`, {
    fix: "write it as 50MB, 1.5GiB or 1000000",
  });
}

const DURATION_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * Reads `30d`, `12h`, `2w`, `90m`, `45s` as milliseconds.
 * @throws ModelsError `USAGE` when `text` is not a duration
 */
export function parseDuration(text: string): number {
  const [, figure, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*$/i.exec(text) ?? [];
  const ms = Math.floor(Number(figure) * (DURATION_MS[unit.toLowerCase()] ?? Number.NaN));
  if (Number.isSafeInteger(ms)) return ms;
  throw new ModelsError("USAGE", `Cannot read duration "${text.slice(0, 80)}": expected a number with a unit`, {
    fix: "write it as 30d, 12h or 2w",
  });
}

/** True for a whole number from 0 to 2^53 - 1: what can be a size, a count or a version. `-0` is no number that people write. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && !Object.is(value, -0);
}
