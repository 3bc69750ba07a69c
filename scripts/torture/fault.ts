/** What a fault of the torture is: where it can happen, whether it passes, and how it is put in place. */
import type { Fault, Origin, Predicate } from "../../tests/origins/index.ts";
import type { Draw } from "./draw.ts";

export type MirrorKind = "http" | "https" | "hub" | "s3";

/** One mirror of a world, as a fault gets hold of it. */
export interface Site {
  readonly kind: MirrorKind;
  /** Who is asked first: the Hub itself, else the same as `content`. */
  readonly door: Origin;
  /** Who sends the bytes. */
  readonly content: Origin;
  /** Another host, and another port of the same one, which send the same bytes under the same paths. */
  readonly elsewhere: { readonly otherHost: Origin; readonly otherPort: Origin; readonly plain: Origin };
  /** A server whose certificate nobody trusts. */
  readonly impostor: Origin;
  /** Makes every signed link worthless; nothing for a mirror without links. */
  readonly expireLinks: () => void;
  /** Adds a rule at `content` (or at `at`) and remembers which requests it touched. */
  readonly add: (when: Predicate, fault: Fault, more?: { readonly times?: number; readonly at?: Origin }) => void;
}

/**
 * How long a fault lasts:
 * - `passes`: it is spent after a few uses, so the mirror is of use to whoever asks again;
 * - `bearable`: it stays, and the mirror is of use all the same;
 * - `fatal`: it stays, and the mirror is of no use until it is healed: refused at once where it is the only one;
 * - `fatal-slowly`: as `fatal`, but a lone mirror would be asked for minutes, so a world has a good one beside it.
 */
export type Course = "passes" | "bearable" | "fatal" | "fatal-slowly";

export interface TortureFault {
  readonly id: string;
  /** What goes wrong, for people. */
  readonly says: string;
  readonly course: Course;
  /** Mirrors at which it can happen. @default all */
  readonly kinds?: readonly MirrorKind[];
  /** Bytes that came already may turn out wrong, or not be what they were: then what was durable is fetched again. */
  readonly isLie?: boolean;
  readonly apply: (site: Site, draw: Draw) => void;
}
