/** Decides which files leave the tree, and says of each why it goes or stays. Pure. */
import { formatBytes } from "../base/bytes.ts";
import type { Usage } from "../tree/usage.ts";

/** What may go. At least one of the first three must be given. */
export interface PruneRules {
  /** Only what was not used for so long. */
  readonly olderThanMs: number | null;
  /** Only as much, least recently used first, as brings the tree down to this. */
  readonly maxBytes: number | null;
  /** Only what nothing needs that is pinned: no selection, no lockfile. */
  readonly isUnneeded: boolean;
  /** Also files that modelferry neither brought nor adopted. */
  readonly isForeign: boolean;
}

/** One file with what is known of it. */
export interface PruneFact extends Omit<Usage, "aliases"> {
  /** Who needs it (`the lockfile`), or null. */
  readonly neededBy: string | null;
}

export interface PruneLine extends PruneFact {
  readonly action: "remove" | "keep";
  readonly why: string;
}

export interface PrunePlan {
  /** What goes first, least recently used first; then what stays, by path. */
  readonly lines: readonly PruneLine[];
  readonly removeBytes: number;
  readonly keepBytes: number;
}

/** Plans at `nowMs` (milliseconds since 1970). What is needed, open or foreign stays, whatever the rules say. */
export function planPrune(facts: readonly PruneFact[], rules: PruneRules, nowMs: number): PrunePlan {
  const oldestFirst = [...facts].sort((one, other) => one.usedAt - other.usedAt || (one.path < other.path ? -1 : 1));
  let total = facts.reduce((sum, { size }) => sum + size, 0);
  const lines = oldestFirst.map((fact): PruneLine => {
    const kept = whyKept(fact, rules, nowMs) ?? (fits(total, rules) ? `the rest has ${formatBytes(total)}` : null);
    if (kept !== null) return { ...fact, action: "keep", why: kept };
    total -= fact.size;
    return { ...fact, action: "remove", why: whyRemoved(fact, rules, nowMs) };
  });
  const gone = lines.filter(({ action }) => action === "remove");
  const stays = lines.filter(({ action }) => action === "keep").sort((one, other) => (one.path < other.path ? -1 : 1));
  const sum = (some: readonly PruneLine[], of: "size" | "freesBytes"): number =>
    some.reduce((bytes, line) => bytes + line[of], 0);
  return { lines: [...gone, ...stays], removeBytes: sum(gone, "freesBytes"), keepBytes: sum(stays, "size") };
}

const fits = (total: number, { maxBytes }: PruneRules): boolean => maxBytes !== null && total <= maxBytes;

function whyKept(fact: PruneFact, { olderThanMs, isForeign }: PruneRules, nowMs: number): string | null {
  if (fact.neededBy !== null) return `needed by ${fact.neededBy}`;
  if (fact.isOpen) return "a process has it open";
  if (!fact.isOurs && !isForeign) return "not ours";
  if (olderThanMs !== null && nowMs - fact.usedAt < olderThanMs) return `used ${age(fact, nowMs)} ago`;
  return null;
}

function whyRemoved(fact: PruneFact, { isUnneeded, maxBytes }: PruneRules, nowMs: number): string {
  const what = [`last used ${age(fact, nowMs)} ago`];
  if (isUnneeded) what.push("nothing needs it");
  if (maxBytes !== null) what.push(`the tree is to have ${formatBytes(maxBytes)}`);
  return what.join(", ");
}

const HOUR_MS = 3_600_000;

function age({ usedAt }: PruneFact, nowMs: number): string {
  const hours = Math.max(0, Math.floor((nowMs - usedAt) / HOUR_MS));
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
