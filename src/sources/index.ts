/** From what a manifest and the configuration name to the mirrors that really have the model. */
import type { Sha256 } from "../base/artifact.ts";
import { isModelsError } from "../base/errors.ts";
import type { HttpEndpoint, Mirror } from "../base/mirror.ts";
import type { TreePath } from "../base/paths.ts";
import { redactUrl } from "../base/secret.ts";
import { agreeing } from "./agree.ts";
import { askAll, type Found, type MirrorsOptions } from "./ask-all.ts";
import { kindOf } from "./kinds.ts";
import { samePlaceKey } from "./same-place.ts";
import type { SourceContext, SourceSettings } from "./source.ts";
import { expandTemplate } from "./template.ts";
import { formatSource, parseSource, printSource, type Source } from "./uri.ts";
import { endpointAt } from "./web.ts";

export interface WantedSources {
  readonly name: string;
  readonly path: TreePath;
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly sources: readonly string[];
  /** Whether a format that can run code is fine: by option, or because the manifest pins its digest. */
  readonly allowPickle: boolean;
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
  /** The only place of a model that has no other, if its address is known; asks nobody but the DNS of this box. */
  readonly directOf: (wanted: WantedSources) => Promise<Direct | null>;
}

/** A file that nothing is known of but its address. */
export interface Direct {
  readonly label: string;
  /** The source's URI without secrets. */
  readonly source: string;
  readonly endpoint: HttpEndpoint;
}

export function createSources(settings: SourceSettings, ports: Omit<SourceContext, "settings">): Sources {
  const context: SourceContext = { settings, ...ports };
  const slow = new Set<string>();
  return {
    parse: (uri) => void parseSource(uri),
    directOf: async (wanted) => {
      const sources = candidates(wanted, settings, () => undefined);
      const [only] = sources;
      return only === undefined || sources.length > 1 ? null : await directAt(only, context);
    },
    mirrorsOf: async (wanted, options) => {
      const sources = candidates(wanted, settings, options.onDropped);
      const found = await askAll(sources, wanted, { context, options, slow });
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

/** Named sources and filled-in templates, each once; what cannot be read is dropped. */
function candidates(
  wanted: WantedSources,
  settings: SourceSettings,
  onDropped: MirrorsOptions["onDropped"],
): readonly Source[] {
  const found = new Map<string, Source>();
  const add = (text: () => string | null, shown: () => string): void => {
    try {
      const uri = text();
      const source = uri === null ? null : parseSource(uri);
      if (source !== null) found.set(formatSource(source), source);
    } catch (error) {
      if (!isModelsError(error)) throw error;
      onDropped(shown(), shown(), error);
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

/** Null also for what will be refused: who asks as usual hears why. */
async function directAt(source: Source, context: SourceContext): Promise<Direct | null> {
  const { settings } = context;
  const kind = kindOf(source);
  const printed = printSource(source);
  try {
    const url = kind.addressOf?.(source, settings) ?? null;
    if (url === null) return null;
    return { label: kind.label(source, settings), source: printed, endpoint: await endpointAt(url, printed, context) };
  } catch (error) {
    if (isModelsError(error)) return null;
    throw error;
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
