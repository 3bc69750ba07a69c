/** The schema of a lockfile. */
import { z } from "zod";
import { nameField, pathField, sha256Field, sizeField, sourceField, versionField } from "./fields.ts";
import type { LockFile } from "./lockfile.ts";

/** The schema of `models.lock.yaml`. */
export const lockSchema: z.ZodType<LockFile> = z.strictObject({
  version: versionField,
  models: z.array(
    z.strictObject({
      name: nameField,
      path: pathField,
      size: sizeField,
      sha256: sha256Field,
      sources: z.array(sourceField),
    }),
  ),
});
