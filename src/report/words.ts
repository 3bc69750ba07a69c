/** How figures of a run are put into words, the same on every view. Pure. */
import { formatBytes, formatDuration, formatRate } from "../base/bytes.ts";
import type { MirrorShare } from "../base/events.ts";
import { fitText, printable, textWidth } from "./text.ts";

/** What a figure counts for: zero unless it is a positive number that bytes or milliseconds can reach. */
export function finite(value: number | null | undefined): number {
  return typeof value === "number" && value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : 0;
}

/** `23.8 GB`; what is no figure is nothing. */
export function bytesText(bytes: number): string {
  return formatBytes(finite(bytes));
}

/** `110 MB/s`. */
export function rateText(bytesPerSecond: number): string {
  return formatRate(finite(bytesPerSecond));
}

/** `3 m 20 s`, from milliseconds. */
export function durationText(ms: number): string {
  return formatDuration(finite(ms));
}

/** `no data for 7 s`, in whole seconds. */
export function silenceText(ms: number): string {
  const seconds = Math.floor(finite(ms) / 1000);
  return `no data for ${seconds < 60 ? `${seconds} s` : durationText(seconds * 1000)}`;
}

/** `1.2 ms`, `45 s`: for what may take next to no time. */
export function elapsedText(ms: number): string {
  const known = finite(ms);
  return known < 1000 ? `${known < 10 ? known.toFixed(1) : known.toFixed(0)} ms` : formatDuration(known);
}

/** `60%`, rounded: shares are for comparing, not for waiting until they are whole. */
export function shareText(part: number, whole: number): string {
  const [some, all] = [finite(part), finite(whole)];
  return all === 0 ? "" : `${Math.round(Math.min(1, some / all) * 100)}%`;
}

/** `14.2 of 33.0 GB`, `512 MB of 33.0 GB`. */
export function formatDoneOf(doneBytes: number, sizeBytes: number): string {
  const [done, size] = [bytesText(doneBytes), bytesText(sizeBytes)];
  const [value, unit] = done.split(" ");
  return unit === size.split(" ")[1] ? `${value} of ${size}` : `${done} of ${size}`;
}

/** A fraction as `62%`; `100%` only for all of it. */
export function formatPercent(fraction: number): string {
  const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
  return `${Number.isNaN(percent) ? 0 : percent}%`;
}

/** `huggingface.co 60%, r2 40%`, most bytes first; the name alone when there is one. */
export function formatShares(shares: readonly MirrorShare[]): string {
  const moved = sharesByBytes(shares);
  const total = moved.reduce((sum, { bytes }) => sum + finite(bytes), 0);
  if (moved.length === 1) return printable(moved[0]?.label ?? "");
  return moved.map(({ label, bytes }) => `${printable(label)} ${shareText(bytes, total)}`).join(", ");
}

/** Those that brought something, most bytes first. */
export function sharesByBytes(shares: readonly MirrorShare[]): readonly MirrorShare[] {
  return shares.filter(({ bytes }) => finite(bytes) > 0).sort((a, b) => b.bytes - a.bytes);
}

/** Bytes per second over `ms`, or null when no time passed. */
export function rateOver(bytes: number, ms: number): number | null {
  return finite(ms) > 0 && finite(bytes) > 0 ? (bytes / ms) * 1000 : null;
}

/** `huggingface.co, r2 +1`: as many names as `width` columns hold, the others as a number. */
export function formatNames(names: readonly string[], width: number): string {
  const shown = names.map(printable);
  for (let count = shown.length; count > 0; count -= 1) {
    const text = shown.slice(0, count).join(", ") + othersText(shown.length - count);
    if (textWidth(text) <= width) return text;
  }
  const others = othersText(shown.length - 1);
  return fitText(shown[0] ?? "", width - others.length) + others;
}

function othersText(count: number): string {
  return count > 0 ? ` +${count}` : "";
}
