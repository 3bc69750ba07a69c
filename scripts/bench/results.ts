/** What one run of the benchmark found, as it is written to `results.json`. */
import type { Machine } from "./machine.ts";
import type { CaseReport } from "./terms.ts";

export interface Results {
  /** When it began, in ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly elapsedMs: number;
  readonly isQuick: boolean;
  readonly machine: Machine & { readonly note: string | null };
  readonly tools: readonly { readonly name: string; readonly version: string }[];
  readonly absent: readonly { readonly name: string; readonly get: string }[];
  readonly cases: readonly CaseReport[];
}
