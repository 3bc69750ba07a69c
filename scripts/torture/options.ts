/** What the torture is told: how long or how many worlds, from which seed, and which world alone. */
import { parseArgs } from "node:util";

export interface Options {
  /** Worlds to begin, or null for as many as the time allows. */
  readonly worlds: number | null;
  /** Minutes after which no world is begun any more, or null. */
  readonly minutes: number | null;
  readonly seed: string;
  /** The one world to run, or null. */
  readonly only: number | null;
  /** Worlds at a time. */
  readonly parallel: number;
  /** Keeps the folder of every world. */
  readonly isKeeping: boolean;
}

export const USAGE: string = `npm run torture -- [--minutes N] [--worlds N] [--seed TEXT] [--only N] [--parallel N] [--keep]

Without --minutes and --worlds: 20 worlds. --only runs one world of the seed, as a failed run tells.`;

const DEFAULT_WORLDS = 20;
const DEFAULT_PARALLEL = 4;

/**
 * Reads the flags.
 * @param anySeed the seed when none is given
 * @throws TypeError for an unknown flag or a number that is none
 */
export function readOptions(args: readonly string[], anySeed: string): Options {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      worlds: text,
      minutes: text,
      seed: text,
      only: text,
      parallel: text,
      keep: { type: "boolean", default: false },
    },
  });
  const only = numberOf("--only", values.only);
  const minutes = numberOf("--minutes", values.minutes);
  const worlds = numberOf("--worlds", values.worlds);
  const isOpen = only === null && minutes === null && worlds === null;
  return {
    worlds: only !== null ? 1 : isOpen ? DEFAULT_WORLDS : worlds,
    minutes,
    seed: values.seed ?? anySeed,
    only,
    parallel: only !== null ? 1 : (numberOf("--parallel", values.parallel) ?? DEFAULT_PARALLEL),
    isKeeping: values.keep,
  };
}

function numberOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0) || (flag !== "--minutes" && !Number.isInteger(value))) throw new TypeError(`${flag} is no number`);
  return value;
}
