/** The short way of a small file from its one address: asked for, proven and placed in the thread of small files. */
import type { Artifact } from "../base/artifact.ts";
import type { LockedModel } from "../catalog/lock.ts";
import type { Model } from "../catalog/model.ts";
import { mayBePickle, pickleRefusal } from "./pickles.ts";
import type { BringWhole } from "./place-thread.ts";
import { finish, type Run, shareOf, tellReplaced } from "./settle-model.ts";
import type { Surveyed } from "./survey.ts";
import type { Directly } from "./sync-ports.ts";

/** A model of a known artifact, and the file that stands in its place. */
type Wanted = Model & Artifact & Pick<Surveyed, "replaces">;

/** Brings one model, or says nothing and gives null: then it is asked for as any other, and whatever is wrong is told. */
export type BringModel = (run: Run, wanted: Wanted, signal: AbortSignal) => Promise<LockedModel | null>;

/** A host that was in the way of one file is asked for all others as usual. */
export function createBringModel(bringWhole: BringWhole, { addressOf }: Pick<Directly, "addressOf">): BringModel {
  const unusual = new Set<string>();
  return async (run, wanted, signal) => {
    const { name: model, path, size } = wanted;
    const { allowPickle } = run.settings;
    if (size === 0 || pickleRefusal(wanted, allowPickle) !== null) return null;
    const mayBe = mayBePickle(wanted, allowPickle);
    const direct = await addressOf({ ...wanted, allowPickle: mayBe });
    if (direct === null || unusual.has(direct.label)) return null;
    const { label, source } = direct;
    const isBrought = await bringWhole(
      {
        direct,
        allowPickle: mayBe,
        partial: run.tree.partialOf(wanted).content,
        wanted: { name: model, path, aliases: [], size, sha256: wanted.sha256 },
        origin: { mirrors: [label], how: "fetched", replace: true },
      },
      signal,
    );
    if (!isBrought) {
      unusual.add(label);
      return null;
    }
    const shares = [shareOf(label, size)];
    run.report({ kind: "mirror-found", model, mirror: label, source });
    run.report({ kind: "file-started", model, path, size, resumedBytes: 0 });
    run.tally.moved({ shares, fetchedBytes: size, wastedBytes: 0 });
    tellReplaced(run, wanted, wanted.replaces);
    return await finish(run, wanted, "fetched", shares);
  };
}
