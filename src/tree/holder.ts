/** Who holds a lock, as its file tells it, and whether that process is still there. */
import { isProcessAlive, processIdentity, processSpace, processState } from "../base/process.ts";

export interface Holder {
  /** Name of the machine, for people. */
  readonly host: string;
  readonly pid: number;
  /** Names the set of processes that `pid` is a number in; null where the system does not tell. */
  readonly pidSpace: string | null;
  /** When the process began, in the system's own ticks, so that a reused number is told apart; null if unknown. */
  readonly start: string | null;
  /** A name that nobody else has. */
  readonly token: string;
}

/** This process, as the holder called `token`. */
export function describeSelf(token: string): Holder {
  const { host, pid } = processIdentity();
  return { host, pid, pidSpace: processSpace(), start: processState(pid)?.start ?? null, token };
}

/** The line that a lock file holds; of one length for all beats, so that a beat is one small write in place. */
export function formatHolder(holder: Holder, beat: number): string {
  return `${JSON.stringify({ ...holder, beat: String(beat).padStart(12, "0") })}\n`;
}

/** Reads a lock file's line; null when it is not a whole one. Never throws. */
export function parseHolder(text: string): Holder | null {
  try {
    const { host, pid, pidSpace, start, token } = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof host !== "string" || typeof token !== "string" || token === "") return null;
    if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return null;
    return { host, pid: pid as number, pidSpace: textOrNull(pidSpace), start: textOrNull(start), token };
  } catch {
    return null;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/**
 * Whether the holder's process runs: true, false, or null when that cannot be known from here (another machine, another
 * container on this one, a system that does not tell when a process began).
 */
export function isHolderAlive(holder: Holder, self: Holder): boolean | null {
  if (holder.pidSpace !== self.pidSpace || holder.host !== self.host) return null;
  if (!isProcessAlive(holder.pid)) return false;
  const state = holder.pidSpace === null ? null : processState(holder.pid);
  if (state === null || holder.start === null) return null;
  return state.start === holder.start && !state.hasEnded;
}

/** What a person calls the holder. */
export function nameHolder(holder: Holder | null): string {
  return holder === null ? "another process" : `process ${holder.pid} on ${holder.host}`;
}
