/** How modelferry takes part: the real command line with a manifest of its own, and the bare lanes of the library. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isLoopback } from "../../src/base/access.ts";
import { HOME } from "./options.ts";
import type { Offer } from "./rivals.ts";
import type { Command, Contender, Served } from "./terms.ts";

export interface OursSettings {
  readonly name?: string;
  /** Fixed connections, as `--lanes` sets them. @default found while it runs */
  readonly lanes?: number;
  /** A source for a file in place of the origins' addresses. */
  readonly sourceOf?: (file: Served) => string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly rounds?: number;
}

const { BENCH_MODELS } = process.env;
/** The command line that is measured: this tree's own, or that of another build to compare it with. */
export const COMMAND: string = BENCH_MODELS ?? join(HOME, "dist", "bin", "models.cjs");
const LANES = join(HOME, "scripts", "bench", "lanes.mjs");
const KIT = "bench";

const treePath = (file: Served): string => `diffusion_models/${file.name}`;

/** `models sync --kit bench`: process start, manifest, probes, ranges, sha256, fsync, rename, receipts. */
export function syncContender(offer: Offer, settings: OursSettings = {}): Contender {
  const places = writeCatalog(offer, settings);
  const lanes = settings.lanes === undefined ? [] : ["--lanes", String(settings.lanes)];
  const mirrors = offer.origins.filter(isPlain).flatMap((origin) => ["--mirror", `${origin}/{name}.safetensors`]);
  return {
    name: settings.name ?? "modelferry sync",
    kind: "ours",
    isVerifying: true,
    ...(settings.rounds === undefined ? {} : { rounds: settings.rounds }),
    command: (folder): Command => ({
      argv: [
        process.execPath,
        COMMAND,
        "sync",
        ...catalogWords(places),
        "--root",
        join(folder, "models"),
        "--json",
        ...lanes,
        ...mirrors,
      ],
      environment: { ...trust(offer), ...settings.environment },
    }),
    placeOf: (file, folder) => join(folder, "models", treePath(file)),
  };
}

/** The lanes and the scheduler as the library has them, without the digest; no command line leaves the digest out. */
export function lanesContender(offer: Offer): Contender {
  const [file] = offer.files as readonly [Served];
  return {
    name: "modelferry's lanes",
    kind: "ours",
    isVerifying: false,
    command: (folder): Command => ({
      argv: [process.execPath, LANES, `${offer.origins[0]}/${file.name}`, String(file.size), join(folder, file.name)],
      environment: trust(offer),
    }),
  };
}

const trust = ({ caFile }: Offer): Readonly<Record<string, string>> =>
  caFile === null ? {} : { NODE_EXTRA_CA_CERTS: caFile };

/** A manifest takes plain HTTP from this box only; an origin of the own network is named as a mirror. */
const isPlain = (origin: string): boolean => origin.startsWith("http://") && !isLoopback(new URL(origin).hostname);

/** A manifest and a kit with all files of an offer. */
export interface CatalogPlaces {
  readonly manifest: string;
  readonly kit: string;
}

export const catalogWords = ({ manifest, kit }: CatalogPlaces): readonly string[] => [
  "--kit",
  KIT,
  "--manifests",
  manifest,
  "--kits",
  kit,
];

export function writeCatalog(offer: Offer, { name = "plain", sourceOf }: OursSettings = {}): CatalogPlaces {
  const stem = join(offer.lists, name.replace(/[^a-z0-9]+/gi, "-"));
  const sources = (file: Served): readonly string[] =>
    sourceOf === undefined
      ? offer.origins.filter((origin) => !isPlain(origin)).map((origin) => `${origin}/${file.name}`)
      : [sourceOf(file)];
  const models = offer.files.map((file) => modelText(file, sources(file)));
  const names = offer.files.map((file) => `  - ${modelName(file)}`);
  const places = { manifest: `${stem}-manifest.yaml`, kit: `${stem}-kit.yaml` };
  writeFileSync(places.manifest, `version: 1\nmodels:\n${models.join("\n")}\n`);
  writeFileSync(
    places.kit,
    `version: 1\nname: ${KIT}\ndescription: what the benchmark serves\nmodels:\n${names.join("\n")}\n`,
  );
  return places;
}

const modelName = (file: Served): string => file.name.replace(".safetensors", "");

function modelText(file: Served, sources: readonly string[]): string {
  return [
    `  - name: ${modelName(file)}`,
    `    path: ${treePath(file)}`,
    `    size: ${file.size}`,
    `    sha256: ${file.sha256}`,
    "    license: cc0-1.0",
    ...(sources.length === 0 ? [] : ["    sources:"]),
    ...sources.map((source) => `      - ${source}`),
  ].join("\n");
}
