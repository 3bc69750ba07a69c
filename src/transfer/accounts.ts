/** Who sent how much of one file: what was fetched, what was in vain, and at what rate. Pure. */
import type { MirrorError, MirrorShare } from "../base/events.ts";
import { addRange, type ByteRange, type RangeSet, rangeBytes, removeRange } from "../base/range.ts";
import type { JournalEntry } from "./journal.ts";

export interface Accounts {
  /** Counts bytes that came in now; what they replace was in vain. */
  readonly fetched: (entries: readonly JournalEntry[]) => void;
  /** Takes ranges back; what this run fetched of them was in vain. */
  readonly spoiled: (range: ByteRange) => void;
  /** Counts bytes that came from `source` in vain, and are nowhere in the file. */
  readonly lost: (source: string, bytes: number) => void;
  /** Adds time in which `sources` had a lane open. */
  readonly active: (sources: readonly string[], ms: number) => void;
  /** Counts what a mirror did wrong, and remembers it as its last. */
  readonly error: (source: string, error: MirrorError) => void;
  /** The ranges that each source sent, in this run and before. */
  readonly served: () => ReadonlyMap<string, RangeSet>;
  /** The part of that which was fetched in this run. */
  readonly fresh: () => ReadonlyMap<string, RangeSet>;
  readonly fetchedBytes: () => number;
  readonly wastedBytes: () => number;
  /** One share a label: two repositories of one host are one line. */
  readonly shares: (labelOf: (source: string) => string) => readonly MirrorShare[];
}

interface Account {
  bytes: number;
  activeMs: number;
  errors: number;
  /** Everything from it that counts. */
  served: RangeSet;
  /** The part of it that this run fetched. */
  fresh: RangeSet;
}

/** Begins with what an earlier run left. */
export function createAccounts(resumed: ReadonlyMap<string, RangeSet>): Accounts {
  const accounts = new Map<string, Account>();
  /** The last error of each source, the latest at the end. */
  const lastErrors = new Map<string, MirrorError>();
  let wasted = 0;
  const of = (source: string): Account => {
    const known = accounts.get(source);
    if (known !== undefined) return known;
    const account = { bytes: 0, activeMs: 0, errors: 0, served: resumed.get(source) ?? [], fresh: [] };
    accounts.set(source, account);
    return account;
  };
  for (const source of resumed.keys()) of(source);
  const spoiled = (range: ByteRange): void => {
    for (const account of accounts.values()) {
      const kept = removeRange(account.fresh, range);
      wasted += rangeBytes(account.fresh) - rangeBytes(kept);
      account.fresh = kept;
      account.served = removeRange(account.served, range);
    }
  };
  return {
    fetched: (entries) => {
      for (const { mirror, range } of entries) {
        spoiled(range);
        const account = of(mirror);
        account.bytes += range.end - range.start;
        account.served = addRange(account.served, range);
        account.fresh = addRange(account.fresh, range);
      }
    },
    spoiled,
    lost: (source, bytes) => {
      of(source).bytes += bytes;
      wasted += bytes;
    },
    active: (sources, ms) => {
      for (const source of sources) of(source).activeMs += ms;
    },
    error: (source, error) => {
      of(source).errors += 1;
      lastErrors.delete(source);
      lastErrors.set(source, error);
    },
    served: () => new Map([...accounts].map(([source, { served }]) => [source, served])),
    fresh: () => new Map([...accounts].map(([source, { fresh }]) => [source, fresh])),
    fetchedBytes: () => [...accounts.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    wastedBytes: () => wasted,
    shares: (labelOf) => {
      const shares = new Map<string, { bytes: number; activeMs: number; errors: number }>();
      for (const [source, { bytes, activeMs, errors }] of accounts) {
        const share = shares.get(labelOf(source)) ?? { bytes: 0, activeMs: 0, errors: 0 };
        shares.set(labelOf(source), {
          bytes: share.bytes + bytes,
          activeMs: Math.max(share.activeMs, activeMs),
          errors: share.errors + errors,
        });
      }
      const errorOf = new Map([...lastErrors].map(([source, error]) => [labelOf(source), error]));
      return [...shares]
        .filter(([, { bytes, errors }]) => bytes > 0 || errors > 0)
        .map(([label, { bytes, activeMs, errors }]) => {
          const lastError = errorOf.get(label);
          const bytesPerSecond = activeMs === 0 ? 0 : Math.round((bytes / activeMs) * 1000);
          return { label, bytes, bytesPerSecond, errors, ...(lastError !== undefined && { lastError }) };
        });
    },
  };
}
