/** From what a manifest and the configuration name to the mirrors that really have the model. */
import type { Sha256 } from "../base/artifact.ts";
import { isModelsError } from "../base/errors.ts";
import type { Mirror } from "../base/mirror.ts";
import type { TreePath } from "../base/paths.ts";
import { redactUrl } from "../base/secret.ts";
import { agreeing } from "./agree.ts";
import { askAll, type Found, type MirrorsOptions } from "./ask-all.ts";
import { kindOf } from "./kinds.ts";
import { samePlaceKey } from "./same-place.ts";
import type { SourceContext, SourceSettings } from "./source.ts";
import { expandTemplate } from "./template.ts";
import { formatSource, parseSource, type Source } from "./uri.ts";

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
}

export function createSources(settings: SourceSettings, ports: Omit<SourceContext, "settings">): Sources {
  const context: SourceContext = { settings, ...ports };
  const slow = new Set<string>();
  return {
    parse: (uri) => void parseSource(uri),
    mirrorsOf: async (wanted, options) => {
      const sources = candidates(wanted, settings, options);
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
