/** The flags of a script of ours: what it does not know ends it with its usage, not with a stack. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** The values of `options` as written; ends the process with exit code 2 and `usage` where that cannot be read. */
export function readFlags<T extends ParseArgsConfig>(
  config: T,
  usage: string,
): ReturnType<typeof parseArgs<T>>["values"] {
  try {
    return parseArgs(config).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exit(2);
  }
}

/** A number above 0. */
export function amountOf(flag: string, text: string, usage: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  process.stderr.write(`${flag} ${text}: expected a number above 0\n\n${usage}\n`);
  process.exit(2);
}
