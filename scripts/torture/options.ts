/** What the torture is told. */
import { parseArgs } from "node:util";

export interface Options {
  readonly seed: number;
  /** Begins no world after so long; null for no end. */
  readonly minutes: number | null;
  readonly worlds: number;
  /** Plays this one world alone. */
  readonly only: number | null;
  /** Worlds at a time. */
  readonly atOnce: number;
}

export const USAGE = "npm run torture -- [--minutes N] [--worlds N] [--seed S] [--only WORLD] [--at-once N]";

const MOST_WORLDS = 1_000_000;

/** @throws TypeError for what it does not know */
export function readOptions(args: readonly string[], random: () => number): Options {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: text, worlds: text, seed: text, only: text, "at-once": text },
  });
  const minutes = values.minutes === undefined ? null : amount("--minutes", values.minutes);
  const worlds = values.worlds === undefined ? null : amount("--worlds", values.worlds);
  return {
    seed: values.seed === undefined ? Math.floor(random() * 1_000_000) : whole("--seed", values.seed),
    minutes: minutes ?? (worlds === null ? 3 : null),
    worlds: worlds ?? MOST_WORLDS,
    only: values.only === undefined ? null : whole("--only", values.only),
    atOnce: values["at-once"] === undefined ? 2 : amount("--at-once", values["at-once"]),
  };
}

function amount(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new TypeError(`${flag} ${text} is no number above 0`);
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new TypeError(`${flag} ${text} is no whole number`);
}
