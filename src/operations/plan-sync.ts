/** Decides what will be done about each wanted model. Pure: `--dry-run` prints exactly what a run then obeys. */
import type { Sha256 } from "../base/artifact.ts";
import type { PlanAction, PlanLine, Replaced } from "../base/events.ts";
import { redactUrl } from "../base/secret.ts";

/** What this box holds at a model's place: proven, the right size but unproven, or nothing of use. */
export type Presence = "present" | "unverified" | "absent";

/** Everything that is known about one wanted model before anything is asked of the network. */
export interface SyncFact {
  readonly model: string;
  readonly path: string;
  /** Bytes, or null when nobody has said yet. */
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  /** Source URIs, in the manifest's order. */
  readonly sources: readonly string[];
  readonly presence: Presence;
  /** The other file that stands in its place, or null. */
  readonly replaces: Replaced | null;
  /** The same bytes elsewhere on this box, or null. `diskBytes` is what taking them costs: 0 for a link. */
  readonly reusable: { readonly path: string; readonly diskBytes: number } | null;
  /** An earlier run's part: bytes that need not come again, and bytes that the disk already gave. */
  readonly partial: { readonly durableBytes: number; readonly allocatedBytes: number };
}

export interface SyncFacts {
  readonly root: string;
  readonly models: readonly SyncFact[];
  /** Free bytes on the disk of the tree. */
  readonly freeBytes: number;
  /** Bytes that must stay free. */
  readonly reserveBytes: number;
}

export interface SyncPlan {
  readonly root: string;
  /** One a model, in the order of the selection. */
  readonly lines: readonly PlanLine[];
  /** Bytes that must come over the network; lines of unknown size count as 0. */
  readonly fetchBytes: number;
  /** Bytes that are on this box already and only need to be proven, linked or copied. */
  readonly reuseBytes: number;
  /** Bytes that the disk must still give: new bytes + reserve. */
  readonly neededBytes: number;
  readonly freeBytes: number;
  /** How many lines have an unknown size, so that the totals are a lower bound. */
  readonly unknownSizes: number;
}

/** Plans a sync. Two models of one artifact are fetched once: the second becomes a link to the first. */
export function planSync(facts: SyncFacts): SyncPlan {
  const carriers = carriersOf(facts.models);
  const lines = facts.models.map((fact) => planLine(fact, carriers));
  const sum = (pick: (line: PlanLine, fact: SyncFact) => number): number =>
    lines.reduce((total, line, index) => total + pick(line, facts.models[index] as SyncFact), 0);
  const newBytes = sum((line, fact) => diskBytes(line, fact));
  return {
    root: facts.root,
    lines,
    fetchBytes: sum((line) => line.fetchBytes ?? 0),
    reuseBytes: sum((line) => (line.action === "reuse" || line.action === "link" ? (line.size ?? 0) : 0)),
    neededBytes: newBytes === 0 ? 0 : newBytes + facts.reserveBytes,
    freeBytes: facts.freeBytes,
    unknownSizes: lines.filter((line) => line.fetchBytes === null).length,
  };
}

/** For each artifact that several models share, the one that brings the bytes: the unproven copy, else the first. */
function carriersOf(facts: readonly SyncFact[]): ReadonlyMap<Sha256, SyncFact> {
  const carriers = new Map<Sha256, SyncFact>();
  for (const fact of facts) {
    if (fact.sha256 === null || fact.presence === "present") continue;
    const known = carriers.get(fact.sha256);
    if (known === undefined || (known.presence === "absent" && fact.presence === "unverified")) {
      carriers.set(fact.sha256, fact);
    }
  }
  return carriers;
}

function planLine(fact: SyncFact, carriers: ReadonlyMap<Sha256, SyncFact>): PlanLine {
  const line = (action: PlanAction, fetchBytes: number | null, from: readonly string[]): PlanLine => ({
    model: fact.model,
    path: fact.path,
    size: fact.size,
    action,
    fetchBytes,
    from,
    ...(fact.replaces !== null && { replaces: fact.replaces }),
  });
  if (fact.presence === "present") return line("present", 0, []);
  if (fact.presence === "unverified") return line("reuse", 0, [fact.path]);
  if (fact.reusable !== null) return line("reuse", 0, [fact.reusable.path]);
  const carrier = fact.sha256 === null ? undefined : carriers.get(fact.sha256);
  if (carrier !== undefined && carrier !== fact) return line("link", 0, [carrier.path]);
  const { durableBytes } = fact.partial;
  if (fact.size === null) return line("fetch", null, printed(fact.sources));
  return line(durableBytes > 0 ? "resume" : "fetch", Math.max(0, fact.size - durableBytes), printed(fact.sources));
}

/** A plan is printed: what the query of an address may hide stays out of it. */
const printed = (sources: readonly string[]): readonly string[] =>
  sources.map((source) => (/^https?:/i.test(source) ? redactUrl(source) : source));

function diskBytes(line: PlanLine, fact: SyncFact): number {
  if (line.action === "reuse") return fact.presence === "unverified" ? 0 : (fact.reusable?.diskBytes ?? 0);
  if (line.action !== "fetch" && line.action !== "resume") return 0;
  return Math.max(0, (line.size ?? 0) - fact.partial.allocatedBytes);
}
