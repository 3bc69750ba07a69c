/** What this box holds of the wanted models already: in place, elsewhere on its disk, or as an unfinished part. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Artifact, Sha256 } from "../base/artifact.ts";
import { readBoundedText } from "../base/bounded-file.ts";
import type { Replaced } from "../base/events.ts";
import { mapLimit } from "../base/flow.ts";
import { bootIdentity } from "../base/process.ts";
import { rangeBytes } from "../base/range.ts";
import type { Model } from "../catalog/model.ts";
import { MAX_JOURNAL_BYTES, parseJournal } from "../transfer/journal.ts";
import type { Finding, FindingStatus } from "../tree/check.ts";
import type { Reusable } from "../tree/find-reusable.ts";
import type { ReadProgress } from "../tree/terms.ts";
import type { Tree } from "../tree/tree.ts";
import type { Presence, SyncFact } from "./plan-sync.ts";

/** One wanted model with what was found of it. */
export interface Surveyed {
  readonly model: Model;
  readonly presence: Presence;
  /** Size and digest as far as known: the manifest's, else what a receipt proves. */
  readonly size: number | null;
  readonly sha256: Sha256 | null;
  readonly reusable: Reusable | null;
  /** The other file that stands in its place, or null. */
  readonly replaces: Replaced | null;
  readonly fact: SyncFact;
}

export interface SurveyOptions {
  /** Folders whose files may be reused. */
  readonly adopt: readonly string[];
  /** The Hub's own cache, or null to leave it alone. */
  readonly hubCache: string | null;
  readonly signal: AbortSignal;
  /** Hears of files that are read to find out whether they hold a wanted model. */
  readonly onReading: (model: string, doneBytes: number, size: number) => void;
}

/** Looks at this many models at a time: a look is two system calls. */
const LOOKS = 16;

/** Surveys `models`, in their order. Asks nothing of the network. */
export async function surveyTree(
  tree: Tree,
  models: readonly Model[],
  options: SurveyOptions,
): Promise<readonly Surveyed[]> {
  const looks = await mapLimit(models, LOOKS, (model) => lookAtPlace(tree, model, options));
  const absent = models.filter((_, index) => looks[index]?.presence === "absent");
  const near = looks.flatMap(({ finding: { at } }) => (at === undefined ? [] : [dirname(at)]));
  const reusables = await findReusables(tree, absent, { ...options, adopt: [...options.adopt, ...new Set(near)] });
  return await mapLimit(models, LOOKS, async (model, index) => {
    const { finding, presence, replaces } = looks[index] as PlaceLook;
    // What is in place but unproven may be adopted: then its size is right, and else its mirrors will say.
    const size = model.size ?? (presence === "absent" ? null : finding.size);
    const sha256 = model.sha256 ?? (presence === "present" ? finding.sha256 : null);
    const reusable = presence === "absent" && sha256 !== null ? (reusables.get(sha256) ?? null) : null;
    const known = { size: size ?? sizeOf(reusable), sha256 };
    const fact = await factOf(tree, { model, presence, reusable, replaces, ...known });
    return { model, presence, reusable, replaces, ...known, fact };
  });
}

/** What stands in a model's place. */
interface PlaceLook {
  readonly finding: Finding;
  readonly presence: Presence;
  readonly replaces: Replaced | null;
}

/** Looks at a model's place. What was read before and found to hold other bytes is not read again. */
export async function lookAtPlace(
  tree: Tree,
  model: Model,
  options: Pick<SurveyOptions, "signal" | "onReading">,
): Promise<PlaceLook> {
  const finding = await lookFor(tree, model, options);
  const presence = presenceOf(finding.status);
  const isThere = finding.status !== "present" && finding.status !== "missing" && finding.at === undefined;
  const size = isThere ? await tree.sizeAt(model.path) : null;
  if (size === null) return { finding, presence, replaces: null };
  if (finding.status === "wrong-size" || finding.status === "corrupt") {
    return { finding, presence, replaces: { size, status: finding.status } };
  }
  const seen = model.sha256 === null ? null : await tree.rememberedDigest(join(tree.root, model.path));
  return seen === null || seen === model.sha256
    ? { finding, presence, replaces: { size, status: "unverified" } }
    : { finding, presence: "absent", replaces: { size, status: "corrupt" } };
}

/**
 * A file that ComfyUI finds elsewhere counts as present when it is read and found right, and when it is seen at every
 * place that the model must have. Otherwise it is a file to share the bytes of.
 */
async function lookFor(
  tree: Tree,
  model: Model,
  { signal, onReading }: Pick<SurveyOptions, "signal" | "onReading">,
): Promise<Finding> {
  const finding = await tree.check(model, { signal });
  const { at, status, size } = finding;
  if (at === undefined || model.sha256 === null) return finding;
  const onProgress = ({ doneBytes }: ReadProgress): void => onReading(model.name, doneBytes, size ?? 0);
  const isRight = status === "present" || (await tree.digestOf(at, { signal, onProgress })) === model.sha256;
  const isPresent = isRight && (await isSeenEverywhere(tree, model));
  return { ...finding, status: isPresent ? "present" : "missing" };
}

async function isSeenEverywhere(tree: Tree, { name, aliases }: Model): Promise<boolean> {
  const open = { name, aliases: [], size: null, sha256: null };
  const seen = await Promise.all(aliases.map((path) => tree.check({ ...open, path })));
  return seen.every(({ status }) => status !== "missing");
}

/** What a finding means for a sync: whatever is there but wrong is replaced. */
function presenceOf(status: FindingStatus): Presence {
  if (status === "present" || status === "unverified") return status;
  return "absent";
}

async function findReusables(
  tree: Tree,
  absent: readonly Model[],
  { adopt, hubCache, signal, onReading }: SurveyOptions,
): Promise<ReadonlyMap<Sha256, Reusable>> {
  const sought = absent.flatMap(({ path, size, sha256 }) =>
    size === null || sha256 === null ? [] : [{ path, size, sha256 }],
  );
  if (sought.length === 0) return new Map();
  const names = new Map(absent.map(({ name, size }) => [size, name]));
  const onProgress = ({ doneBytes, size }: ReadProgress): void => {
    const name = names.get(size);
    if (name !== undefined) onReading(name, doneBytes, size);
  };
  return await tree.findReusable(sought, { adopt, hubCache, signal, onProgress });
}

function sizeOf(reusable: Reusable | null): number | null {
  return reusable === null ? null : reusable.stamp.size;
}

async function factOf(tree: Tree, known: Omit<Surveyed, "fact">): Promise<SyncFact> {
  const { model, presence, reusable, replaces, size, sha256 } = known;
  const isFetched = presence === "absent" && reusable === null;
  return {
    model: model.name,
    path: model.path,
    size,
    sha256,
    sources: model.sources,
    presence,
    replaces,
    reusable: reusable === null ? null : { path: reusable.path, diskBytes: await copyCost(tree, reusable) },
    partial: isFetched ? await partialOf(tree, { ...model, size, sha256 }) : NO_PARTIAL,
  };
}

const NO_PARTIAL: SyncFact["partial"] = { durableBytes: 0, allocatedBytes: 0 };

/** A link costs nothing; another disk means a copy. */
async function copyCost(tree: Tree, reusable: Reusable): Promise<number> {
  if (reusable.from === "tree") return 0;
  const device = await deviceOf(tree.root);
  return device !== null && device === reusable.stamp.dev ? 0 : reusable.stamp.size;
}

async function deviceOf(folder: string): Promise<bigint | null> {
  try {
    return (await stat(folder, { bigint: true })).dev;
  } catch {
    // A root that does not exist yet has no device that a file could share.
    return null;
  }
}

async function partialOf(
  tree: Tree,
  wanted: Pick<Model, "path"> & { readonly [K in keyof Artifact]: Artifact[K] | null },
): Promise<SyncFact["partial"]> {
  const paths = tree.partialOf(wanted);
  const allocatedBytes = await tree.partialBytes(paths);
  if (allocatedBytes === 0 || wanted.size === null) return { durableBytes: 0, allocatedBytes };
  const text = await readBoundedText(paths.journal, MAX_JOURNAL_BYTES).catch(() => "");
  const journal = parseJournal(text, { size: wanted.size, sha256: wanted.sha256 }, bootIdentity());
  return { durableBytes: rangeBytes(journal?.done ?? []), allocatedBytes };
}
