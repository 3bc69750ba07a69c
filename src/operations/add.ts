/** Writes a manifest entry for a source: its figures from whoever declares them, its place from what its header shows. */
import type { Sha256 } from "../base/artifact.ts";
import type { Clock } from "../base/clock.ts";
import { ModelsError } from "../base/errors.ts";
import type { Event, Report } from "../base/events.ts";
import { proposeFolder, tensorsIn } from "../base/formats/propose-folder.ts";
import { MAX_SAFETENSORS_HEADER } from "../base/formats/safetensors.ts";
import type { Mirror } from "../base/mirror.ts";
import { parseTreePath, type TreePath } from "../base/paths.ts";
import type { Catalog, Model } from "../catalog/model.ts";
import type { ManifestChange } from "../catalog/write-manifest.ts";
import type { MemoryReader } from "../net/memory-reader.ts";
import type { SourceDescription } from "../sources/describe.ts";
import { manifestTarget } from "./manifest-target.ts";
import { nameFor } from "./publishables.ts";
import type { MirrorFinder } from "./sync-ports.ts";

export interface AddOptions {
  /** @default from the file's own name */
  readonly name?: string | undefined;
  /** Where it belongs in a tree. @default told by its header, else by its name */
  readonly path?: string | undefined;
  /** Manifest to write to. @default the file that has the entry, else the last one that is configured */
  readonly to?: string | undefined;
  /** Shows the entry and writes nothing. @default false */
  readonly isDryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Event) => void;
}

/** What `models add --json` prints. */
export interface AddReport {
  readonly name: string;
  readonly path: TreePath;
  readonly size: number;
  readonly sha256: Sha256;
  /** Pinned to a commit where there are commits. */
  readonly source: string;
  readonly license: string | null;
  readonly gated: boolean;
  /** The file that it was (or would be) written to. */
  readonly manifest: string;
  /** False when an entry of this digest was there and has one more source now. */
  readonly isNew: boolean;
  /** True when nobody declares the digest, so that it is that of what came. */
  readonly isTrustedOnFirstUse: boolean;
}

/** What asks a source, with no configured mirror in between. */
export interface Asking extends MirrorFinder {
  readonly describe: (uri: string, signal: AbortSignal) => Promise<SourceDescription>;
  readonly pinned: (uri: string, revision: string | null) => string;
  readonly reader: Pick<MemoryReader, "read">;
  /** Reads all of it, for its digest. */
  readonly digestOf: (
    name: string,
    mirror: Mirror,
    options: { signal: AbortSignal; report: Report },
  ) => Promise<Sha256>;
  readonly close: () => Promise<void>;
}

export interface AddPorts {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly openAsking: (report: Report) => Promise<Asking>;
  readonly writeEntry: (file: string, change: ManifestChange) => Promise<void>;
}

export interface AddSettings {
  readonly manifests: readonly string[];
  readonly trustFirstUse: boolean;
}

/**
 * Adds the file at `uri` to a manifest.
 * @throws ModelsError `SOURCE_INVALID`, `SOURCE_NOT_FOUND` and the other codes of sources, `NOT_WEIGHTS`,
 *   `DIGEST_UNKNOWN` (nobody declares it and a first use is not trusted), `USAGE` (the name or place is taken)
 */
export async function addModel(
  uri: string,
  options: AddOptions,
  { ports, settings }: { readonly ports: AddPorts; readonly settings: AddSettings },
): Promise<AddReport> {
  const signal = options.signal ?? new AbortController().signal;
  const report: Report = (body) => options.onEvent?.({ ...body, time: ports.clock.now() });
  const asking = await ports.openAsking(report);
  try {
    const source = fromAddress(uri);
    const about = await asking.describe(source, signal);
    const mirror = await findMirror(asking, source, { about, signal });
    const { catalog } = ports;
    const same = mirror.sha256 === null ? null : modelOf(catalog, mirror.sha256);
    const name = options.name ?? same?.name ?? nameFor(about.fileName);
    const entry = catalog.models.get(name) ?? null;
    const path = parseTreePath(options.path ?? entry?.path ?? (await proposePath({ about, mirror, asking, signal })));
    const manifest = await manifestTarget(entry, options.to, settings.manifests);
    const sha256 = mirror.sha256 ?? (await readDigest(asking, { name, mirror, signal, report }, settings));
    const figures = { name, path, size: mirror.size, sha256 };
    refuseTaken(figures, entry, catalog);
    const pinned = asking.pinned(source, mirror.revision);
    const { license } = about;
    const gated = about.gated ? { gated: true } : {};
    const known = entry?.license ?? license;
    const change = { ...figures, ...gated, ...(known === null ? {} : { license: known }), sources: [pinned] };
    if (options.isDryRun !== true) await ports.writeEntry(manifest, change);
    const isTrustedOnFirstUse = mirror.sha256 === null;
    return {
      ...figures,
      source: pinned,
      license,
      gated: about.gated,
      manifest,
      isNew: entry === null,
      isTrustedOnFirstUse,
    };
  } finally {
    await asking.close();
  }
}

/**
 * A version's page on Civitai is that version; an address that carries a secret is none for a manifest.
 * @throws ModelsError `USAGE`
 */
function fromAddress(uri: string): string {
  if (!URL.canParse(uri)) return uri;
  const { hostname, searchParams } = new URL(uri);
  const secret = [...searchParams.keys()].find((name) => SECRET_PARAMETER.test(name));
  if (secret !== undefined) {
    throw new ModelsError(
      "USAGE",
      `Cannot add an address with "${secret.slice(0, 40)}" in it: it looks like a secret`,
      {
        fix: "leave it out, and name the credential under hosts in models.config.yaml",
      },
    );
  }
  const version = searchParams.get("modelVersionId");
  return /(?:^|\.)civitai\.(?:com|red|green)$/.test(hostname) && version !== null ? `civitai://${version}` : uri;
}

const SECRET_PARAMETER = /token|secret|passw|signature|^sig$|api[-_]?key|^key$|credential|^x-amz-|expires/i;

interface Found {
  readonly about: SourceDescription;
  readonly signal: AbortSignal;
}

async function findMirror(asking: Asking, source: string, { about, signal }: Found): Promise<Mirror> {
  let refusal: ModelsError | null = null;
  // What it is called decides what its first bytes must be.
  const path = `checkpoints/${about.fileName}` as TreePath;
  const wanted = { name: about.fileName, path, size: null, sha256: null, sources: [source], allowPickle: true };
  const [mirror] = await asking.mirrorsOf(wanted, {
    signal,
    onDropped: (_source, _label, error) => {
      refusal ??= error;
    },
  });
  if (mirror !== undefined) return mirror;
  throw refusal ?? new ModelsError("NO_MIRROR", `Cannot add "${source}": it does not answer`);
}

const modelOf = (catalog: Catalog, sha256: Sha256): Model | null =>
  [...catalog.models.values()].find((model) => model.sha256 === sha256) ?? null;

async function proposePath({
  about,
  mirror,
  asking,
  signal,
}: Found & { readonly mirror: Mirror; readonly asking: Asking }): Promise<string> {
  const header = tensorsIn(await readHeader(asking, mirror, signal));
  const told = proposeFolder({ ...header, path: about.path });
  const folder = header.tensors.length === 0 ? (about.folder ?? told) : told;
  return `${folder}/${about.fileName}`;
}

/** The JSON of a safetensors header; empty for everything else. */
async function readHeader({ reader }: Asking, mirror: Mirror, signal: AbortSignal): Promise<string> {
  const read = async (start: number, end: number): Promise<Buffer | null> => {
    const into = Buffer.alloc(end - start);
    const endpoint = await mirror.open(signal);
    const range = { endpoint, start, end, size: mirror.size, into, signal, onReceived: () => undefined };
    return (await reader.read(range)) === null ? into : null;
  };
  const head = mirror.size < 16 ? null : await read(0, 8);
  const length = head?.readBigUInt64LE() ?? 0n;
  if (length === 0n || length > BigInt(Math.min(MAX_SAFETENSORS_HEADER, mirror.size - 8))) return "";
  return (await read(8, 8 + Number(length)))?.toString("utf8") ?? "";
}

interface ToRead {
  readonly name: string;
  readonly mirror: Mirror;
  readonly signal: AbortSignal;
  readonly report: Report;
}

async function readDigest(
  asking: Asking,
  { name, mirror, signal, report }: ToRead,
  { trustFirstUse }: AddSettings,
): Promise<Sha256> {
  if (trustFirstUse) return await asking.digestOf(name, mirror, { signal, report });
  throw new ModelsError("DIGEST_UNKNOWN", `Cannot add "${mirror.source}": ${mirror.label} declares no sha256`, {
    fix: "run it with --trust-first-use, which reads the file and writes down what came",
  });
}

function refuseTaken(
  { name, path, sha256 }: { readonly name: string; readonly path: TreePath; readonly sha256: Sha256 },
  entry: Model | null,
  catalog: Catalog,
): void {
  if (entry !== null && entry.sha256 !== null && entry.sha256 !== sha256) {
    throw new ModelsError("USAGE", `Cannot add "${name}": ${entry.at} has another file under this name`, {
      fix: "give it another name with --name",
    });
  }
  const owner = [...catalog.models.values()].find((model) => model.name !== name && model.path === path);
  if (owner === undefined || owner.sha256 === sha256) return;
  throw new ModelsError("USAGE", `Cannot add "${name}": "${path}" is the place of "${owner.name}" (${owner.at})`, {
    fix: "give it another place with --path",
  });
}
