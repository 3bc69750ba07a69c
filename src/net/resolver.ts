/** Asks the system for the addresses of names, in a way that one name nobody answers for does not delay the others. */
import { lookup as askSystem } from "node:dns";
import type { Clock } from "../base/clock.ts";

/** Asks for every address of a name. */
export type Resolve = (hostname: string, options: ResolveOptions, done: Resolved) => void;

/** As `dns.lookup` takes them. */
export interface ResolveOptions {
  readonly all: true;
  readonly family?: number;
  readonly hints?: number;
}

/** Hears every address of the name, or the resolver's error (`ENOTFOUND`, `EAI_AGAIN`) and none. */
export type Resolved = (error: NodeJS.ErrnoException | null, found: readonly Address[]) => void;

/** An address as `dns.lookup` gives it; the family is 4 or 6. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

/** An answer that takes longer is not waited for where there is an earlier one. */
const SLOW_MS = 1_000;
/** So long the last good answer serves while there is no new one. */
const KNOWN_MS = 600_000;
const MOST_KNOWN = 256;

/**
 * Each name is asked for once at a time, whoever waits for it: Node asks in at most half of its four threads, without
 * end where no name server answers (5 s a try, resolv.conf(5)), and all other names wait behind. A name server that is
 * slow or fails keeps nobody from a host whose addresses were known ten minutes ago.
 */
export function createResolver(clock: Pick<Clock, "monotonicMs" | "after">, ask: Resolve = resolveDns): Resolve {
  const asking = new Map<string, Resolved[]>();
  const known = new Map<string, { readonly found: readonly Address[]; readonly sinceMs: number }>();

  const remember = (key: string, found: readonly Address[]): void => {
    known.delete(key);
    known.set(key, { found, sinceMs: clock.monotonicMs() });
    const oldest = known.keys().next().value;
    if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
  };
  const knownOf = (key: string): readonly Address[] | null => {
    const last = known.get(key);
    return last !== undefined && clock.monotonicMs() - last.sinceMs <= KNOWN_MS ? last.found : null;
  };

  return (hostname, options, done) => {
    const key = JSON.stringify([hostname, options.family, options.hints]);
    const hear = patiently(clock, knownOf(key), done);
    const waiting = asking.get(key);
    if (waiting !== undefined) {
      waiting.push(hear);
      return;
    }
    const all = [hear];
    asking.set(key, all);
    ask(hostname, options, (error, found) => {
      asking.delete(key);
      if (error === null && found.length > 0) remember(key, found);
      for (const one of all) one(error, found);
    });
  };
}

export interface LookedUp {
  readonly addresses: readonly string[];
  readonly elapsedMs: number;
}

/** Asks for a name anew, and says how long the answer took. @throws Error with the resolver's code */
export function lookupHost(name: string, clock: Pick<Clock, "monotonicMs">): Promise<LookedUp> {
  const startedMs = clock.monotonicMs();
  return new Promise((answer, fail) => {
    resolveDns(name.replace(/^\[(.*)\]$/, "$1"), { all: true }, (error, found) => {
      if (error !== null) return fail(error);
      answer({ addresses: found.map(({ address }) => address), elapsedMs: clock.monotonicMs() - startedMs });
    });
  });
}

/** Hears the answer, or takes `last` in its place: when the answer is slow, and when it is an error. */
function patiently(clock: Pick<Clock, "after">, last: readonly Address[] | null, done: Resolved): Resolved {
  if (last === null) return done;
  let isOver = false;
  const end: Resolved = (error, found) => {
    if (isOver) return;
    isOver = true;
    forget();
    done(error, found);
  };
  const forget = clock.after(SLOW_MS, () => end(null, last));
  return (error, found) => (error === null ? end(null, found) : end(null, last));
}

/** Asks the resolver of this box, once a call. */
const resolveDns: Resolve = (hostname, options, done) => {
  askSystem(hostname, { ...options, all: true }, (error, found) => done(error, found ?? []));
};
