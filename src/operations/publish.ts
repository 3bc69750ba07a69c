/** Publishes models of the tree and files of this box into a bucket. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ModelsError } from "../base/errors.ts";
import { mapLimit } from "../base/flow.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import { modelNamed } from "../catalog/select.ts";
import type { PublishPorts, PublishResult, PublishSettings, ToBucketOptions } from "./publish-ports.ts";
import { type FindOptions, type NamedFile, type Publishable, publishFile, publishModel } from "./publishables.ts";
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
 * Which of `words` are files of this box and which are models of the catalogue. A model's name wins.
 * @throws ModelsError `MODEL_UNKNOWN`, `USAGE`
 */
export async function splitWords(
  words: readonly string[],
  catalog: Catalog,
  { cwd, name, path }: { readonly cwd: string } & Pick<PublishOptions, "name" | "path">,
): Promise<PublishSubjects> {
  const models: Model[] = [];
  const files: NamedFile[] = [];
  for (const word of words) {
    const file = resolve(cwd, word);
    const isFile = !catalog.models.has(word) && (await stat(file).catch(() => null))?.isFile() === true;
    if (isFile) files.push({ file, name, path });
    else models.push(modelNamed(catalog, word));
  }
  if ((name !== undefined || path !== undefined) && (files.length !== 1 || models.length > 0)) {
    throw new ModelsError("USAGE", "Cannot use --name or --path here: they are for one file", {
      fix: "name one file, or leave them out",
    });
  }
  return { models, files };
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
      return toCandidate(await run());
    } catch (error) {
      fail(name, path, error);
      return null;
    }
  });
  return found.filter((one) => one !== null);
}

function toCandidate(publishable: Publishable): Candidate {
  const { file } = publishable;
  return { ...publishable, from: [file], origin: { kind: "file", path: file } };
}
