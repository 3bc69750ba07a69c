/** The schema of a registry file, loaded only to say what is wrong with one. */
import { z } from "zod";
import { checkedText } from "./check.ts";
import { lineField, schemaField, versionField } from "./fields.ts";
import { LOADER_RULE } from "./loader-line.ts";
import type { RegistryText } from "./registry.ts";

const presetSchema = z.strictObject({
  classes: z.array(lineField),
  when: z.record(z.string(), lineField).optional(),
  base: lineField.optional(),
  files: z.array(lineField),
});

/** The schema of a registry file. */
export const registrySchema: z.ZodType<RegistryText> = z.strictObject({
  $schema: schemaField,
  version: versionField,
  package: lineField,
  wrappers: z.array(lineField).optional(),
  loaders: z.array(checkedText(LOADER_RULE)).optional(),
  presets: z.array(presetSchema).optional(),
});
