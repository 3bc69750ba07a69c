/** The only file below the command line that asks the process about itself. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variables of this process. */
export const processEnvironment = (): Environment => process.env;

/** Where relative paths of a person start. */
export const workingFolder = (): string => process.cwd();

/** Who this process is among all that may share a disk. */
export const processIdentity = (): { readonly host: string; readonly pid: number } => ({
  host: hostname(),
  pid: process.pid,
});

/** True when a process of this number runs on this machine (or may not be asked about). */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A name for the running kernel that changes with every boot (Linux, random(4)); null where there is none. */
export function bootIdentity(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || null;
  } catch {
    return null;
  }
}

/** Runs `make`; process warnings that begin with `prefix` and are given meanwhile are dropped. */
export function withoutWarning<T>(prefix: string, make: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).startsWith(prefix)) emitWarning.call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return make();
  } finally {
    process.emitWarning = emitWarning;
  }
}
