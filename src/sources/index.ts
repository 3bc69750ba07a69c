/** From what a manifest and the configuration name to the mirrors that really have the model. */
import type { Sha256 } from "../base/artifact.ts";
import { formatDuration } from "../base/bytes.ts";
import { isModelsError, ModelsError, reasonOf } from "../base/errors.ts";
import { anySignal, mapLimit } from "../base/flow.ts";
import type { Mirror } from "../base/mirror.ts";
import type { TreePath } from "../base/paths.ts";
import { redactUrl } from "../base/secret.ts";
import { agreeing, type Claim, claimProblem } from "./agree.ts";
import { kindOf } from "./kinds.ts";
import { headBytesOf } from "./probe.ts";
import { mirrorOf } from "./reopen.ts";
import { samePlaceKey } from "./same-place.ts";
import type { Asking, Resolved, SourceContext, SourceSettings } from "./source.ts";
import { expandTemplate } from "./template.ts";
import { formatSource, parseSource, printSource, type Source } from "./uri.ts";

export interface WantedSources {
  readonly name: string;
  readonly path: TreePath;
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly sources: readonly string[];
  /** Whether a format that can run code is fine: by option, or because the manifest pins its digest. */
  readonly allowPickle: boolean;
}

export interface MirrorsOptions {
  readonly signal: AbortSignal;
  /** Called once for each source that will not be used, with its printable form. */
  readonly onDropped: (source: string, label: string, error: ModelsError) => void;
}

export interface Sources {
  /** @throws ModelsError `SOURCE_INVALID` for a URI that no kind of source knows */
  readonly parse: (uri: string) => void;
  /**
   * The mirrors of a model, in the order in which they are named, then those of the configured templates.
   * Each has answered one small range request, and its first bytes can be the model's. What is wrong with the others
   * goes to `onDropped`; no mirror at all is an empty list.
   * @throws the signal's reason when it is aborted
   */
  readonly mirrorsOf: (wanted: WantedSources, options: MirrorsOptions) => Promise<readonly Mirror[]>;
}

/** Sources asked at the same time for one model. */
const AT_ONCE = 8;
/** A source that is silent this long is left behind as soon as another one is there. */
const PATIENCE_MS = 15_000;

export function createSources(settings: SourceSettings, ports: Omit<SourceContext, "settings">): Sources {
  const context: SourceContext = { settings, ...ports };
  return {
    parse: (uri) => void parseSource(uri),
    mirrorsOf: async (wanted, options) => {
      const sources = candidates(wanted, settings, options);
      const found = await askAll(sources, wanted, { context, options });
      options.signal.throwIfAborted();
      const { kept, dropped } = agreeing(onePerPlace(found), wanted);
      for (const [claim, error] of dropped) options.onDropped(claim.source, claim.label, error);
      return kept.map(({ mirror }) => mirror);
    },
  };
}

/**
 * The URI of what `revision` (a mirror's) found at `uri`, and of nothing newer: the same URI where there are no commits.
 * @throws ModelsError `SOURCE_INVALID`
 */
export function pinnedUri(uri: string, revision: string | null): string {
  const source = parseSource(uri);
  return formatSource(revision === null ? source : (kindOf(source).pin?.(source, revision) ?? source));
}

/** A claim with everything that is needed to use it. */
interface Found extends Claim {
  readonly mirror: Mirror;
  readonly resolved: Resolved;
}

/** Named sources and filled-in templates, each once; what cannot be read is dropped. */
function candidates(wanted: WantedSources, settings: SourceSettings, options: MirrorsOptions): readonly Source[] {
  const found = new Map<string, Source>();
  const add = (text: () => string | null, shown: () => string): void => {
    try {
      const uri = text();
      const source = uri === null ? null : parseSource(uri);
      if (source !== null) found.set(formatSource(source), source);
    } catch (error) {
      if (!isModelsError(error)) throw error;
      options.onDropped(shown(), shown(), error);
    }
  };
  for (const uri of wanted.sources)
    add(
      () => uri,
      () => (/^https?:/i.test(uri) ? redactUrl(uri) : uri.slice(0, 200)),
    );
  for (const { name, template } of settings.mirrors)
    add(
      () => expandTemplate(template, wanted),
      () => name,
    );
  return [...found.values()];
}

async function askAll(
  sources: readonly Source[],
  wanted: WantedSources,
  { context, options }: { readonly context: SourceContext; readonly options: MirrorsOptions },
): Promise<readonly Found[]> {
  // What is asked here counts against no limit of the rate.
  const headBytes = headBytesOf(context.settings.limits.maxRate === null ? wanted.size : null);
  const late = new Set<() => void>();
  let good = 0;
  const ask = async (source: Source, signal: AbortSignal): Promise<Found | null> => {
    const label = labelOf(source, context.settings);
    try {
      const found = await askOne(source, label, { asking: { ...context, headBytes }, signal });
      const problem = claimProblem(found, wanted);
      if (problem !== null) throw problem;
      good += 1;
      for (const one of late) one();
      return found;
    } catch (error) {
      options.signal.throwIfAborted();
      options.onDropped(printSource(source), label, asModelsError(error, source));
      return null;
    }
  };
  const askPatiently = async (source: Source): Promise<Found | null> => {
    const abort = new AbortController();
    const leave = (): void => abort.abort(silent(source, labelOf(source, context.settings)));
    const done = new AbortController();
    const outOfPatience = (): void => {
      late.add(leave);
      if (good > 0) leave();
    };
    context.clock.sleep(PATIENCE_MS, done.signal).then(outOfPatience, () => undefined);
    try {
      return await ask(source, anySignal(options.signal, abort.signal));
    } finally {
      done.abort();
      late.delete(leave);
    }
  };
  // Nobody is left behind for another where there is no other.
  const [first, second] = sources;
  if (first !== undefined && second === undefined) {
    const found = await ask(first, options.signal);
    return found === null ? [] : [found];
  }
  return (await mapLimit(sources, AT_ONCE, askPatiently)).filter((one) => one !== null);
}

async function askOne(
  source: Source,
  label: string,
  { asking, signal }: { readonly asking: Asking; readonly signal: AbortSignal },
): Promise<Found> {
  const kind = kindOf(source);
  const resolved = await kind.resolve(source, asking, signal);
  const { size, sha256, head, revision } = resolved;
  const pinned = revision === null ? source : (kind.pin?.(source, revision) ?? source);
  const resolveAgain = (again: AbortSignal): Promise<Resolved> => kind.resolve(pinned, asking, again);
  const shown = printSource(source);
  const mirror = mirrorOf(resolved, { label, source: shown, clock: asking.clock, resolveAgain });
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

/** Two names of one place are one mirror: the first stays. */
function onePerPlace(found: readonly Found[]): readonly Found[] {
  if (found.length < 2) return found;
  const known = new Set<string>();
  return found.filter(({ resolved }) => {
    const key = samePlaceKey(resolved.endpoint);
    if (known.has(key)) return false;
    known.add(key);
    return true;
  });
}

function silent(source: Source, label: string): ModelsError {
  const seen = `${label} has not answered for ${formatDuration(PATIENCE_MS)}`;
  return new ModelsError("MIRROR_STALLED", `Cannot use "${printSource(source)}": ${seen}, others have`);
}

const asModelsError = (error: unknown, source: Source): ModelsError =>
  isModelsError(error)
    ? error
    : new ModelsError("MIRROR_FAILED", `Cannot use "${printSource(source)}": ${reasonOf(error)}`, { cause: error });
