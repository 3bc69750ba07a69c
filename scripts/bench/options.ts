/** What the benchmark is told: flags, and the variables that say where its tools are. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface Options {
  /** Small files, one round, and not the longest cases: under three minutes. */
  readonly isQuick: boolean;
  /** Ids of the cases to run; empty for all. */
  readonly only: readonly string[];
  /** Rounds of each case, or null for the case's own. */
  readonly rounds: number | null;
  /** Where the results go. */
  readonly out: string;
  /** A folder on the disk that is written to. */
  readonly disk: string;
  readonly isListing: boolean;
  /** Only says what it may be told. */
  readonly isHelping: boolean;
  /** Keeps logs and what the commands wrote to their outputs. */
  readonly isKeeping: boolean;
}

export const HOME: string = fileURLToPath(new URL("../..", import.meta.url));

export const USAGE = `npm run bench -- [--quick] [--only CASE,…] [--rounds N] [--out FOLDER] [--list] [--keep]

A whole run ends in fifteen minutes: on a slow machine rounds are left out, and the report says where.

BENCH_DISK=folder on the disk to write to; BENCH_CURL, BENCH_ARIA2C, … = where a tool is that is not on PATH;
BENCH_MODELS=dist/bin/models.cjs of another build, to measure that one.`;

/** @throws TypeError for an unknown flag */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      out: { type: "string", default: resolve(HOME, "bench") },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const rounds = values.rounds === undefined ? null : Number(values.rounds);
  if (rounds !== null && !(Number.isInteger(rounds) && rounds > 0)) throw new TypeError("--rounds is no whole number");
  const { BENCH_DISK: disk } = environment;
  return {
    isQuick: values.quick,
    only: values.only.flatMap((text) => text.split(",")).filter((id) => id !== ""),
    rounds,
    out: resolve(values.out),
    disk: resolve(disk ?? tmpdir()),
    isListing: values.list,
    isHelping: values.help,
    isKeeping: values.keep,
  };
}
