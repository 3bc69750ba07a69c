/** What people and services write: manifests, kits, configs, lockfiles, endpoints, other programs' paths, registries. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { isSha256 } from "../../../src/base/artifact.ts";
import { treePathProblem } from "../../../src/base/paths.ts";
import type { Checked } from "../../../src/catalog/checked.ts";
import { readConfig } from "../../../src/catalog/config.ts";
import { createDocument, type Document } from "../../../src/catalog/document.ts";
import { readEndpoints } from "../../../src/catalog/endpoints.ts";
import { readExtraPaths } from "../../../src/catalog/extra-paths.ts";
import { readJson } from "../../../src/catalog/json.ts";
import { readKit } from "../../../src/catalog/kit.ts";
import { formatLock, parseLock } from "../../../src/catalog/lockfile.ts";
import { readManifest } from "../../../src/catalog/manifest.ts";
import { formatPieceTable, parsePieceTable } from "../../../src/catalog/pieces.ts";
import { readPlainYaml } from "../../../src/catalog/plain-yaml.ts";
import { problemsError } from "../../../src/catalog/problems.ts";
import { readDocument } from "../../../src/catalog/read.ts";
import { NAME } from "../../../src/catalog/rules.ts";
import { readYaml } from "../../../src/catalog/yaml.ts";
import { scratchFile } from "../scratch.ts";
import { mustHold, type Target, textOf, texts } from "../terms.ts";

const FIELDS =
  "version models name path aliases size sha256 digestFrom license gated sources pieces variant note".split(" ");
const SHA = "ab".repeat(32);

const shipped = (folder: string): readonly Uint8Array[] => {
  const place = fileURLToPath(new URL(`../../../${folder}/`, import.meta.url));
  return readdirSync(place)
    .filter((name) => name.endsWith(".yaml"))
    .slice(0, 12)
    .map((name) => readFileSync(place + name).subarray(0, 6000));
};

const MANIFEST = `version: 1
models:
  - name: a
    path: loras/a.safetensors
    aliases: [unet/a.safetensors]
    size: 123
    sha256: ${SHA}
    gated: true # note
    sources:
      - hf://org/repo@main/a.safetensors
      - "https://h/a?b=%20"
  - { name: b, path: vae/b.sft, roughSize: 12.7 GB, sources: [] }
`;

const JSON_MANIFEST = JSON.stringify({
  version: 1,
  models: [{ name: "a", path: "loras/a.sft", size: 5, sha256: SHA, sources: ["r2://bucket/key"], note: "\u00e9\n" }],
});

async function read<T>(file: string, bytes: Uint8Array, then: (document: Document) => Promise<Checked<T>>): Promise<T> {
  const document = await readDocument(file, bytes);
  const checked = document.kind === "ok" ? await then(document.document) : document;
  if (checked.kind === "ok") return checked.value;
  for (const { at } of checked.problems) mustHold(at.startsWith(file), `a problem stands at ${at}`);
  throw problemsError("MANIFEST_INVALID", file, checked.problems);
}

async function runManifest(file: string, bytes: Uint8Array): Promise<void> {
  for (const { model } of await read(file, bytes, readManifest)) {
    mustHold(NAME.test(model.name), "a name is a name");
    mustHold(
      [model.path, ...model.aliases].every((path) => treePathProblem(path) === null),
      "paths are safe",
    );
    mustHold(model.size === null || (Number.isSafeInteger(model.size) && model.size >= 0), "a size is a whole number");
    mustHold(model.sha256 === null || isSha256(model.sha256), "a digest has 64 lower-case hex digits");
    mustHold(
      model.sources.every((source) => /^[a-z0-9]+:\/\//.test(source)),
      "a source has a scheme",
    );
  }
}

/** Three readers of the same language must not differ. */
function runAgreement(bytes: Uint8Array): void {
  const text = textOf(bytes);
  const json = readJson(text);
  if (!("length" in json)) {
    mustHold(isDeepStrictEqual(json.root, JSON.parse(text)), "JSON is read as JSON.parse() reads it");
    for (const path of [[], ["models"], ["models", 0]]) createDocument("x.json", text, json).placeOf(path);
  }
  const plain = readPlainYaml(text);
  if ("stoppedAt" in plain || text.length > 100_000) return;
  const whole = readYaml(text);
  mustHold(!("length" in whole), "the whole language reads what the plain form reads");
  mustHold(isDeepStrictEqual(whole.root, plain.root), "plain YAML is read as the whole language reads it");
}

export const CATALOG_TARGETS: readonly Target[] = [
  {
    name: "manifest",
    seeds: () => [...texts(MANIFEST, "version: 1\nmodels: []\n"), ...shipped("manifests")],
    words: FIELDS,
    codes: ["MANIFEST_INVALID"],
    run: (bytes) => runManifest("m.yaml", bytes),
  },
  {
    name: "manifest-json",
    seeds: () => texts(JSON_MANIFEST, '{"version":1,"models":[]}'),
    words: FIELDS,
    codes: ["MANIFEST_INVALID"],
    run: (bytes) => runManifest("m.json", bytes),
  },
  {
    name: "readers-agree",
    seeds: () => [...texts(MANIFEST, JSON_MANIFEST, "a: 'b'\nc: [1, 2]\nd:\n- x\n- y: ~\n"), ...shipped("kits")],
    words: [...FIELDS, "0x1f", "0o7", ".5", "1.", "+1", ".inf", ".NaN", "True", "on", "~", "1e3", "2020-01-01"],
    codes: [],
    run: runAgreement,
  },
  {
    name: "kit",
    seeds: () => [
      ...texts("version: 1\nname: k\nincludes: [a]\nmodels: [b]\nvariants: { fp8: [c] }\n"),
      ...shipped("kits"),
    ],
    words: ["version", "name", "description", "includes", "models", "variants"],
    codes: ["MANIFEST_INVALID"],
    run: async (bytes) => {
      for (const { kit } of await read("k.yaml", bytes, readKit)) {
        const names = [
          kit.name,
          ...kit.includes,
          ...kit.models,
          ...(kit.variants ?? []).flatMap(({ models }) => models),
        ];
        mustHold(
          names.every((name) => NAME.test(name)),
          "a name is a name",
        );
      }
    },
  },
  {
    name: "config",
    seeds: () =>
      texts(
        "root: m\nmanifests: [a, https://h/m.yaml]\nmirrors:\n  - name: r\n    template: https://h/{path}\n",
        "limits: { maxRate: 50MB, lanes: 4, reserve: 1GB }\nhosts:\n  h.example: { token: T, scheme: header, header: X-K }\n",
        "buckets:\n  weights: { endpoint: https://e, accessKeyId: K, secretAccessKey: S }\nallowPickle: [a]\n",
        `trust:\n  keys:\n    - { name: k, key: RW${"Q".repeat(54)}, notAfter: 2027-12-31, paths: [loras] }\n`,
        "extraModelPaths: [e.yaml]\ncomfyui: http://127.0.0.1:8188\nworkflowHosts: [h]\ncaFile: c.pem\n",
      ),
    words: [
      "trust",
      "keys",
      "rotations",
      "hosts",
      "buckets",
      "mirrors",
      "{path}",
      "{sha256}",
      "{{path}",
      "lanes",
      "root",
    ],
    codes: ["CONFIG_INVALID"],
    run: (bytes) => readConfig(scratchFile("models.config.yaml", bytes)),
  },
  {
    name: "lockfile",
    seeds: () => {
      const entry = `  - name: a\n    path: loras/a.sft\n    size: 5\n    sha256: ${SHA}\n    sources:\n      - hf://o/r@c/a.sft\n`;
      return texts(`version: 1\nmodels:\n${entry}`, `version: 1\nmodels:\n${entry}${entry.replaceAll("a", "c")}`);
    },
    words: FIELDS,
    codes: ["LOCKFILE_INVALID"],
    run: async (bytes) => {
      const lock = await parseLock(bytes, "models.lock.yaml");
      const written = formatLock(lock);
      const again = await parseLock(written, "models.lock.yaml");
      mustHold(formatLock(again) === written, "equal locks give equal texts");
      mustHold(again.models.size === lock.models.size, "a lock that is written is read again");
      for (const [name, one] of lock.models) {
        mustHold(isDeepStrictEqual(again.models.get(name), one), "an entry that is written is read again");
        mustHold(treePathProblem(one.path) === null && isSha256(one.sha256), "what is locked is right");
      }
    },
  },
  {
    name: "endpoints",
    seeds: () =>
      texts(
        "version: 1\nendpoints:\n  - { name: a, group: g, kit: flux, workflow: [w.json], set: { 4.x: y } }\n",
        "version: 1\nendpoints:\n  - name: b\n    models: [m]\n    variant: fp8\n",
      ),
    words: ["endpoints", "name", "group", "kit", "workflow", "models", "variant", "set"],
    codes: ["CONFIG_INVALID"],
    run: async (bytes) => {
      const endpoints = await readEndpoints(scratchFile("endpoints.yaml", bytes));
      mustHold(new Set(endpoints.map(({ name }) => name)).size === endpoints.length, "each name is there once");
    },
  },
  {
    name: "extra-paths",
    seeds: () =>
      texts(
        "a111:\n  base_path: ~/webui\n  is_default: true\n  checkpoints: models/SD\n  loras: |\n    a\n    /b\n",
        "comfyui:\n  base_path: $DISK/x\n  vae: v\nempty:\n",
      ),
    words: ["base_path", "is_default", "checkpoints", "loras", "\u0024{HOME}", "$X", "~/"],
    codes: ["CONFIG_INVALID"],
    run: async (bytes) => {
      const file = scratchFile("extra_model_paths.yaml", bytes);
      const folders = await readExtraPaths(file, { HOME: "/home/me", DISK: "/disk" });
      mustHold(
        folders.every(({ directory }) => directory.startsWith("/")),
        "a directory is absolute",
      );
    },
  },
  {
    name: "pieces",
    seeds: () => {
      const table = {
        size: 33,
        sha256: SHA as never,
        pieceBytes: 16,
        xxh64: ["0".repeat(16), "1".repeat(16), "a".repeat(16)],
      };
      return texts(formatPieceTable(table), formatPieceTable({ ...table, size: 0, xxh64: [] }));
    },
    words: ["version", "size", "sha256", "pieceBytes", "xxh64"],
    codes: ["MANIFEST_INVALID"],
    run: (bytes) => {
      const table = parsePieceTable(textOf(bytes));
      mustHold(isSha256(table.sha256) && Number.isSafeInteger(table.size), "digest and size are right");
      mustHold(table.xxh64.length === Math.ceil(table.size / table.pieceBytes), "there is one digest a piece");
      mustHold(isDeepStrictEqual(parsePieceTable(formatPieceTable(table)), table), "what is written is read again");
    },
  },
];
