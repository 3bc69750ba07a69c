/** The schema of a kit. */
import { z } from "zod";
import { lineField, nameField, schemaField, versionField } from "./fields.ts";
import type { KitFile } from "./kit.ts";

/** The schema of a kit file. */
export const kitSchema: z.ZodType<KitFile> = z
  .strictObject({
    $schema: schemaField,
    version: versionField,
    name: nameField.describe("The name that --kit takes."),
    description: lineField.nullish().describe("A line for people."),
    includes: z.array(nameField).optional().describe("Names of kits whose models come first."),
    models: z.array(nameField).optional().describe("Names of models."),
    variants: z
      .record(nameField, z.array(nameField))
      .optional()
      .describe("Models to choose between, by the name that --variant takes; the first is taken unless one is named."),
  })
  .describe("A named set of models.");
