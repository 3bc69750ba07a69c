/** Copies models from their mirrors into a bucket, part by part through memory, each digest proven on the way. */
import { ModelsError } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import type { Model } from "../catalog/model.ts";
import type { MemoryReader } from "../net/memory-reader.ts";
import { partBytesFor } from "../transfer/part-plan.ts";
import { createPartSource, type PartSource } from "../transfer/part-source.ts";
import { findMirrors } from "./find-mirrors.ts";
import { findPieces } from "./find-pieces.ts";
import type { PublishPorts, PublishResult, PublishSettings, ToBucketOptions } from "./publish-ports.ts";
import { RESOLVES } from "./resolve-figures.ts";
import type { Network, SyncSettings } from "./sync-ports.ts";
import { type Candidate, type Finding, runToBucket } from "./to-bucket.ts";

export interface MirrorPorts extends PublishPorts {
  readonly openNetwork: (report: Finding["report"]) => Promise<Pick<Network, "mirrorsOf" | "readPieces" | "close">>;
  readonly openReader: () => Promise<MemoryReader>;
}

export interface MirrorContext {
  readonly ports: MirrorPorts;
  readonly settings: PublishSettings & Pick<SyncSettings, "allowPickle">;
}

/**
 * Mirrors `models`. An object comes into being only when the digest of all that passed is the declared one.
 * @throws ModelsError with the gravest failure, listing all; `USAGE` when nobody can tell where to
 */
export async function mirror(
  models: readonly Model[],
  options: ToBucketOptions,
  context: MirrorContext,
): Promise<PublishResult> {
  const { ports } = context;
  const open: { network?: Awaited<ReturnType<MirrorPorts["openNetwork"]>>; reader?: MemoryReader } = {};
  const sources: PartSource[] = [];
  try {
    const find = async (finding: Finding): Promise<readonly Candidate[]> => {
      open.network = await ports.openNetwork(finding.report);
      open.reader = await ports.openReader();
      const run: MirrorRun = { ...finding, context, network: open.network, reader: open.reader, sources };
      const found = await mapLimit(models, RESOLVES, (model) => candidateFor(run, model));
      return found.filter((one) => one !== null);
    };
    return await runToBucket({ verb: "mirror", count: models.length, find }, options, context);
  } finally {
    for (const source of sources) source[Symbol.dispose]();
    await open.reader?.close();
    await open.network?.close();
  }
}

interface MirrorRun extends Finding {
  readonly context: MirrorContext;
  readonly network: Pick<Network, "mirrorsOf" | "readPieces">;
  readonly reader: MemoryReader;
  readonly sources: PartSource[];
}

async function candidateFor(run: MirrorRun, model: Model): Promise<Candidate | null> {
  try {
    return await resolveCandidate(run, model);
  } catch (error) {
    run.fail(model.name, model.path, error);
    return null;
  }
}

async function resolveCandidate(run: MirrorRun, model: Model): Promise<Candidate> {
  const { context, network, report, signal } = run;
  const finding = { network: async () => network, report, settings: context.settings };
  const { size, sha256, mirrors } = await findMirrors(model, finding, signal);
  if (sha256 === null) {
    throw new ModelsError("DIGEST_UNKNOWN", `Cannot mirror "${model.name}": nobody declares its sha256`, {
      fix: "write sha256 into its manifest entry, or run models add with --trust-first-use, which reads it",
    });
  }
  const found = await findPieces({ ...model, size, sha256, mirrors }, { network, report, signal });
  const pieces = found?.isNamed === true ? found.table : null;
  const source = createPartSource(
    {
      model: model.name,
      size,
      mirrors,
      pieces,
      isPinned: true,
      partBytes: partBytesFor(size),
      onDropped: ({ label }, code, message) =>
        report({ kind: "mirror-dropped", model: model.name, mirror: label, code, message }),
    },
    { reader: run.reader, clock: context.ports.clock },
  );
  run.sources.push(source);
  const { name, path } = model;
  const origin = { kind: "fill", fill: source.fill, judge: source.judge } as const;
  const from = mirrors.map((one) => one.source);
  return { name, path, model, size, sha256, file: null, from, origin, isProofWanted: true, shares: source.shares };
}
