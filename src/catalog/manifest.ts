/** The format of a manifest, and what its entries become. */
import type { Sha256 } from "../base/artifact.ts";
import { parseBytes } from "../base/bytes.ts";
import type { Problem } from "../base/errors.ts";
import type { TreePath } from "../base/paths.ts";
import type { Checked } from "./checked.ts";
import type { Document, Placing } from "./document.ts";
import type { Model } from "./model.ts";
import {
  isDigest,
  isFlag,
  isLine,
  isName,
  isPath,
  isRoughSize,
  isSize,
  isSource,
  isVersion,
  listOf,
  mapping,
  orNull,
} from "./shape.ts";
import { canonicalSource } from "./source-uri.ts";

/** One model, as a manifest writes it. */
export interface ManifestEntry {
  readonly name: string;
  readonly path: string;
  readonly aliases?: readonly string[] | undefined;
  readonly size?: number | null | undefined;
  readonly roughSize?: string | null | undefined;
  readonly sha256?: string | null | undefined;
  readonly digestFrom?: string | null | undefined;
  readonly license?: string | null | undefined;
  readonly gated?: boolean | null | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly pieces?: string | null | undefined;
  readonly variant?: string | null | undefined;
  readonly note?: string | null | undefined;
}

/** What a manifest file holds. */
export interface ManifestFile {
  readonly $schema?: string | undefined;
  readonly version: 1;
  readonly models: readonly ManifestEntry[];
}

const isEntry = mapping(
  { name: isName, path: isPath },
  {
    aliases: listOf(isPath),
    size: orNull(isSize),
    roughSize: orNull(isRoughSize),
    sha256: orNull(isDigest),
    digestFrom: orNull(isLine),
    license: orNull(isLine),
    gated: orNull(isFlag),
    sources: listOf(isSource),
    pieces: orNull(isLine),
    variant: orNull(isLine),
    note: orNull(isLine),
  },
);

const isManifest = mapping({ version: isVersion, models: listOf(isEntry) }, { $schema: isLine });

/** An entry with the document that it stands in, so that a later problem can be placed. */
export interface PlacedModel {
  readonly model: Model;
  readonly document: Placing;
  /** Its number in the document's `models`. */
  readonly index: number;
}

/** The entries of a manifest, or everything that is wrong with it. */
export async function readManifest(document: Document): Promise<Checked<readonly PlacedModel[]>> {
  const checked = await checkManifest(document);
  if (checked.kind === "bad") return checked;
  const value = checked.value.models.map((entry, index) => ({
    model: toModel(entry, document.placeOf(["models", index])),
    document,
    index,
  }));
  const problems = [...value.flatMap(repeatedSources), ...value.flatMap(localSources)];
  return problems.length > 0 ? { kind: "bad", problems } : { kind: "ok", value };
}

/** A manifest as its file has it, or everything that is wrong with it. */
export async function checkManifest(document: Document): Promise<Checked<ManifestFile>> {
  if (isManifest(document.root)) return { kind: "ok", value: document.root as ManifestFile };
  const [{ checkDocument }, { manifestSchema }] = await Promise.all([
    import("./check.ts"),
    import("./manifest-schema.ts"),
  ]);
  return checkDocument(manifestSchema, document);
}

function toModel(entry: ManifestEntry, at: string): Model {
  return {
    name: entry.name,
    path: entry.path as TreePath,
    aliases: (entry.aliases ?? []) as TreePath[],
    size: entry.size ?? null,
    ...(entry.roughSize ? { roughSize: parseBytes(entry.roughSize) } : {}),
    sha256: (entry.sha256 ?? null) as Sha256 | null,
    digestFrom: entry.digestFrom ?? null,
    license: entry.license ?? null,
    gated: entry.gated ?? false,
    sources: (entry.sources ?? []).map(canonicalSource),
    pieces: entry.pieces ?? null,
    ...(entry.variant ? { variant: entry.variant } : {}),
    ...(entry.note ? { note: entry.note } : {}),
    at,
  };
}

const NONE: readonly Problem[] = [];

function repeatedSources({ model, document, index }: PlacedModel): readonly Problem[] {
  const { name, sources } = model;
  if (sources.length < 2 || new Set(sources).size === sources.length) return NONE;
  const seen = new Set<string>();
  return sources.flatMap((source, at) => {
    if (seen.size < seen.add(source).size) return [];
    const place = document.placeOf(["models", index, "sources", at]);
    return [{ at: place, message: `"${name}" has this source twice`, fix: "remove one of the two" }];
  });
}

/** What comes over the network must not make this box read its own files. */
function localSources({ model, document, index }: PlacedModel): readonly Problem[] {
  if (!/^[a-z0-9]+:\/\//i.test(document.file) || !model.sources.some(isLocal)) return NONE;
  return model.sources.flatMap((source, at) => {
    if (!isLocal(source)) return [];
    const message = "a manifest from the network names a file of this box";
    return [
      { at: document.placeOf(["models", index, "sources", at]), message, fix: "keep it in a manifest on this box" },
    ];
  });
}

const isLocal = (source: string): boolean => source.startsWith("file:");
