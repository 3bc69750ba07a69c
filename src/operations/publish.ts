/** Publishes models of the tree and files of this box into a bucket. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ModelsError } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import { modelNamed } from "../catalog/select.ts";
import type { Tree } from "../tree/tree.ts";
import type { PublishPorts, PublishResult, PublishSettings, ToBucketOptions } from "./publish-ports.ts";
import { type FindOptions, type NamedFile, type Publishable, publishFile, publishModel } from "./publishables.ts";
import type { Selectors } from "./select.ts";
import { type Candidate, type Finding, runToBucket } from "./to-bucket.ts";

export interface PublishOptions extends ToBucketOptions {
  /** What the one file that is published is to be called. @default the entry that knows it, else from its own name */
  readonly name?: string | undefined;
  /** Where the one file that is published belongs in a tree. @default as its entry says, or its header shows */
  readonly path?: string | undefined;
}

/** What is to be published. */
export interface PublishSubjects {
  readonly models: readonly Model[];
  readonly files: readonly NamedFile[];
}

const LOOKS = 16;
/** Files that are read for their digest at a time. */
const READS = 2;

/** Publishes `subjects`. @throws ModelsError as `runToBucket` */
export async function publish(
  subjects: PublishSubjects,
  options: PublishOptions,
  context: { readonly ports: PublishPorts; readonly settings: PublishSettings },
): Promise<PublishResult> {
  const { models, files } = subjects;
  const count = models.length + files.length;
  return await runToBucket(
    { verb: "publish", count, find: (finding) => find(subjects, context.ports, finding) },
    options,
    context,
  );
}

/**
 * What a request means: `selected`, then every model that `models` names, then every file that it names instead, and
 * with `all` every model of the catalogue that is on this box.
 * @throws ModelsError `MODEL_UNKNOWN`, `USAGE`
 */
export async function publishSubjects(
  {
    models: words = [],
    all = false,
    name,
    path,
  }: Pick<Selectors, "models"> & PublishOptions & { readonly all?: boolean },
  selected: readonly Model[],
  { ports: { catalog, tree }, settings: { cwd } }: { readonly ports: PublishPorts; readonly settings: PublishSettings },
): Promise<PublishSubjects> {
  const named: Model[] = [];
  const files: NamedFile[] = [];
  for (const word of words) {
    const file = resolve(cwd, word);
    // A model's name wins over a file that happens to be called so.
    if (!catalog.models.has(word) && (await isFile(file))) files.push({ file, name, path });
    else named.push(modelNamed(catalog, word));
  }
  const present = all ? await modelsHere(catalog, tree) : [];
  const models = [...new Map([...selected, ...named, ...present].map((model) => [model.name, model])).values()];
  refuseStrayName({ models, files }, name ?? path);
  if (models.length + files.length > 0) return { models, files };
  throw new ModelsError("USAGE", "Cannot publish: no file, model or kit is named", {
    fix: "name some, such as a file, a model's name, --kit flux or --all",
  });
}

function refuseStrayName({ models, files }: PublishSubjects, asked: string | undefined): void {
  if (asked === undefined || (files.length === 1 && models.length === 0)) return;
  throw new ModelsError("USAGE", "Cannot use --name or --path here: they are for one file", {
    fix: "name one file and nothing else, or leave them out",
  });
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}

async function modelsHere({ models }: Catalog, tree: Tree): Promise<readonly Model[]> {
  const all = [...models.values()];
  const findings = await mapLimit(all, LOOKS, (model) => tree.check(model));
  return all.filter((_, index) => findings[index]?.status === "present" || findings[index]?.status === "unverified");
}

async function find(
  { models, files }: PublishSubjects,
  ports: PublishPorts,
  { report, signal, fail }: Finding,
): Promise<readonly Candidate[]> {
  const options: FindOptions = {
    signal,
    onReading: (model, doneBytes, size) => report({ kind: "file-verifying", model, doneBytes, size }),
  };
  const asked = [
    ...models.map((model) => ({
      name: model.name,
      path: model.path as string,
      run: () => publishModel(ports, model, options),
    })),
    ...files.map((file) => ({ name: file.file, path: file.file, run: () => publishFile(ports, file, options) })),
  ];
  const found = await mapLimit(asked, READS, async ({ name, path, run }) => {
    try {
      return toCandidate(await run(), ports.tree);
    } catch (error) {
      fail(name, path, error);
      return null;
    }
  });
  return found.filter((one) => one !== null);
}

function toCandidate(publishable: Publishable, tree: Tree): Candidate {
  const { file, sha256, isProofWanted } = publishable;
  const candidate: Candidate = { ...publishable, from: [file], origin: { kind: "file", path: file } };
  const isUnchanged = async (): Promise<boolean> => (await tree.rememberedDigest(file)) === sha256;
  return isProofWanted ? candidate : { ...candidate, isUnchanged };
}
