/** How environment variables are read: blank is unset, a switch has many spellings, a list has commas or blanks. */
import type { Environment } from "./process.ts";

/** The first of `names` that is set to more than blanks, trimmed, or null. */
export function variableOf(environment: Environment, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value) return value;
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
