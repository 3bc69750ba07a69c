/** What the tree holds: every weight file, with its proof where there is one. */
import { realpath } from "node:fs/promises";
import { relative, sep } from "node:path";
import type { Sha256 } from "../base/artifact.ts";
import { type TreePath, treePathProblem } from "../base/paths.ts";
import { isReceiptFor, type Receipt, readReceipt } from "./receipt.ts";
import type { TreeParts } from "./terms.ts";
import { type WalkedFile, walkFiles } from "./walk.ts";

export interface TreeEntry {
  /** From the root, with forward slashes; a file that is not ours may have any name. */
  readonly path: string;
  readonly size: number;
  /** What it is proven to hold; null without a valid receipt. */
  readonly sha256: Sha256 | null;
  /** Milliseconds since 1970; null without a valid receipt. */
  readonly verifiedAt: number | null;
  /** Where its bytes came from. */
  readonly mirrors: readonly string[];
  /** False for a file that modelferry neither brought nor adopted, or that was changed since. */
  readonly isOurs: boolean;
  /** The file of the tree that this is a link to, or null. */
  readonly aliasOf: string | null;
}

// What ComfyUI lists (folder_paths.supported_pt_extensions), and what the common custom nodes add to it.
const WEIGHTS = /\.(safetensors|sft|ckpt|pt|pt2|bin|pth|pkl|gguf|onnx|engine|trt|npz|msgpack|tflite)$/i;

/** Lists weight files, and files of any other name that have a receipt, by path. */
export async function list(parts: TreeParts, options: { readonly signal?: AbortSignal } = {}): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const root = await realpath(parts.layout.root).catch(() => parts.layout.root);
  for await (const file of walkFiles(parts.layout.root, options.signal)) {
    const receipt = treePathProblem(file.name) === null ? await readReceipt(parts.layout, file.name as TreePath) : null;
    if (receipt !== null || WEIGHTS.test(file.name)) entries.push(await entryOf(root, file, receipt));
  }
  return entries.sort((one, other) => (one.path < other.path ? -1 : 1));
}

async function entryOf(root: string, file: WalkedFile, receipt: Receipt | null): Promise<TreeEntry> {
  const proof = receipt !== null && isReceiptFor(receipt, file.stamp) ? receipt : null;
  return {
    path: file.name,
    size: file.stamp.size,
    sha256: proof?.sha256 ?? null,
    verifiedAt: proof?.verifiedAt ?? null,
    mirrors: proof?.mirrors ?? [],
    isOurs: proof !== null,
    aliasOf: file.isLink ? await targetInTree(root, file.path) : null,
  };
}

async function targetInTree(root: string, path: string): Promise<string | null> {
  const target = await realpath(path).catch(() => null);
  if (target === null) return null;
  const way = relative(root, target).split(sep);
  return way[0] === ".." ? null : way.join("/");
}
