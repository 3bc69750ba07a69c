/** The only file below the command line that asks the process about itself. */
import { hash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { availableParallelism, hostname, release, totalmem } from "node:os";

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

/** Of Node, such as `v20.20.2`. */
export const nodeVersion = (): string => process.version;

export interface Runtime {
  /** See {@link nodeVersion}. */
  readonly node: string;
  /** Such as `linux x64 6.1.0`. */
  readonly system: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Files that this process may have open (proc(5) `limits`); null where the system does not tell, or sets no limit. */
  readonly openFiles: number | null;
}

/** What this process runs on. */
export function describeRuntime(): Runtime {
  return {
    node: nodeVersion(),
    system: `${process.platform} ${process.arch} ${release()}`,
    cores: availableParallelism(),
    memoryBytes: process.constrainedMemory() > 0 ? Math.min(process.constrainedMemory(), totalmem()) : totalmem(),
    openFiles: openFilesLimit(),
  };
}

function openFilesLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

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

/**
 * Names the set of processes that a number is one of: this machine since its last boot, and the container in it, since
 * containers can share a machine's name but not its numbers. Null where the system does not tell.
 */
export function processSpace(): string | null {
  const boot = bootIdentity();
  try {
    return boot === null ? null : `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

export interface ProcessState {
  /** When it began, in the system's own ticks, so that a number that is used again is told apart. */
  readonly start: string;
  /** One that ended but was not waited for by its parent still has its number. */
  readonly hasEnded: boolean;
}

/** Fields 22 and 3 of proc(5) `/proc/pid/stat`, behind a name that may hold anything; null where there is none. */
export function processState(pid: number): ProcessState | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === undefined || start === undefined ? null : { start, hasEnded: "ZX".includes(state) };
  } catch {
    return null;
  }
}

/** A name for this very process that can be part of a file's name, and by which {@link isProcessGone} finds it. */
export function processName(): string {
  return [spaceName(), process.pid, processState(process.pid)?.start ?? "unknown"].join("-");
}

/** Whether the process of this name has ended; null when that cannot be told from here, or it is no such name. */
export function isProcessGone(name: string): boolean | null {
  const [space, pid, start, ...rest] = name.split("-");
  if (space === NO_SPACE || space !== spaceName() || rest.length > 0 || !/^\d{1,10}$/.test(pid ?? "")) return null;
  if (!isProcessAlive(Number(pid))) return true;
  const now = processState(Number(pid));
  return now === null ? null : now.start !== start || now.hasEnded;
}

const NO_SPACE = "unknown";

function spaceName(): string {
  const space = processSpace();
  return space === null ? NO_SPACE : hash("sha256", space).slice(0, 12);
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
