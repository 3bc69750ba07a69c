/** Takes over files that are on this box already: those in their place get receipts, others are linked in. */
import type { Sha256 } from "../base/artifact.ts";
import { check } from "./check.ts";
import { findReusable } from "./find-reusable.ts";
import { readReceipt, writeReceipt } from "./receipt.ts";
import { type ReuseHow, reuse } from "./reuse.ts";
import type { ReadOptions, TreeParts, Wanted, WantedArtifact } from "./terms.ts";

/** What became of one wanted file. */
export interface Adopted {
  readonly name: string;
  readonly path: string;
  /**
   * `present`: had a receipt; `adopted`: was in its place and has one now; `linked`: came from elsewhere on this box;
   * `other-bytes`: what is in its place is something else, and was left alone; `not-found`; `unknown`: the manifest
   * does not say what it ought to be.
   */
  readonly status: "present" | "adopted" | "linked" | "other-bytes" | "not-found" | "unknown";
  readonly sha256: Sha256 | null;
  readonly size: number | null;
  /** Absolute path of the file that it was linked from. */
  readonly from?: string;
  readonly how?: ReuseHow;
}

export interface AdoptOptions extends ReadOptions {
  /** Folders to look in besides the tree itself. @default [] */
  readonly folders?: readonly string[];
  /** The folder that holds `models--org--name/blobs`. @default null */
  readonly hubCache?: string | null;
}

/**
 * Adopts what it can of `wanted`, by size and then by digest; no file that holds other bytes is touched.
 * @throws ModelsError whatever `reuse` throws
 */
export async function adopt(
  parts: TreeParts,
  wanted: readonly Wanted[],
  options: AdoptOptions = {},
): Promise<readonly Adopted[]> {
  const results = new Map<Wanted, Adopted>();
  for (const one of wanted) results.set(one, await adoptInPlace(parts, one, options));
  const missing = wanted.filter((one) => results.get(one)?.status === "not-found").filter(isArtifact);
  const folders = [parts.layout.root, ...(options.folders ?? [])];
  const found = await findReusable(parts, missing, { ...options, adopt: folders, hubCache: options.hubCache ?? null });
  for (const one of missing) {
    const from = found.get(one.sha256);
    if (from === undefined) continue;
    const { how } = await reuse(parts, from, one, options);
    results.set(one, { ...resultOf(one, "linked"), from: from.path, how });
  }
  return [...results.values()];
}

function isArtifact(wanted: Wanted): wanted is WantedArtifact {
  return wanted.size !== null && wanted.sha256 !== null;
}

async function adoptInPlace(parts: TreeParts, wanted: Wanted, options: AdoptOptions): Promise<Adopted> {
  const finding = await check(parts, wanted);
  if (finding.status === "present") return resultOf(wanted, "present");
  if (finding.status === "missing") return resultOf(wanted, isArtifact(wanted) ? "not-found" : "unknown");
  if (finding.status !== "unverified") return resultOf(wanted, "other-bytes");
  if (wanted.sha256 === null) return resultOf(wanted, "unknown");
  const path = parts.layout.fileOf(wanted.path);
  const file = await parts.known.learn(path, options);
  if (file?.sha256 !== wanted.sha256) return resultOf(wanted, "other-bytes");
  const previous = await readReceipt(parts.layout, wanted.path);
  await writeReceipt(parts, {
    ...file.stamp,
    path: wanted.path,
    sha256: wanted.sha256,
    shouldBe: null,
    mirrors: previous?.mirrors ?? [],
    how: "adopted",
    aliases: previous?.aliases ?? [],
  });
  return { ...resultOf(wanted, "adopted"), size: file.stamp.size };
}

function resultOf(wanted: Wanted, status: Adopted["status"]): Adopted {
  const { name, path, sha256, size } = wanted;
  return { name, path, status, sha256, size };
}
