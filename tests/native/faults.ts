/** A disk that fails and a clock that jumps, for a process of its own; loud where there is no C compiler. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** Numbers of errno(3) on Linux. */
export const ERRNO = { EIO: 5, ENOSPC: 28, EROFS: 30, EPERM: 1, EDQUOT: 122 } as const;

export interface DiskFault {
  readonly call: "write" | "read" | "sync" | "rename" | "link";
  /** Part of the path. */
  readonly path: string;
  /** How many calls still succeed. @default 0 */
  readonly after?: number;
  readonly errno: keyof typeof ERRNO;
}

const SOURCE = fileURLToPath(new URL("./faults.c", import.meta.url));
let library: string | null = null;

function compile(): string {
  if (library !== null) return library;
  library = join(mkdtempSync(join(tmpdir(), "modelferry-faults-")), "faults.so");
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]);
  return library;
}

/** Variables under which a program has this fault. */
export function diskFault({ call, path, after = 0, errno }: DiskFault): Readonly<Record<string, string>> {
  const fault = { FAULT_CALL: call, FAULT_PATH: path, FAULT_AFTER: String(after), FAULT_ERRNO: String(ERRNO[errno]) };
  return { LD_PRELOAD: compile(), ...fault };
}

/** Variables under which a program's wall clock jumps by `seconds` once it has run for `afterMs`. */
export function clockJump(seconds: number, afterMs: number): Readonly<Record<string, string>> {
  return { LD_PRELOAD: compile(), CLOCK_JUMP: String(seconds), CLOCK_AFTER_MS: String(afterMs) };
}

const isPossible = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

/** As `describe`; without a C compiler it says loudly what was not tested, and with `CI` that is a failure. */
export function describeWithFaults(title: string, tests: () => void): void {
  if (isPossible) {
    describe(title, tests);
    return;
  }
  const message = `${title}: NOT TESTED, there is no C compiler (apt-get install gcc libc6-dev)`;
  const { CI } = process.env as { readonly CI?: string };
  if (CI) it(message, () => expect.fail(message));
  else {
    process.stderr.write(`\n!!! ${message}\n\n`);
    it.skip(message, () => undefined);
  }
}
