/** The format of a manifest, and what its entries become. */
import { z } from "zod";
import type { Sha256 } from "../base/artifact.ts";
import type { Problem } from "../base/errors.ts";
import type { TreePath } from "../base/paths.ts";
import { type Checked, checkDocument } from "./check.ts";
import type { Document } from "./document.ts";
import {
  nameField,
  pathField,
  schemaField,
  sha256Field,
  sizeField,
  sourceField,
  textField,
  versionField,
} from "./fields.ts";
import type { Model } from "./model.ts";
import { canonicalSource } from "./source-uri.ts";

/** One model, as a manifest writes it. */
export interface ManifestEntry {
  readonly name: string;
  readonly path: string;
  readonly aliases?: readonly string[] | undefined;
  readonly size?: number | null | undefined;
  readonly sha256?: string | null | undefined;
  readonly digestFrom?: string | null | undefined;
  readonly license?: string | null | undefined;
  readonly gated?: boolean | null | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly pieces?: string | null | undefined;
  readonly variant?: string | null | undefined;
  readonly note?: string | null | undefined;
}

const entrySchema: z.ZodType<ManifestEntry> = z.strictObject({
  name: nameField.describe("The name by which kits, lockfiles and people call the model."),
  path: pathField.describe("Where it belongs below the models folder."),
  aliases: z.array(pathField).optional().describe("Other places below the models folder where it is looked for."),
  size: sizeField.nullish().describe("Bytes."),
  sha256: sha256Field.nullish().describe("The sha256 of the file's bytes, in lower-case hex."),
  digestFrom: textField.nullish().describe("Who says so, where the digest was not proven."),
  license: textField.nullish().describe("The licence as the source names it, such as apache-2.0."),
  gated: z.boolean().nullish().describe("True when the source gives it only to people who accepted its terms."),
  sources: z.array(sourceField).optional().describe("Where it can be had, as URIs."),
  pieces: textField.nullish().describe("URI or path of a piece table."),
  variant: textField.nullish().describe("What sets it apart from its siblings, such as fp8."),
  note: textField.nullish().describe("A line for people."),
});

/** What a manifest file holds. */
export interface ManifestFile {
  readonly $schema?: string | undefined;
  readonly version: 1;
  readonly models: readonly ManifestEntry[];
}

/** The schema of a manifest file. */
export const manifestSchema: z.ZodType<ManifestFile> = z
  .strictObject({ $schema: schemaField, version: versionField, models: z.array(entrySchema) })
  .describe("Models: what they are, where they belong and where they can be had.");

/** An entry with the document that it stands in, so that a later problem can be placed. */
export interface PlacedModel {
  readonly model: Model;
  readonly document: Document;
  /** Its number in the document's `models`. */
  readonly index: number;
}

/** The entries of a manifest, or everything that is wrong with it. */
export function readManifest(document: Document): Checked<readonly PlacedModel[]> {
  const checked = checkDocument(manifestSchema, document);
  if (checked.kind === "bad") return checked;
  const value = checked.value.models.map((entry, index) => ({
    model: toModel(entry, document.placeOf(["models", index])),
    document,
    index,
  }));
  const problems = value.flatMap(repeatedSources);
  return problems.length > 0 ? { kind: "bad", problems } : { kind: "ok", value };
}

function toModel(entry: ManifestEntry, at: string): Model {
  return {
    name: entry.name,
    path: entry.path as TreePath,
    aliases: (entry.aliases ?? []) as TreePath[],
    size: entry.size ?? null,
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
