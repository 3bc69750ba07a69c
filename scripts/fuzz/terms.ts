/** What a target of the fuzzer is: a reader of something from outside, good examples of it, and what must always hold. */
import type { ErrorCode } from "../../src/base/errors.ts";

export interface Target {
  readonly name: string;
  /** Good inputs, from which bad ones are made. */
  readonly seeds: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** Words of the format, put in here and there. */
  readonly words: readonly string[];
  /** The codes with which it may refuse; any other error is a failure. */
  readonly codes: readonly ErrorCode[];
  /** Reads `bytes` and throws {@link Broken} when what it read cannot be. */
  readonly run: (bytes: Uint8Array) => unknown;
}

/** A reader gave what it must never give. */
class Broken extends Error {
  override readonly name = "Broken";
}

/** @throws Broken when `holds` is false */
export function mustHold(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Broken(claim);
}

/** Texts as bytes. */
export function texts(...list: readonly string[]): readonly Uint8Array[] {
  return list.map((text) => Buffer.from(text));
}

/** Bytes as text, as `readFile(path, "utf8")` gives it. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
