/** What a person wants to publish: models of the tree, and files anywhere, each with its digest. */
import { open, stat } from "node:fs/promises";
import { basename, relative, resolve, sep } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import { proposeFolder, tensorsIn } from "../base/formats/propose-folder.ts";
import { MAX_SAFETENSORS_HEADER } from "../base/formats/safetensors.ts";
import { joinUnder, parseTreePath, type TreePath } from "../base/paths.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import type { Tree } from "../tree/tree.ts";

export interface Publishable {
  readonly name: string;
  readonly path: TreePath;
  /** The catalogue's entry, or null for a file that no manifest knows. */
  readonly model: Model | null;
  /** Absolute path. */
  readonly file: string;
  readonly size: number;
  readonly sha256: Sha256;
  /** Whether the digest was remembered or declared, so that it must be proven while the file is read. */
  readonly isProofWanted: boolean;
}

/** A file that a person named. */
export interface NamedFile {
  /** Absolute path. */
  readonly file: string;
  /** How it is to be called. @default the entry that knows its digest or place, else from its own name */
  readonly name?: string | undefined;
  /** Where it is to belong. @default as its entry says, else by what its header shows */
  readonly path?: string | undefined;
}

export interface FindOptions {
  readonly signal: AbortSignal;
  /** Hears of files that are read for their digest. */
  readonly onReading: (name: string, doneBytes: number, size: number) => void;
}

interface FindPorts {
  readonly tree: Tree;
  readonly catalog: Catalog;
}

/**
 * A model of the tree, which must be there.
 * @throws ModelsError `MODELS_MISSING`, `DIGEST_MISMATCH` (it is not what its manifest says), `DISK_FAILED`
 */
export async function publishModel({ tree }: FindPorts, model: Model, options: FindOptions): Promise<Publishable> {
  const finding = await tree.check(model, { signal: options.signal });
  const { name, path } = model;
  const file = joinUnder(tree.root, path);
  if (finding.status === "present" && finding.size !== null && finding.sha256 !== null) {
    return { name, path, model, file, size: finding.size, sha256: finding.sha256, isProofWanted: true };
  }
  if (finding.status !== "unverified") {
    const seen = finding.status === "missing" ? "it is not on this box" : `the file at ${path} is ${finding.status}`;
    throw new ModelsError("MODELS_MISSING", `Cannot publish "${name}": ${seen}`, {
      fix: `run models sync ${name} first, or models mirror ${name}, which needs no copy here`,
    });
  }
  return { name, path, model, file, ...(await digested(tree, { name, model, file }, options)) };
}

/**
 * A file anywhere on this box.
 * @throws ModelsError `DISK_FAILED`, `DIGEST_MISMATCH`, `PATH_UNSAFE`, `NOT_WEIGHTS` (an empty file)
 */
export async function publishFile(
  { tree, catalog }: FindPorts,
  asked: NamedFile,
  options: FindOptions,
): Promise<Publishable> {
  const { file } = asked;
  const inTree = placeInTree(tree.root, file);
  const known = knownModel(catalog, asked, inTree);
  if (known !== null && inTree === known.path) return await publishModel({ tree, catalog }, known, options);
  const name = asked.name ?? known?.name ?? nameFor(file);
  const read = await digested(tree, { name, model: known, file }, options);
  const model = known ?? modelOf(catalog, read.sha256);
  const path = asked.path ?? model?.path ?? inTree ?? (await proposePath(file));
  return { ...read, file, name: asked.name ?? model?.name ?? name, path: parseTreePath(path), model };
}

function knownModel(catalog: Catalog, { name }: NamedFile, inTree: string | null): Model | null {
  if (name !== undefined) return catalog.models.get(name) ?? null;
  if (inTree === null) return null;
  return [...catalog.models.values()].find(({ path }) => path === inTree) ?? null;
}

const modelOf = (catalog: Catalog, sha256: Sha256): Model | null =>
  [...catalog.models.values()].find((model) => model.sha256 === sha256) ?? null;

async function digested(
  tree: Tree,
  subject: Pick<Publishable, "name" | "model" | "file">,
  { signal, onReading }: FindOptions,
): Promise<Pick<Publishable, "size" | "sha256" | "isProofWanted">> {
  const { name, model, file } = subject;
  const { size } = await stat(file);
  if (size === 0) throw new ModelsError("NOT_WEIGHTS", `Cannot publish "${name}": ${file} is empty`);
  const remembered = await tree.rememberedDigest(file);
  const declared = model?.sha256 ?? null;
  refuseOther(subject, { size, sha256: remembered });
  // What is known before is proven by the same read that sends it; a file that nobody knows is read for its digest
  // first, since the object carries it from the beginning.
  const known = remembered ?? declared;
  if (known !== null) return { size, sha256: known, isProofWanted: true };
  const onProgress = ({ doneBytes }: { readonly doneBytes: number }): void => onReading(name, doneBytes, size);
  const sha256 = await tree.digestOf(file, { signal, onProgress });
  if (sha256 !== null) return { size, sha256, isProofWanted: false };
  throw new ModelsError("DISK_FAILED", `Cannot publish "${name}": ${file} changes while it is read`);
}

/** What is known not to be what the manifest says, before a byte is sent. */
function refuseOther(
  { name, model, file }: Pick<Publishable, "name" | "model" | "file">,
  seen: { readonly size: number; readonly sha256: Sha256 | null },
): void {
  if (model === null) return;
  const { size, sha256 } = model;
  const isOtherSize = size !== null && size !== seen.size;
  if (!isOtherSize && (sha256 === null || seen.sha256 === null || sha256 === seen.sha256)) return;
  const [has, wants] = isOtherSize
    ? [`${seen.size} bytes`, `${size} bytes`]
    : [`sha256 ${seen.sha256}`, String(sha256)];
  throw new ModelsError("DIGEST_MISMATCH", `Cannot publish "${name}": ${file} has ${has}, its manifest says ${wants}`, {
    fix: "name the right file, or publish it under another name with --name",
  });
}

function placeInTree(root: string, file: string): string | null {
  const way = relative(root, file).split(sep);
  return way[0] === ".." || way[0] === "" || resolve(root, ...way) !== file ? null : way.join("/");
}

/** A name that can stand on a command line and in a manifest, from a file's own. */
export function nameFor(file: string): string {
  const stem = basename(file).replace(/\.(?:safetensors|sft|gguf|ckpt|pth?|bin|onnx)$/i, "");
  const name = stem
    .toLowerCase()
    .replace(/[^a-z0-9.+-]+/g, "-")
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  return name === "" ? "model" : name.slice(0, 200);
}

async function proposePath(file: string): Promise<string> {
  return `${proposeFolder({ ...tensorsIn(await readHeader(file)), path: file })}/${basename(file)}`;
}

/** The JSON of a safetensors header; empty for everything else. */
async function readHeader(file: string): Promise<string> {
  await using handle = await open(file, "r");
  const { buffer: head, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
  const length = bytesRead === 8 ? head.readBigUInt64LE() : 0n;
  if (length === 0n || length > BigInt(MAX_SAFETENSORS_HEADER)) return "";
  const { buffer, bytesRead: got } = await handle.read(Buffer.alloc(Number(length)), 0, Number(length), 8);
  return buffer.subarray(0, got).toString("utf8");
}
