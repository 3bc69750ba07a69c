import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { checkDocument } from "../../src/catalog/check.ts";
import type { Checked } from "../../src/catalog/checked.ts";
import { checkConfig } from "../../src/catalog/config.ts";
import { configSchema } from "../../src/catalog/config-schema.ts";
import type { Document } from "../../src/catalog/document.ts";
import { checkKit } from "../../src/catalog/kit.ts";
import { kitSchema } from "../../src/catalog/kit-schema.ts";
import { lockSchema } from "../../src/catalog/lock-schema.ts";
import { checkLock } from "../../src/catalog/lockfile.ts";
import { checkManifest } from "../../src/catalog/manifest.ts";
import { manifestSchema } from "../../src/catalog/manifest-schema.ts";
import { readDocument } from "../../src/catalog/read.ts";
import { digest } from "./texts.ts";

const VALUES = {
  version: [1],
  name: ["a", "flux1-dev", "a b", "-a", "", 1],
  path: ["loras/a.safetensors", "../a", "a//b", "CON", ""],
  size: [0, 5, 9007199254740991, null, -1, 1.5, 9007199254740992, "5"],
  sha256: [digest(1), null, digest(1).toUpperCase(), "x", 5],
  aliases: [[], ["unet/a"], ["/a"], "unet/a", null],
  sources: [[], ["hf://o/r@main/x"], ["r2://b/k", "ftp://x"], ["hf://o"], null],
  license: ["mit", null, " ", "", "x".repeat(2001), true],
  gated: [true, false, null, "true"],
  note: ["a line", null, 7],
  digestFrom: ["single list", null, ""],
  pieces: ["x.json", null, []],
  variant: ["fp8", null, {}],
  description: ["a kit", null, ""],
  includes: [["a"], [], ["a b"], null],
  $schema: ["./x.schema.json", 5],
  unknown: [1],
};

function mostly([first, ...others]: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(first) },
    { weight: 1, arbitrary: fc.constantFrom(first, ...others) },
  );
}

/** Mostly right: each key has its right values first, and wrong ones seldom. */
function record(...keys: readonly (keyof typeof VALUES)[]): fc.Arbitrary<object> {
  const model = Object.fromEntries(keys.map((key) => [key, mostly(VALUES[key])]));
  const usual = fc.record(model, { requiredKeys: keys.filter((key) => ["version", "name", "path"].includes(key)) });
  return fc.oneof({ weight: 8, arbitrary: usual }, { weight: 1, arbitrary: fc.record(model, { requiredKeys: [] }) });
}

const entry = record(
  "name",
  "path",
  "size",
  "sha256",
  "aliases",
  "sources",
  "license",
  "gated",
  "note",
  "digestFrom",
  "pieces",
  "variant",
);
const listed = (item: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc
    .tuple(record("version", "$schema"), fc.array(item, { maxLength: 2 }))
    .map(([head, models]) => ({ ...head, models }));
const lockedKeys = ["name", "path", "size", "sha256", "sources"] as const;
const locked = record(...lockedKeys).map((one) => ({
  ...Object.fromEntries(lockedKeys.map((key) => [key, VALUES[key][0]])),
  ...one,
}));

const CONFIG_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  $schema: ["./config.schema.json", 5],
  version: [1, 2, "1"],
  root: ["models", "", " ", "a\0b", 5],
  manifests: [["manifests"], [], [""], "manifests"],
  lockfile: ["a.yaml", null],
  mirrors: [
    [{ name: "a", template: "https://m.example.net/{path}" }],
    [{ name: "a b", template: "https://m.example.net/{path}" }],
    [{ name: "a", template: "https://m.example.net/" }],
    [{ name: "a", template: "https://m.example.net/{nothing}" }],
    [{ name: "a" }],
  ],
  limits: [
    { maxRate: "50MB", lanes: 8, lanesPerHost: 256, files: 1, reserve: 0 },
    { maxRate: 0 },
    { maxRate: "fast" },
    { reserve: "0" },
    { reserve: -1 },
    { lanes: 0 },
    { lanes: 257 },
    { files: 1.5 },
    { files: "1" },
    { unknown: 1 },
    null,
  ],
  hosts: [
    { "models.example.net": { token: "TOKEN", scheme: "basic" } },
    { "models.example.net:80": { token: "TOKEN" } },
    { "models.example.net": { token: "TOKEN", scheme: "header", header: "X-Api-Key" } },
    { "models.example.net": { token: "TOKEN", scheme: "header" } },
    { "models.example.net": { token: "TOKEN", header: "X-Api-Key" } },
    { "models.example.net": { token: "hf_secret" } },
    { "Models.example.net": { token: "TOKEN" } },
    { "models.example.net": {} },
    [],
  ],
  buckets: [
    { weights: { endpoint: "https://s3.example.net", accessKeyId: "ID", secretAccessKey: "KEY", sessionToken: "S" } },
    { weights: { region: "auto", publicUrl: "https://pub.example.net/x" } },
    { weights: { accessKeyId: "ID" } },
    { weights: { secretAccessKey: "KEY" } },
    { weights: { endpoint: "s3.example.net" } },
    { weights: { endpoint: "https://user@s3.example.net" } },
    { W: {} },
    { weights: null },
  ],
  caFile: ["ca.pem", ""],
  allowPickle: [true, false, ["a"], ["a b"], "yes", []],
  trustFirstUse: [false, "no", null],
  extraModelPaths: [["extra.yaml"], [" "]],
  comfyui: ["http://127.0.0.1:8188", "127.0.0.1:8188"],
  workflowHosts: [["models.example.net"], ["https://models.example.net"]],
};

const config: fc.Arbitrary<object> = fc.record(
  Object.fromEntries(Object.entries(CONFIG_VALUES).map(([key, values]) => [key, mostly(values)])),
  { requiredKeys: [] },
);

type Check = (document: Document) => Promise<Checked<unknown>>;

describe("the plain shapes", () => {
  it.each<[string, fc.Arbitrary<object>, Check, z.ZodType]>([
    ["manifest", listed(entry), checkManifest, manifestSchema],
    ["kit", record("version", "name", "description", "includes", "$schema", "unknown"), checkKit, kitSchema],
    ["lockfile", listed(locked), checkLock, lockSchema],
    ["config", config, checkConfig, configSchema],
  ])("accept of a %s only what its schema accepts, and refuse for its reasons", async (_, documents, check, schema) => {
    const seen = { ok: 0, bad: 0 };
    await fc.assert(
      fc.asyncProperty(documents, async (root) => {
        const read = await readDocument("m.json", JSON.stringify(root));
        if (read.kind === "bad") throw new Error("unreadable");
        const checked = await check(read.document);
        expect(checked).toEqual(checkDocument(schema, read.document));
        seen[checked.kind] += 1;
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(seen.ok, seen.bad)).toBeGreaterThan(10);
  });
});
