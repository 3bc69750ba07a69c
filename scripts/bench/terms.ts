/** The words of the benchmark: what is fetched, who fetches it, what one run cost, and what a case reports. */
import type { Summary } from "../../src/base/events.ts";

/** One file that is served, and must arrive whole. */
export interface Served {
  /** Its name in the served folder, and in the address. */
  readonly name: string;
  /** Where it lies. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Command {
  readonly argv: readonly string[];
  /** Beside the clean environment that every command gets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Who takes part in a case. */
export interface Contender {
  readonly name: string;
  readonly kind: "ours" | "rival" | "limit";
  /** Whether the digest of what arrived is compared before the command ends. */
  readonly isVerifying: boolean;
  /** What to run, given an empty folder for everything that it writes. */
  readonly command: (folder: string) => Command;
  /** Where a served file must lie afterwards. @default its name in the folder */
  readonly placeOf?: (file: Served, folder: string) => string;
  /** @default the case's own */
  readonly rounds?: number;
}

/** What came over each link so far, seen from outside the client. */
export interface Sample {
  readonly atMs: number;
  /** Payload bytes by link, in the order of the case's links. */
  readonly bytes: readonly number[];
  readonly connections: number;
}

/** What one run of one command cost. */
export interface Run {
  readonly wallMs: number;
  /** User and system time of the client and its children; null when it cannot be measured here. */
  readonly cpuMs: number | null;
  readonly rssBytes: number | null;
  /** How long the dirty pages that it left took to reach the disk. */
  readonly syncMs: number | null;
  /** The share of all processors that neither the client nor its origin used: other people's work, and the kernel's. */
  readonly elsewhere: number;
  /** Why it does not count, or null. */
  readonly problem: string | null;
  readonly samples: readonly Sample[];
  /** Modelferry's own account of the run. */
  readonly summary: Summary | null;
}

/** All runs of one contender, with their medians. */
export interface Outcome {
  readonly name: string;
  readonly kind: Contender["kind"];
  readonly isVerifying: boolean;
  /** Runs that were to be; there are fewer after one that failed, or for lack of time. */
  readonly planned: number;
  readonly runs: readonly Run[];
  /** Null when no run was good. */
  readonly median: Medians | null;
  readonly problem: string | null;
}

export interface Medians {
  readonly wallMs: number;
  readonly cpuMs: number | null;
  readonly rssBytes: number | null;
  readonly syncMs: number | null;
  readonly elsewhere: number;
}

/** One line of the final table: a claim, held against a figure. */
export interface Verdict {
  readonly case: string;
  readonly ours: string;
  readonly other: string;
  readonly limit: string;
  readonly ratio: string;
  readonly target: string;
  /** Null where the target could not be measured here, or there is none. */
  readonly isMet: boolean | null;
}

export interface CaseReport {
  readonly id: string;
  readonly title: string;
  /** How it was set up, for a reader who wants to repeat it. */
  readonly about: string;
  readonly outcomes: readonly Outcome[];
  readonly verdicts: readonly Verdict[];
  /** Rates over time worth a chart, in bytes per second. */
  readonly series: readonly Series[];
  /** Why the case (or a part of it) was not measured. */
  readonly skipped: readonly string[];
}

export interface Series {
  readonly name: string;
  readonly kind: Contender["kind"];
  readonly points: readonly (readonly [atMs: number, bytesPerSecond: number])[];
}
