/** How a mirror keeps its address fresh: signed links run out, and everyone who was refused shares one new resolve. */
import { hash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Endpoint, Mirror } from "../base/mirror.ts";
import { headerOf, isSameVersion } from "../base/validator.ts";
import { createSharedTask } from "./shared-task.ts";
import type { Resolved } from "./source.ts";
import { createSynonyms } from "./synonyms.ts";

export interface MirrorOptions {
  readonly label: string;
  /** The source, as it may be printed. */
  readonly source: string;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Whether a sha256 that is known will prove the file, whatever is said about its version. */
  readonly isPinned: boolean;
  readonly resolveAgain: (signal: AbortSignal) => Promise<Resolved>;
}

/**
 * The mirror that `first` is. Its `open` throws `MIRROR_CHANGED` when a later resolve finds another file. Where the file
 * is pinned, another validator alone is no proof of that: the endpoint keeps those that are known to be the file's.
 */
export function mirrorOf(first: Resolved, options: MirrorOptions): Mirror {
  const { label, source } = options;
  // The head is not kept: a thousand mirrors may wait for their turn.
  const { head, ...known } = first;
  const { size, sha256, revision } = known;
  let { endpoint, staleAtMs } = known;
  const versions = versionsOf(first, options);
  const again = createSharedTask(async (signal) => {
    const next = await options.resolveAgain(signal);
    assertSame(known, next, options);
    endpoint = versions(next);
    staleAtMs = next.staleAtMs;
    return endpoint;
  });
  const isStale = (): boolean => staleAtMs !== null && options.clock.monotonicMs() >= staleAtMs;
  return {
    label,
    source,
    size,
    sha256,
    revision,
    whole: head.length === size ? head : null,
    open: async (signal, refused) => {
      signal.throwIfAborted();
      const isRefused = refused !== undefined && isSameEndpoint(refused, endpoint);
      return isRefused || isStale() ? again.join(signal) : endpoint;
    },
  };
}

/** By value: an endpoint may have been to another thread and back. */
function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  if (one.kind === "http" && other.kind === "http") return one.url === other.url;
  return one.kind === "file" && other.kind === "file" && one.path === other.path;
}

function assertSame(first: Omit<Resolved, "head">, next: Resolved, options: MirrorOptions): void {
  if (next.size !== first.size) throw changed(`${first.size} bytes`, `${next.size} bytes`, options);
  if (first.sha256 !== null && next.sha256 !== null && first.sha256 !== next.sha256) {
    throw changed(`sha256 ${first.sha256}`, `sha256 ${next.sha256}`, options);
  }
}

/** Gives the endpoint that a later resolve found the validators that are the file's. @throws ModelsError `MIRROR_CHANGED` */
function versionsOf(first: Resolved, options: MirrorOptions): (next: Resolved) => Endpoint {
  const before = first.endpoint;
  if (before.kind !== "http" || before.validator === null) return ({ endpoint }) => endpoint;
  const { url, validator } = before;
  const name = headerOf(validator);
  const learn = createSynonyms(validator);
  const isProvable = options.isPinned || first.sha256 !== null;
  const beginning = isProvable ? beginningOf(first) : null;
  return (next) => {
    const after = next.endpoint;
    if (after.kind !== "http" || placeOf(after.url) !== placeOf(url)) return after;
    if (after.validator === null || headerOf(after.validator) !== name) return after;
    if (isSameVersion(validator, after.validator) && !isProvable) return after;
    const isProven = first.sha256 !== null && next.sha256 === first.sha256;
    const versions = isProvable && beginningOf(next) === beginning ? learn(after.validator, isProven) : null;
    if (versions === null) throw changed(`${name} ${validator}`, `${name} ${after.validator}`, options);
    return { ...after, ...versions };
  };
}

/** A digest of the first bytes; nothing of a file that came whole, which is not asked for again. */
const beginningOf = ({ head, size }: Resolved): string => (head.length === size ? "" : hash("sha256", head));

function changed(before: string, after: string, { label, source }: MirrorOptions): ModelsError {
  const message = `Cannot read on from "${source}": ${label} now has ${after}, before ${before}`;
  return new ModelsError("MIRROR_CHANGED", message);
}

const placeOf = (url: string): string => new URL(url).origin + new URL(url).pathname;
