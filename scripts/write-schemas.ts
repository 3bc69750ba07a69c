/** Writes the JSON Schemas that editors use to complete and check manifests, kits, configs and endpoints. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";
import { configSchema } from "../src/catalog/config-schema.ts";
import { endpointsSchema } from "../src/catalog/endpoints.ts";
import { kitSchema } from "../src/catalog/kit-schema.ts";
import { manifestSchema } from "../src/catalog/manifest-schema.ts";

const SCHEMAS: readonly (readonly [path: string, title: string, schema: z.ZodType])[] = [
  ["manifests/manifest.schema.json", "modelferry manifest", manifestSchema],
  ["manifests/config.schema.json", "modelferry config", configSchema],
  ["kits/kit.schema.json", "modelferry kit", kitSchema],
  ["manifests/endpoints.schema.json", "modelferry endpoints", endpointsSchema],
];

/** The text of every schema file, by its absolute path. */
export function schemaFiles(): ReadonlyMap<string, string> {
  return new Map(
    SCHEMAS.map(([path, title, schema]) => [
      fileURLToPath(new URL(`../${path}`, import.meta.url)),
      `${JSON.stringify({ title, ...z.toJSONSchema(schema, { io: "input" }) }, null, 2)}\n`,
    ]),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [path, text] of schemaFiles()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
