/** The way into a bucket that publishing and mirroring share: survey, plan, send what lacks, note it in manifests. */
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError, type Problem } from "../base/errors.ts";
import type { MirrorShare, Report } from "../base/events.ts";
import { mapLimit } from "../base/flow.ts";
import { collisionKey, type TreePath } from "../base/paths.ts";
import type { Model } from "../catalog/model.ts";
import type { PartOrigin } from "../transfer/upload.ts";
import { type Destination, keyIn, nameOf, parseDestination } from "./destination.ts";
import { asModelsError, type Failure, failuresError } from "./failures.ts";
import { manifestTarget } from "./manifest-target.ts";
import type { OpenBucket } from "./open-bucket.ts";
import { eventLine, type PublishPlan, planPublish } from "./plan-publish.ts";
import type { PublishedModel, PublishPorts, PublishResult, PublishSettings, ToBucketOptions } from "./publish-ports.ts";
import { createSender } from "./send-all.ts";
import { mergeShares } from "./shares.ts";
import { surveyObject } from "./survey-object.ts";

/** A model whose bytes can be had, and are known. */
export interface Candidate {
  readonly name: string;
  readonly path: TreePath;
  /** The catalogue's entry, or null for what no manifest knows. */
  readonly model: Model | null;
  readonly size: number;
  readonly sha256: Sha256;
  /** The file on this box that has the bytes, or null. */
  readonly file: string | null;
  /** Where the bytes come from, as the plan shows it. */
  readonly from: readonly string[];
  readonly origin: PartOrigin;
  /** Whether the digest is to be proven while the bytes pass. */
  readonly isProofWanted: boolean;
  /** Where it is not: whether the file is still the one that was digested. */
  readonly isUnchanged?: () => Promise<boolean>;
  /** Who brought its bytes over the network; absent for a file of this box. */
  readonly shares?: () => readonly MirrorShare[];
}

/** What finding candidates is given. */
export interface Finding {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Counts and tells a failure; the others go on. @throws the signal's reason when it is aborted */
  readonly fail: (name: string, path: string, thrown: unknown) => void;
}

export interface ToBucketWork {
  /** Completes `Cannot <verb> 2 of 5 models`. */
  readonly verb: "publish" | "mirror";
  /** How many models were asked for. */
  readonly count: number;
  readonly find: (finding: Finding) => Promise<readonly Candidate[]>;
}

const SURVEYS = 4;

/**
 * Brings the candidates of `work` into the bucket.
 * @throws ModelsError with the gravest failure, listing all; `USAGE` when nobody can tell where to, or into which manifest
 */
export async function runToBucket(
  work: ToBucketWork,
  options: ToBucketOptions,
  { ports, settings }: { readonly ports: PublishPorts; readonly settings: PublishSettings },
): Promise<PublishResult> {
  const { clock } = ports;
  const startedMs = clock.monotonicMs();
  const report: Report = (body) => options.onEvent?.({ ...body, time: clock.now() });
  const signal = options.signal ?? new AbortController().signal;
  const failures: Failure[] = [];
  const finding: Finding = { report, signal, fail: createFail(work.verb, failures, { report, signal }) };
  const destination = parseDestination(options.to, { layout: options.layout, mirrors: settings.mirrors });
  const bucket = await ports.openBucket(destination);
  try {
    const candidates = await work.find(finding);
    const run: Run = { ...finding, options, ports, settings, destination, bucket };
    const models = await bring(run, candidates);
    const error = failuresError(work.verb, failures, work.count);
    const sentBytes = models.reduce((sum, one) => sum + (one.status === "sent" ? one.sentBytes : 0), 0);
    const elapsedMs = Math.round(clock.monotonicMs() - startedMs);
    const mirrors = mergeShares(
      candidates.flatMap(({ shares }) => shares?.() ?? []),
      elapsedMs,
    );
    const fetchedBytes = mirrors.reduce((sum, { bytes }) => sum + bytes, 0);
    const moved = { fetchedBytes, wastedBytes: 0, reusedBytes: 0, sentBytes, mirrors };
    report({ kind: "summary", ok: error === null, models: work.count, ...moved, elapsedMs });
    if (error !== null) throw error;
    return { to: nameOf(destination), models, sentBytes };
  } finally {
    await bucket.close();
  }
}

/** What every step of one run is given. */
export interface Run extends Finding {
  readonly options: ToBucketOptions;
  readonly ports: PublishPorts;
  readonly settings: PublishSettings;
  readonly destination: Destination;
  readonly bucket: OpenBucket;
}

async function bring(run: Run, candidates: readonly Candidate[]): Promise<readonly PublishedModel[]> {
  const { options, destination, fail } = run;
  refuseSharedKeys(candidates, destination);
  const targets = await findTargets(run, candidates);
  const facts = await mapLimit(candidates, SURVEYS, async (candidate) => {
    try {
      return { candidate, fact: await surveyObject(run, candidate) };
    } catch (error) {
      fail(candidate.name, candidate.path, error);
      return null;
    }
  });
  const known = facts.filter((one) => one !== null);
  const plan = planPublish(
    known.map(({ fact }) => fact),
    { force: options.force === true },
  );
  tellPlan(run, plan);
  if (options.isDryRun === true) return plan.lines.map(planned);
  await using sender = createSender(run, targets);
  const sent = await mapLimit(plan.lines, sender.atOnce, async (line, index) => {
    const candidate = known[index]?.candidate;
    return candidate === undefined ? null : await sender.send(line, candidate);
  });
  return sent.filter((one) => one !== null);
}

function createFail(
  verb: string,
  failures: Failure[],
  { report, signal }: Pick<Finding, "report" | "signal">,
): Finding["fail"] {
  return (model, path, thrown) => {
    signal.throwIfAborted();
    const error = asModelsError(thrown, verb, model);
    const { code, message, fix } = error;
    failures.push({ model, path, error });
    report({ kind: "file-failed", model, path, code, message, ...(fix === undefined ? {} : { fix }) });
  };
}

/** Told before anything is sent: an upload of an hour that cannot be noted anywhere is no use. */
async function findTargets(
  { options, settings }: Run,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, string>> {
  const { manifest } = options;
  if (manifest === null) return new Map();
  const targets = await mapLimit(candidates, SURVEYS, async ({ name, model }) => {
    return [name, await manifestTarget(model, manifest, settings.manifests)] as const;
  });
  return new Map(targets);
}

function refuseSharedKeys(candidates: readonly Candidate[], destination: Destination): void {
  const owners = new Map<string, Candidate>();
  const problems: Problem[] = [];
  for (const candidate of candidates) {
    const key = keyIn(destination, candidate);
    const owner = owners.get(collisionKey(key as TreePath));
    owners.set(collisionKey(key as TreePath), candidate);
    if (owner === undefined || owner.sha256 === candidate.sha256) continue;
    problems.push({ at: candidate.name, message: `"${key}" is also the key of "${owner.name}"` });
  }
  if (problems.length === 0) return;
  throw new ModelsError("BUCKET_CONFLICT", `Cannot give two models one key: ${problems[0]?.message}`, {
    fix: "publish them one at a time, under other paths, or with --layout sha256",
    problems,
  });
}

function tellPlan({ report, destination }: Run, { lines, sendBytes }: PublishPlan): void {
  const root = nameOf(destination);
  report({ kind: "plan", root, lines: lines.map(eventLine), fetchBytes: 0, reuseBytes: 0, freeBytes: 0, sendBytes });
  for (const { action, model, path, size, sha256 } of lines) {
    if (action === "present") report({ kind: "file-finished", model, path, size, sha256, how: "present", mirrors: [] });
  }
}

function planned({ model, path, to, size, sha256, action, sendBytes }: PublishPlan["lines"][number]): PublishedModel {
  const status = action === "present" ? "present" : action === "refuse" ? "refused" : "planned";
  return { name: model, path, to, size, sha256, status, sentBytes: sendBytes, manifest: null };
}
