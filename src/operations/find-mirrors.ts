/** Asks every source of a model for its mirror, and holds what they declare against what is wanted. */
import type { Artifact } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import type { Report } from "../base/events.ts";
import type { LateMirror, Mirror } from "../base/mirror.ts";
import type { Model } from "../catalog/model.ts";
import { agreeOnFigures, type Dropped, type Figures } from "./figures.ts";
import { mayBePickle, pickleRefusal } from "./pickles.ts";
import type { MirrorFinder, SyncSettings } from "./sync-ports.ts";

/** A model with its mirrors and the figures that all of them agree on. */
export interface Resolved extends Figures {
  readonly model: Model;
  readonly mirrors: readonly Mirror[];
  /** Mirrors that had not answered when others had; each joins when it answers. */
  readonly late: readonly LateMirror[];
}

export interface FindMirrorsPorts {
  readonly network: () => Promise<MirrorFinder>;
  readonly report: Report;
  readonly settings: Pick<SyncSettings, "allowPickle">;
}

/**
 * Resolves one model, and tells what was found and dropped.
 * @throws ModelsError `PICKLE_REFUSED`, `DIGEST_CONTRADICTION`, `NO_MIRROR`, or the most telling reason why no source could be used
 */
export async function findMirrors(model: Model, ports: FindMirrorsPorts, signal: AbortSignal): Promise<Resolved> {
  const { report, settings } = ports;
  const refusal = pickleRefusal(model, settings.allowPickle);
  if (refusal !== null) throw refusal;
  const dropped: Dropped[] = [];
  const late: LateMirror[] = [];
  const tellFound = ({ label, source }: Mirror): void =>
    report({ kind: "mirror-found", model: model.name, mirror: label, source });
  const { mirrorsOf } = await ports.network();
  const mirrors = await mirrorsOf(
    { ...model, allowPickle: mayBePickle(model, settings.allowPickle) },
    {
      signal,
      onDropped: (source, label, error) => {
        if (signal.aborted) return;
        dropped.push({ source, label, error });
        report({ kind: "mirror-dropped", model: model.name, mirror: label, code: error.code, message: error.message });
      },
      late: { onLeft: (mirror) => late.push(mirror), onJoined: tellFound },
    },
  );
  for (const one of mirrors) tellFound(one);
  return { model, mirrors, late, ...agreeOnFigures(model, mirrors, dropped) };
}

/**
 * The artifact that must arrive; its digest is null only where a first use is trusted.
 * @throws ModelsError `DIGEST_UNKNOWN`
 */
export function wantedArtifact(
  { model, size, sha256 }: Pick<Resolved, "model" | "size" | "sha256">,
  trustFirstUse: boolean,
): { readonly size: number; readonly sha256: Artifact["sha256"] | null } {
  if (sha256 !== null || trustFirstUse) return { size, sha256 };
  throw new ModelsError(
    "DIGEST_UNKNOWN",
    `Cannot fetch "${model.name}": neither its manifest nor a mirror declares a sha256, expected one to verify against`,
    { fix: "write sha256 into its manifest entry, or run it once with --trust-first-use to record what comes" },
  );
}
