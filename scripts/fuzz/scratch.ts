/** A folder, in memory where there is some, for readers that only read files. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

let folder: string | null = null;

/** An absolute path in the folder, which is removed when the process ends. */
export function scratchPath(name: string): string {
  if (folder === null) {
    const made = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "modelferry-fuzz-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, name);
}

/** Writes `bytes` there. */
export function scratchFile(name: string, bytes: Uint8Array | string): string {
  const path = scratchPath(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}
