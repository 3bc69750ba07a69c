/** Mends what a verification found wrong: what is still right of a file stays on this box, the rest is fetched. */
import type { Artifact } from "../base/artifact.ts";
import { isModelsError } from "../base/errors.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import { writeSalvageJournal } from "../transfer/salvage-journal.ts";
import type { Finding } from "../tree/check.ts";
import type { Tree } from "../tree/tree.ts";
import type { CheckReport } from "./check.ts";
import type { Selection } from "./select.ts";
import type { SyncOptions, SyncResult } from "./sync-ports.ts";

/** What `models verify --repair --json` prints. */
export interface RepairReport extends CheckReport {
  /** Names of the models that were mended. */
  readonly repaired: readonly string[];
  /** Bytes that had to come over the network. */
  readonly fetchedBytes: number;
}

export interface RepairPorts {
  readonly tree: Tree;
  readonly catalog: Catalog;
  readonly sync: (selection: Selection, options: SyncOptions) => Promise<SyncResult>;
}

export type RepairOptions = Pick<SyncOptions, "signal" | "onEvent" | "wait" | "isOffline">;

type Known = Model & Artifact;

/**
 * Mends what `report` found, as far as the catalogue (or the selection that was verified) knows it. With a piece table
 * only the pieces that are wrong are fetched.
 * @throws ModelsError whatever a sync throws
 */
export async function repair(
  ports: RepairPorts,
  found: { readonly report: CheckReport; readonly selection: Selection | null },
  options: RepairOptions = {},
): Promise<RepairReport> {
  const { report, selection } = found;
  const broken = report.models.filter(({ status }) => status !== "present" && status !== "unknown");
  const models = broken.flatMap((finding) => modelOf(finding, selection?.models ?? [...ports.catalog.models.values()]));
  if (models.length === 0) return { ...report, repaired: [], fetchedBytes: 0 };
  const rotten = new Set(broken.filter(({ status }) => status === "corrupt").map(({ path }) => path));
  for (const model of models) if (rotten.has(model.path) && isKnown(model)) await salvage(ports.tree, model, options);
  const wanted = selection ?? {
    models: [],
    unknown: [],
    views: [],
    declared: new Set<string>(),
    awaited: new Set<string>(),
  };
  const { summary } = await ports.sync({ ...wanted, models, unknown: [] }, options);
  for (const model of models) if (isKnown(model)) await clear(ports.tree, model, options);
  const after = await findingsAfter(ports.tree, report, models);
  const repaired = models.filter(({ path }) => after.some((one) => one.path === path && one.status === "present"));
  return {
    ...report,
    ok: after.every(({ status }) => status === "present"),
    models: after,
    repaired: repaired.map(({ name }) => name),
    fetchedBytes: summary.fetchedBytes,
  };
}

/** A finding without a selection has a path for a name, and what its receipt says that it ought to be. */
function modelOf({ path, sha256 }: Finding, models: readonly Model[]): readonly Model[] {
  const model = models.find((one) => one.path === path);
  const isSame = model !== undefined && (model.sha256 === null || sha256 === null || model.sha256 === sha256);
  return isSame ? [model] : [];
}

const isKnown = (model: Model): model is Known => model.size !== null && model.sha256 !== null;

/** The file becomes an unfinished one of which every byte is there: the sync finds out which of them are wrong. */
async function salvage(tree: Tree, model: Known, options: RepairOptions): Promise<void> {
  await underLease(tree, model, options, async () => {
    const found = await tree.salvageable(model);
    if (found === null) return;
    // The journal first: without its file it says nothing, and the file without it would be thrown away.
    await writeSalvageJournal(tree.partialOf(model).journal, model);
    await found.take();
  });
}

/** What was salvaged is of no use when the bytes were found elsewhere on this box. */
async function clear(tree: Tree, model: Known, options: RepairOptions): Promise<void> {
  await underLease(tree, model, options, async () => {
    const { status } = await tree.check(model);
    if (status === "present") await tree.discardUnfinished(tree.partialOf(model));
  });
}

async function underLease(
  tree: Tree,
  { sha256, path }: Known,
  { signal, wait = true }: RepairOptions,
  work: () => Promise<void>,
): Promise<void> {
  const asked = { subject: path, signal: signal ?? new AbortController().signal, wait, onWait: () => undefined };
  try {
    await using _ = await tree.lease(sha256, asked);
    await work();
  } catch (error) {
    // Whoever holds it is bringing it, and what is to be said about that the sync will say.
    if (!isModelsError(error, "LOCKED")) throw error;
  }
}

async function findingsAfter(tree: Tree, before: CheckReport, models: readonly Model[]): Promise<readonly Finding[]> {
  const mended = new Map<string, Model>(models.map((model) => [model.path, model]));
  return await Promise.all(
    before.models.map(async (finding) => {
      const model = mended.get(finding.path);
      return model === undefined ? finding : { ...(await tree.check(model)), name: finding.name };
    }),
  );
}
