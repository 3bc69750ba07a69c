/** How a mirror keeps its address fresh: signed links run out, and everyone who was refused shares one new resolve. */
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Endpoint, Mirror } from "../base/mirror.ts";
import { headerOf, isSameVersion } from "../base/validator.ts";
import { createSharedTask } from "./shared-task.ts";
import type { Resolved } from "./source.ts";

export interface MirrorOptions {
  readonly label: string;
  /** The source, as it may be printed. */
  readonly source: string;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly resolveAgain: (signal: AbortSignal) => Promise<Resolved>;
}

/**
 * The mirror that `first` is. Its `open` throws `MIRROR_CHANGED` when a later resolve finds another file.
 */
export function mirrorOf(first: Resolved, options: MirrorOptions): Mirror {
  const { label, source } = options;
  // The head is not kept: a thousand mirrors may wait for their turn.
  const { head, ...known } = first;
  const { size, sha256, revision } = known;
  let { endpoint, staleAtMs } = known;
  const again = createSharedTask(async (signal) => {
    const next = await options.resolveAgain(signal);
    assertSame(known, next, options);
    ({ endpoint, staleAtMs } = next);
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

function assertSame(first: Omit<Resolved, "head">, next: Resolved, { label, source }: MirrorOptions): void {
  const changed = (before: unknown, after: unknown): ModelsError =>
    new ModelsError("MIRROR_CHANGED", `Cannot read on from "${source}": ${label} now has ${after}, before ${before}`);
  if (next.size !== first.size) throw changed(`${first.size} bytes`, `${next.size} bytes`);
  if (first.sha256 !== null && next.sha256 !== null && first.sha256 !== next.sha256) {
    throw changed(`sha256 ${first.sha256}`, `sha256 ${next.sha256}`);
  }
  const [before, after] = [first.endpoint, next.endpoint];
  if (before.kind !== "http" || after.kind !== "http" || first.sha256 !== null) return;
  if (placeOf(before.url) !== placeOf(after.url) || before.validator === null || after.validator === null) return;
  const name = headerOf(before.validator);
  if (name !== headerOf(after.validator) || isSameVersion(before.validator, after.validator)) return;
  throw changed(`${name} ${before.validator}`, `${name} ${after.validator}`);
}

const placeOf = (url: string): string => new URL(url).origin + new URL(url).pathname;
