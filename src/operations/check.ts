/** Whether a selection is on this box: no network, nothing written, two looks at the disk a file. */
import type { Clock } from "../base/clock.ts";
import type { SignerEntry } from "../base/events.ts";
import { mapLimit } from "../base/flow.ts";
import type { Model } from "../catalog/model.ts";
import type { Finding } from "../tree/check.ts";
import type { Tree } from "../tree/tree.ts";
import type { UnknownReference, View } from "./match-references.ts";
import type { Selection } from "./select.ts";

export interface CheckOptions {
  /** Reads every file again rather than believe receipts. @default false */
  readonly isDeep?: boolean;
  /** A file of the right size without a receipt is a finding too. @default false */
  readonly isStrict?: boolean;
  readonly signal?: AbortSignal;
  /** Hears of files that are read, with `isDeep`. */
  readonly onProgress?: (progress: {
    readonly path: string;
    readonly doneBytes: number;
    readonly size: number;
  }) => void;
}

/** What `models check --json` prints. */
export interface CheckReport {
  /** True when every model is present (with `isStrict`: and proven) and nothing is unknown. */
  readonly ok: boolean;
  readonly root: string;
  /** In the order of the selection; what a workflow asks for and nobody knows comes last. */
  readonly models: readonly Finding[];
  readonly elapsedMs: number;
  /** By whom manifests, kits and the lockfile are signed; only where the config trusts keys. */
  readonly signedBy?: readonly SignerEntry[];
}

export type Check = (selection: Selection, options?: CheckOptions) => Promise<CheckReport>;

// A look waits for the disk, a deep one for a core as well.
const LOOKS = 16;
const DEEP_LOOKS = 2;

/** Makes a check. @throws ModelsError `DISK_FAILED` when it cannot be made */
export function createCheck(ports: { readonly tree: Tree; readonly clock: Clock }): Check {
  const { tree, clock } = ports;
  return async (selection, { isDeep = false, isStrict = false, signal, onProgress } = {}) => {
    const startedMs = clock.monotonicMs();
    const found = await mapLimit(selection.models, isDeep ? DEEP_LOOKS : LOOKS, async (model) => {
      signal?.throwIfAborted();
      const finding = await tree.check(model, { isDeep, signal, onProgress });
      const told = selection.declared.has(model.name) ? { ...finding, ...declaredFix(finding, model) } : finding;
      return await checkViews(tree, told, selection.views);
    });
    const models = [...found, ...(await checkUnknown(tree, selection.unknown))];
    const isOk = ({ status }: Finding): boolean => status === "present" || (status === "unverified" && !isStrict);
    const elapsedMs = Math.round((clock.monotonicMs() - startedMs) * 1000) / 1000;
    return { ok: models.every(isOk), root: tree.root, models, elapsedMs };
  };
}

/** No command knows the name of a model that only a workflow declares, so the workflow is what a person gives again. */
export function declaredFix({ status, fix }: Finding, { sources }: Pick<Model, "sources">): { readonly fix?: string } {
  if (fix === undefined) return {};
  const does = status === "unverified" ? "proves it" : `takes it from ${sources.join(" or ")}`;
  return { fix: `run models sync with this workflow, which ${does}` };
}

/** A file that is here is of no use to a node that looks elsewhere, until an alias shows it there. */
async function checkViews(tree: Tree, finding: Finding, views: readonly View[]): Promise<Finding> {
  if (finding.status !== "present" && finding.status !== "unverified") return finding;
  for (const { path } of views.filter(({ model }) => model === finding.name)) {
    const { status } = await tree.check({ name: finding.name, path, aliases: [], size: null, sha256: null });
    if (status === "missing")
      return { ...finding, path, status, fix: `run models sync ${finding.name} with the workflow` };
  }
  return finding;
}

/** A file that no manifest knows may still lie where the node looks: then the workflow runs, but nothing is proven. */
export async function checkUnknown(tree: Tree, unknown: readonly UnknownReference[]): Promise<readonly Finding[]> {
  return await mapLimit(unknown, LOOKS, async ({ name, path, places, fix }) => {
    for (const place of places) {
      const found = await tree.check({ name, path: place, aliases: [], size: null, sha256: null });
      if (found.status === "present") return found;
      if (found.status === "unverified")
        return { ...found, fix: "write an entry for it into a manifest, to have it verified" };
    }
    return { name, path, sha256: null, size: null, status: "unknown", fix };
  });
}
