/** A folder, in memory where there is some, for readers that only read files. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

let folder: string | null = null;

/** An absolute path in the folder, which is removed when the process ends. */
export function scratchPath(name: string): string {
  if (folder === null) {
    const made = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "modelferry-fuzz-"));
    process.once("exit", removeScratch);
    folder = made;
  }
  return join(folder, name);
}

/** Removes the folder, for a process that is ended from outside: the next path gets a new one. */
export function removeScratch(): void {
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  folder = null;
}

/** Writes `bytes` there. */
export function scratchFile(name: string, bytes: Uint8Array | string): string {
  const path = scratchPath(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}
