/** The small C programs of the benchmark: compiled into a folder when there is a compiler, absent otherwise. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Paths of what was compiled; null where it was not. */
export interface Native {
  readonly measure: string | null;
  readonly limit: string | null;
  readonly wire: string | null;
  /** A library to preload into nginx. */
  readonly pace: string | null;
}

const SOURCES = fileURLToPath(new URL("./native", import.meta.url));
const LIBRARY = ["-shared", "-fPIC"];

/** @param cc the compiler's path, or null */
export function compileNative(cc: string | null, folder: string): Native {
  const compile = (name: string, flags: readonly string[], out: string): string | null => {
    if (cc === null || process.platform !== "linux") return null;
    const args = ["-O2", "-pthread", ...flags, "-o", join(folder, out), join(SOURCES, `${name}.c`), "-ldl"];
    const { status, stderr } = spawnSync(cc, args, { encoding: "utf8" });
    if (status !== 0) process.stderr.write(`Cannot compile ${name}.c:\n${stderr}`);
    return status === 0 ? join(folder, out) : null;
  };
  return {
    measure: compile("measure", [], "measure"),
    limit: compile("limit", [], "limit"),
    wire: compile("wire", [], "wire"),
    pace: compile("pace", LIBRARY, "pace.so"),
  };
}
