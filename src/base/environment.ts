/** How environment variables are read: blank is unset, a switch has many spellings, a list has commas or blanks. */
import type { Environment } from "./process.ts";

/** A variable that is set, and how it is spelled. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** The first of `names` that is set to more than blanks, trimmed, or null. */
export function variableOf(environment: Environment, ...names: readonly string[]): string | null {
  return findVariable(environment, ...names)?.value ?? null;
}

/** As {@link variableOf}, with the name that it was found under. */
export function findVariable(environment: Environment, ...names: readonly string[]): Variable | null {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value) return { name, value };
  }
  return null;
}

/** True when one of `names` is set to 1, true, yes or on (what huggingface_hub takes for true). */
export function isSwitchedOn(environment: Environment, ...names: readonly string[]): boolean {
  return names.some((name) => /^(?:1|true|yes|on)$/i.test(variableOf(environment, name) ?? ""));
}

/** `flux, sdxl wan` as three entries. */
export function entriesOf(text: string | null): readonly string[] {
  return (text ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
}
