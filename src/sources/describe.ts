/** What a source's own site says about a file for people: its name, its licence, what kind of model it is. */
import { basename } from "node:path";
import type { Credential } from "../net/http.ts";
import { choiceIn, wordIn } from "./civitai.ts";
import type { SourceContext } from "./source.ts";
import { type CivitaiSource, type HubSource, parseSource } from "./uri.ts";

export interface SourceDescription {
  /** The file's name, as the site has it; empty when it does not say. */
  readonly fileName: string;
  /** The path at which its publisher keeps it; the name alone where there is none. */
  readonly path: string;
  /** As the site names it, such as `apache-2.0`, or null. */
  readonly license: string | null;
  /** True when the site gives it only to people who accepted its terms. */
  readonly gated: boolean;
  /** The folder that the site's own kind of model stands for, or null. */
  readonly folder: string | null;
}

const MAX_BYTES = 8 * 1024 * 1024;

/** Civitai's kinds of models, by the folders of ComfyUI. */
const CIVITAI_FOLDERS: Readonly<Record<string, string>> = {
  checkpoint: "checkpoints",
  lora: "loras",
  locon: "loras",
  dora: "loras",
  vae: "vae",
  textualinversion: "embeddings",
  controlnet: "controlnet",
  upscaler: "upscale_models",
  hypernetwork: "hypernetworks",
  motionmodule: "animatediff_models",
};

/**
 * Describes `uri`. What the site does not say, or cannot be asked, is left open.
 * @throws ModelsError `SOURCE_INVALID`; the signal's reason when it is aborted
 */
export async function describeSource(
  uri: string,
  context: SourceContext,
  signal: AbortSignal,
): Promise<SourceDescription> {
  const source = parseSource(uri);
  if (source.kind === "hf") return await describeHub(source, context, signal);
  if (source.kind === "civitai") return await describeCivitai(source, context, signal);
  if (source.kind === "web") return named(decodeURIComponent(new URL(source.url).pathname));
  return named(source.kind === "file" ? source.path : source.key);
}

function named(path: string): SourceDescription {
  return { fileName: basename(path), path, license: null, gated: false, folder: null };
}

/** The names that are looked for in the answers; anything may stand under them. */
type Json = { readonly [name in "gated" | "cardData" | "license" | "tags" | "model" | "type" | "name"]?: unknown };

const asRecord = (value: unknown): Json => (typeof value === "object" && value !== null ? value : {});

async function describeHub(source: HubSource, context: SourceContext, signal: AbortSignal): Promise<SourceDescription> {
  const { endpoint, token } = context.settings.hub;
  const headers = token === null ? null : { authorization: `Bearer ${token.reveal()}` };
  const url = `${endpoint}/api/models/${source.repo}`;
  const about = asRecord(await askJson(url, { endpoint, headers, context, signal }));
  const tagged = Array.isArray(about.tags)
    ? about.tags.filter((tag) => typeof tag === "string").find((tag) => tag.startsWith("license:"))
    : undefined;
  const license = asRecord(about.cardData).license ?? tagged?.slice("license:".length);
  return {
    ...named(source.path),
    path: `${source.repo}/${source.path}`,
    license: typeof license === "string" && /^[\w.+-]{1,60}$/.test(license) ? license : null,
    gated: about.gated === "auto" || about.gated === "manual" || about.gated === true,
  };
}

async function describeCivitai(
  source: CivitaiSource,
  context: SourceContext,
  signal: AbortSignal,
): Promise<SourceDescription> {
  const { endpoint, token } = context.settings.civitai;
  const headers = token === null ? null : { authorization: `Bearer ${token.reveal()}` };
  const url = `${endpoint}/api/v1/model-versions/${source.version}`;
  const about = await askJson(url, { endpoint, headers, context, signal });
  const file = asRecord(choiceIn(about, source));
  const kind = wordIn(asRecord(asRecord(about).model).type);
  // A version of a checkpoint may hold its VAE as a second file.
  const own = wordIn(file.type) === "vae" ? "vae" : kind;
  const fileName = typeof file.name === "string" ? basename(file.name) : `civitai-${source.version}`;
  const folder = Object.hasOwn(CIVITAI_FOLDERS, own) ? (CIVITAI_FOLDERS[own] ?? null) : null;
  return { fileName, path: fileName, license: null, gated: false, folder };
}

interface Asking {
  readonly endpoint: string;
  readonly headers: Credential["headers"] | null;
  readonly context: SourceContext;
  readonly signal: AbortSignal;
}

async function askJson(url: string, { endpoint, headers, context, signal }: Asking): Promise<unknown> {
  try {
    const credential = headers === null ? null : { origin: new URL(endpoint).origin, headers };
    const answer = await context.http.request({ url, credential, maxBytes: MAX_BYTES, signal });
    return answer.status === 200 ? JSON.parse(Buffer.from(answer.body).toString("utf8")) : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
