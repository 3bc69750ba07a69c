/** Civitai's protocol: a download endpoint that redirects to signed storage, and the metadata of a model's versions. */
import type { Sha256 } from "../../src/base/artifact.ts";
import { type Content, sha256Of, sizeOf } from "./content.ts";
import { type LoggedRequest, type Origin, type OriginOptions, startOrigin } from "./origin.ts";
import { type Asked, type Reply, replyJson, replyWith } from "./reply.ts";
import { type SignedHost, type SignedHostOptions, startSignedHost } from "./signed-host.ts";

interface CivitaiFile {
  readonly name: string;
  readonly content: Content;
  /** @default "Model" */
  readonly type?: string;
  /** @default "SafeTensor" */
  readonly format?: string;
  /** @default "full" */
  readonly size?: string;
  /** @default "fp16" */
  readonly fp?: string;
}

/** Who may download a version: everyone, who is logged in, nobody yet, nobody any more, nobody so fast. */
export type CivitaiAccess = "open" | "login" | "early-access" | "archived" | "disabled" | "throttled";

interface CivitaiVersion {
  readonly id: number;
  readonly modelId?: number;
  readonly name?: string;
  readonly files: readonly CivitaiFile[];
  /** @default "open" */
  readonly access?: CivitaiAccess;
}

export interface CivitaiOptions extends OriginOptions {
  readonly versions: readonly CivitaiVersion[];
  /** The API keys that exist. @default none */
  readonly tokens?: readonly string[];
  /** The host that downloads lead to. @default 127.0.0.2, with the site's own `tls` */
  readonly storage?: SignedHostOptions;
}

export interface Civitai extends AsyncDisposable {
  readonly endpoint: string;
  readonly origin: Origin;
  readonly storage: Origin;
  readonly links: Pick<SignedHost, "expireLinks" | "setLinkSeconds">;
  /** Requests to the storage that carried a credential: must stay empty. */
  readonly leaks: () => readonly LoggedRequest[];
  readonly close: () => Promise<void>;
}

interface KnownFile extends Required<CivitaiFile> {
  readonly id: number;
  readonly sha256: Sha256;
}

interface KnownVersion extends Required<Omit<CivitaiVersion, "files">> {
  readonly files: readonly KnownFile[];
}

/** Starts the site and its storage. */
export async function startCivitai(options: CivitaiOptions): Promise<Civitai> {
  const versions = await Promise.all(options.versions.map(knownVersion));
  const tls = options.tls === undefined ? {} : { tls: options.tls };
  const storage = await startSignedHost({ host: "127.0.0.2", ...tls, ...options.storage });
  const origin = await startOrigin((asked) => {
    const token = tokenOf(asked);
    const isKnown = token !== null && (options.tokens ?? []).includes(token);
    const download = /^\/api\/download\/models\/(\d+)$/.exec(asked.path);
    if (download !== null) {
      const version = versions.find(({ id }) => id === Number(download[1]));
      return downloadAnswer(version, asked, { isLoggedIn: isKnown, storage });
    }
    return metadataAnswer(versions, asked, origin.url);
  }, options);
  const close = async (): Promise<void> => {
    await Promise.all([origin.close(), storage.origin.close()]);
  };
  return {
    endpoint: origin.url,
    origin,
    storage: storage.origin,
    links: storage,
    leaks: storage.leaks,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function knownVersion(version: CivitaiVersion): Promise<KnownVersion> {
  const defaults = { type: "Model", format: "SafeTensor", size: "full", fp: "fp16" };
  const files = version.files.map(async (file, index) => ({
    ...defaults,
    ...file,
    id: version.id * 10 + index,
    sha256: await sha256Of(file.content),
  }));
  return {
    id: version.id,
    modelId: version.modelId ?? version.id,
    name: version.name ?? "v1.0",
    access: version.access ?? "open",
    files: await Promise.all(files),
  };
}

function tokenOf({ headers, query }: Asked): string | null {
  return /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? query.get("token");
}

interface Visit {
  readonly isLoggedIn: boolean;
  readonly storage: SignedHost;
}

function downloadAnswer(version: KnownVersion | undefined, asked: Asked, { isLoggedIn, storage }: Visit): Reply {
  if (version === undefined) return replyJson(404, { error: "Model not found" });
  const denial = denialOf(version.access, isLoggedIn);
  if (denial !== null) return denial;
  const file = pickFile(version.files, asked.query);
  if (file === undefined) return replyJson(404, { error: "File not found" });
  const location = storage.sign(`/model/${version.modelId}/${file.id}/${file.name}`, file.content, `"${file.id}-2"`);
  return replyWith(307, { Location: location, "Cache-Control": "no-store" });
}

function denialOf(access: CivitaiAccess, isLoggedIn: boolean): Reply | null {
  if (access === "login" && !isLoggedIn) {
    const message = "The creator of this asset requires you to be logged in to download it";
    return replyJson(401, { error: "Unauthorized", message });
  }
  if (access === "disabled") return replyJson(401, { error: "Unauthorized", message: "Downloads are disabled" });
  if (access === "early-access") {
    return replyJson(403, { error: "Early Access", deadline: "2030-01-01T00:00:00.000Z", message: "Early access" });
  }
  if (access === "archived") return replyJson(410, { error: "Model archived, not available for download" });
  if (access === "throttled") return replyJson(429, { error: "Too many requests" }, { "Retry-After": "1" });
  return null;
}

function pickFile(files: readonly KnownFile[], query: URLSearchParams): KnownFile | undefined {
  const isWanted = (key: "type" | "format" | "size" | "fp", file: KnownFile): boolean =>
    !query.has(key) || query.get(key) === file[key];
  return files.find((file) => {
    if (query.has("fileId")) return file.id === Number(query.get("fileId"));
    return (["type", "format", "size", "fp"] as const).every((key) => isWanted(key, file));
  });
}

function metadataAnswer(versions: readonly KnownVersion[], asked: Asked, site: string): Reply {
  const byId = /^\/api\/v1\/model-versions\/(\d+)$/.exec(asked.path)?.[1];
  const byHash = /^\/api\/v1\/model-versions\/by-hash\/([0-9A-Fa-f]+)$/.exec(asked.path)?.[1]?.toUpperCase();
  const found = versions.find(({ id, files }) => {
    if (byId !== undefined) return id === Number(byId);
    return (
      byHash !== undefined && files.some(({ sha256 }) => [sha256, sha256.slice(0, 10)].includes(byHash.toLowerCase()))
    );
  });
  return found === undefined ? replyJson(404, { error: "Model not found" }) : replyJson(200, describe(found, site));
}

function describe({ id, modelId, name, files, access }: KnownVersion, site: string): object {
  return {
    id,
    modelId,
    name,
    status: "Published",
    availability: access === "early-access" ? "EarlyAccess" : "Public",
    model: { name: `Model ${modelId}`, type: "LORA", nsfw: false, poi: false },
    files: files.map((file, index) => ({
      id: file.id,
      sizeKB: sizeOf(file.content) / 1024,
      name: file.name,
      type: file.type,
      pickleScanResult: "Success",
      virusScanResult: "Success",
      metadata: { format: file.format, size: file.size, fp: file.fp },
      hashes: { AutoV2: file.sha256.slice(0, 10).toUpperCase(), SHA256: file.sha256.toUpperCase() },
      primary: index === 0,
      downloadUrl: `${site}/api/download/models/${id}${index === 0 ? "" : `?fileId=${file.id}`}`,
    })),
    downloadUrl: `${site}/api/download/models/${id}`,
  };
}
