/** The format of a kit. */
import { z } from "zod";
import { type Checked, checkDocument } from "./check.ts";
import type { Document } from "./document.ts";
import { nameField, schemaField, textField, versionField } from "./fields.ts";
import type { Kit } from "./model.ts";

/** What a kit file holds. */
export interface KitFile {
  readonly $schema?: string | undefined;
  readonly version: 1;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly includes?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
}

/** The schema of a kit file. */
export const kitSchema: z.ZodType<KitFile> = z
  .strictObject({
    $schema: schemaField,
    version: versionField,
    name: nameField.describe("The name that --kit takes."),
    description: textField.nullish().describe("A line for people."),
    includes: z.array(nameField).optional().describe("Names of kits whose models come first."),
    models: z.array(nameField).optional().describe("Names of models."),
  })
  .describe("A named set of models.");

/** A kit with the document that it stands in, so that a later problem can be placed. */
export interface PlacedKit {
  readonly kit: Kit;
  readonly document: Document;
}

/** The kit of a document, or everything that is wrong with it. */
export function readKit(document: Document): Checked<PlacedKit> {
  const checked = checkDocument(kitSchema, document);
  if (checked.kind === "bad") return checked;
  const { name, description, includes = [], models = [] } = checked.value;
  const at = document.placeOf([]);
  return { kind: "ok", value: { kit: { name, description: description ?? "", includes, models, at }, document } };
}
