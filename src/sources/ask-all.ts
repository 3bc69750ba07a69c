/** Asks all sources of one model at once, and keeps nobody waiting for one that is silent. */
import { formatDuration } from "../base/bytes.ts";
import { isModelsError, ModelsError, reasonOf } from "../base/errors.ts";
import { anySignal, deferred, mapLimit } from "../base/flow.ts";
import type { Mirror } from "../base/mirror.ts";
import { type Claim, claimProblem, type Expected } from "./agree.ts";
import { kindOf } from "./kinds.ts";
import { type LateMirrors, lateMirror } from "./late-mirror.ts";
import { headBytesOf } from "./probe.ts";
import { mirrorOf } from "./reopen.ts";
import type { Asking, Resolved, SourceContext, SourceSettings } from "./source.ts";
import { printSource, type Source } from "./uri.ts";

/** A claim with everything that is needed to use it. */
export interface Found extends Claim {
  readonly mirror: Mirror;
  readonly resolved: Resolved;
}

export interface MirrorsOptions {
  readonly signal: AbortSignal;
  /** Called once for each source that will not be used, with its printable form. */
  readonly onDropped: (source: string, label: string, error: ModelsError) => void;
  /** Where given, and where size and digest are wanted ones, mirrors that take their time join later. */
  readonly late?: LateMirrors;
}

interface AskPorts {
  readonly context: SourceContext;
  readonly options: MirrorsOptions;
  /** Labels of those that let others wait the last time. */
  readonly slow: Set<string>;
}

/** Sources asked at the same time for one model. */
const AT_ONCE = 8;
/** A source that is silent this long is left behind for good as soon as another one is there. */
const PATIENCE_MS = 15_000;
/** So long one is waited for that can still join later, or that was slow the last time; one that is both, not at all. */
const GATHER_MS = 1_500;
/** Under a limit of the rate a file comes with its first answer if it is worth no more time than this. */
const MOST_SECONDS = 0.25;
/** Who fails later than this has tried more than once. */
const FAILS_SOON_MS = 500;

/**
 * Those that answered, in the order of `sources`.
 * @throws the signal's reason when it is aborted
 */
export async function askAll(
  sources: readonly Source[],
  wanted: Expected,
  { context, options, slow }: AskPorts,
): Promise<readonly Found[]> {
  const { clock, settings } = context;
  const { size, sha256 } = wanted;
  const { maxRate } = settings.limits;
  const provenSize = sha256 === null ? null : size;
  const isWorthOne = maxRate === null || (size ?? 0) <= maxRate * MOST_SECONDS;
  const asking = { ...context, headBytes: headBytesOf(isWorthOne ? size : null), size: provenSize };
  // For all of them together, before anyone's patience begins.
  await context.pace(sources.length * Math.min(asking.headBytes, size ?? asking.headBytes), options.signal);
  const joining = provenSize === null || options.late === undefined ? null : options.late;
  const impatient = new Set<() => void>();
  let good = 0;
  const ask = async (source: Source, label: string, signal: AbortSignal): Promise<Found> => {
    const askedMs = clock.monotonicMs();
    const judge = (soonMs: number): void => {
      if (clock.monotonicMs() - askedMs > soonMs) slow.add(label);
      else slow.delete(label);
    };
    const isPinned = sha256 !== null;
    const found = await askOne(source, label, { asking, isPinned, signal }).catch((error: unknown) => {
      if (!signal.aborted) judge(FAILS_SOON_MS);
      throw asModelsError(error, source);
    });
    judge(GATHER_MS);
    const problem = claimProblem(found, wanted);
    if (problem !== null) throw problem;
    return found;
  };
  const drop = (source: Source, label: string, error: unknown): null => {
    options.signal.throwIfAborted();
    options.onDropped(printSource(source), label, asModelsError(error, source));
    return null;
  };
  const askPatiently = async (source: Source): Promise<Found | null> => {
    const label = labelOf(source, settings);
    const askedMs = clock.monotonicMs();
    const abort = new AbortController();
    const left = deferred<null>();
    const answer = ask(source, label, anySignal(options.signal, abort.signal)).then((found) => {
      good += 1;
      impatient.delete(leave);
      for (const one of impatient) one();
      return found;
    });
    const leave = (): void => {
      impatient.delete(leave);
      slow.add(label);
      if (joining === null || size === null) return abort.abort(silent(source, label));
      const silentMs = (): number => clock.monotonicMs() - askedMs;
      joining.onLeft(lateMirror(answer, { label, source: printSource(source), size }, { ...joining, silentMs }));
      left.resolve(null);
    };
    const done = new AbortController();
    const outOfPatience = (): void => {
      impatient.add(leave);
      if (good > 0) leave();
    };
    const [patienceMs, patienceWithSlowMs] = joining === null ? [PATIENCE_MS, GATHER_MS] : [GATHER_MS, 0];
    clock.sleep(slow.has(label) ? patienceWithSlowMs : patienceMs, done.signal).then(outOfPatience, () => undefined);
    try {
      return await Promise.race([answer, left.promise]);
    } catch (error) {
      return drop(source, label, error);
    } finally {
      done.abort();
      impatient.delete(leave);
    }
  };
  // Nobody is left behind for another where there is no other.
  const [first, second] = sources;
  if (first !== undefined && second === undefined) {
    const label = labelOf(first, settings);
    const found = await ask(first, label, options.signal).catch((error: unknown) => drop(first, label, error));
    return found === null ? [] : [found];
  }
  return (await mapLimit(sources, AT_ONCE, askPatiently)).filter((one) => one !== null);
}

async function askOne(
  source: Source,
  label: string,
  { asking, isPinned, signal }: { readonly asking: Asking; readonly isPinned: boolean; readonly signal: AbortSignal },
): Promise<Found> {
  const kind = kindOf(source);
  const resolved = await kind.resolve(source, asking, signal);
  const { size, sha256, head, revision } = resolved;
  const pinned = revision === null ? source : (kind.pin?.(source, revision) ?? source);
  const resolveAgain = (again: AbortSignal): Promise<Resolved> => kind.resolve(pinned, asking, again);
  const shown = printSource(source);
  const mirror = mirrorOf(resolved, { label, source: shown, clock: asking.clock, isPinned, resolveAgain });
  return { label, source: shown, size, sha256, head, mirror, resolved };
}

/** Works for a source whose configuration is wrong, too: what is wrong is said when it is resolved. */
function labelOf(source: Source, settings: SourceSettings): string {
  try {
    return kindOf(source).label(source, settings);
  } catch {
    return source.kind;
  }
}

function silent(source: Source, label: string): ModelsError {
  const seen = `${label} has not answered for ${formatDuration(PATIENCE_MS)}`;
  return new ModelsError("MIRROR_STALLED", `Cannot use "${printSource(source)}": ${seen}, others have`);
}

const asModelsError = (error: unknown, source: Source): ModelsError =>
  isModelsError(error)
    ? error
    : new ModelsError("MIRROR_FAILED", `Cannot use "${printSource(source)}": ${reasonOf(error)}`, { cause: error });
