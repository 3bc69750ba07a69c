/** What a repository on the Hub is: a commit, its branches, and files that are either pointers to blobs or small and direct. */
import { createHash } from "node:crypto";
import type { Sha256 } from "../../src/base/artifact.ts";
import { bytesOf, type Content, sha256Of, sizeOf } from "./content.ts";

export interface HubRepoOptions {
  /** `org/name`. */
  readonly name: string;
  /** 40 hex digits. @default made from the name */
  readonly commit?: string;
  /** Names that lead to the commit. @default ["main"] */
  readonly branches?: readonly string[];
  readonly files: Readonly<Record<string, Content>>;
  /** Only who was granted access may read; everyone may know that it exists. */
  readonly isGated?: boolean;
  /** Only who was granted access may know that it exists. */
  readonly isPrivate?: boolean;
  /** Taken down by the Hub. */
  readonly isDisabled?: boolean;
  /** Tokens with access to a gated or private repository. @default none */
  readonly granted?: readonly string[];
}

export interface HubFile {
  readonly path: string;
  readonly content: Content;
  readonly size: number;
  /** Known for blobs only; a small file has none. */
  readonly sha256: Sha256 | null;
  /** The git object: of the file itself, or of the pointer in its place. */
  readonly oid: string;
}

export interface HubRepo extends Required<Omit<HubRepoOptions, "files">> {
  readonly files: ReadonlyMap<string, HubFile>;
}

const LARGE = 10 * 1024 * 1024;
/** The `.gitattributes` that every model repository starts with. */
const BLOB_NAMES = /\.(safetensors|gguf|bin|ckpt|pt|pth|onnx|sft|msgpack|h5|model|zip|npz)$/;

export async function createHubRepo(options: HubRepoOptions): Promise<HubRepo> {
  const files = new Map<string, HubFile>();
  for (const [path, content] of Object.entries(options.files)) files.set(path, await hubFile(path, content));
  return {
    name: options.name,
    commit: options.commit ?? createHash("sha1").update(options.name).digest("hex"),
    branches: options.branches ?? ["main"],
    isGated: options.isGated ?? false,
    isPrivate: options.isPrivate ?? false,
    isDisabled: options.isDisabled ?? false,
    granted: options.granted ?? [],
    files,
  };
}

async function hubFile(path: string, content: Content): Promise<HubFile> {
  const size = sizeOf(content);
  if (!BLOB_NAMES.test(path) && size <= LARGE) {
    return { path, content, size, sha256: null, oid: gitOid(await bytesOf(content)) };
  }
  const sha256 = await sha256Of(content);
  return { path, content, size, sha256, oid: gitOid(pointerText(sha256, size)) };
}

function pointerText(sha256: Sha256, size: number): Buffer {
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`);
}

function gitOid(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** True when `revision` names the repository's commit, in full or by a branch. */
export function hasRevision(repo: HubRepo, revision: string): boolean {
  return revision === repo.commit || repo.branches.includes(revision) || isShortOf(repo.commit, revision);
}

const isShortOf = (commit: string, revision: string): boolean =>
  revision.length >= 7 && /^[0-9a-f]+$/.test(revision) && commit.startsWith(revision);
