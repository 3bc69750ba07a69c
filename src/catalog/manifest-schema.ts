/** The schema of a manifest. */
import { z } from "zod";
import {
  lineField,
  nameField,
  pathField,
  roughSizeField,
  schemaField,
  sha256Field,
  sizeField,
  sourceField,
  versionField,
} from "./fields.ts";
import type { ManifestEntry, ManifestFile } from "./manifest.ts";

const entrySchema: z.ZodType<ManifestEntry> = z.strictObject({
  name: nameField.describe("The name by which kits, lockfiles and people call the model."),
  path: pathField.describe("Where it belongs below the models folder."),
  aliases: z.array(pathField).optional().describe("Other places below the models folder where it is looked for."),
  size: sizeField.nullish().describe("Bytes."),
  roughSize: roughSizeField.nullish().describe("As a public list rounds it, where nobody says the exact number."),
  sha256: sha256Field.nullish().describe("The sha256 of the file's bytes, in lower-case hex."),
  digestFrom: lineField.nullish().describe("Who says so, where the digest was not proven."),
  license: lineField.nullish().describe("The licence as the source names it, such as apache-2.0."),
  gated: z.boolean().nullish().describe("True when the source gives it only to people who accepted its terms."),
  sources: z.array(sourceField).optional().describe("Where it can be had, as URIs."),
  pieces: lineField.nullish().describe("URI or path of a piece table."),
  variant: lineField.nullish().describe("What sets it apart from its siblings, such as fp8."),
  note: lineField.nullish().describe("A line for people."),
});

/** The schema of a manifest file. */
export const manifestSchema: z.ZodType<ManifestFile> = z
  .strictObject({ $schema: schemaField, version: versionField, models: z.array(entrySchema) })
  .describe("Models: what they are, where they belong and where they can be had.");
