/** How Civitai is a mirror: its download endpoint, its signed storage links, what its metadata declares. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import type { Credential, HttpAnswer } from "../net/http.ts";
import { askBeginning, isProbe, readProbe } from "./probe.ts";
import type { SourceContext, SourceKind } from "./source.ts";
import { type CivitaiSource, formatSource } from "./uri.ts";

const MAX_METADATA_BYTES = 8 * 1024 * 1024;

export const civitaiSource: SourceKind<CivitaiSource> = {
  label: (_source, { civitai }) => new URL(civitai.endpoint).host,
  resolve: async (source, asking, signal) => {
    const { endpoint, token } = asking.settings.civitai;
    const base = endpoint.replace(/\/+$/, "");
    const headers = token === null ? null : { authorization: `Bearer ${token.reveal()}` };
    const credential = headers === null ? null : { origin: new URL(base).origin, headers };
    const query = new URLSearchParams(source.choice).toString();
    const url = `${base}/api/download/models/${source.version}${query === "" ? "" : `?${query}`}`;
    const about = `${base}/api/v1/model-versions/${source.version}`;
    const [answer, sha256] = await Promise.all([
      askBeginning(asking, { url, credential, signal }),
      declaredSha256(about, source, { context: asking, credential, signal }),
    ]);
    if (!isProbe(answer) || isLoginPage(answer, base)) throw civitaiRefusal(answer, source, token !== null);
    return {
      ...readProbe(answer, { ...asking, name: formatSource(source), credential }),
      sha256,
      revision: null,
      staleAtMs: null,
    };
  },
};

interface MetadataVisit {
  readonly context: SourceContext;
  readonly credential: Credential | null;
  readonly signal: AbortSignal;
}

/** The digest in the version's metadata; null when it cannot be had, which is no reason not to download. */
async function declaredSha256(url: string, source: CivitaiSource, visit: MetadataVisit): Promise<Sha256 | null> {
  const { context, credential, signal } = visit;
  try {
    const answer = await context.http.request({ url, credential, maxBytes: MAX_METADATA_BYTES, signal });
    if (answer.status !== 200) return null;
    return digestIn(JSON.parse(Buffer.from(answer.body).toString("utf8")), source);
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** The names that are looked for in Civitai's answers; anything may stand under them. */
type Json = { readonly [name in Field]?: unknown };
type Field = "files" | "id" | "type" | "primary" | "metadata" | "hashes" | "SHA256" | "error" | "message" | "deadline";

const asRecord = (value: unknown): Json => (typeof value === "object" && value !== null ? value : {});

/** A text or a number in lower case; anything else is no word, and an object may even refuse to become one. */
export function wordIn(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).toLowerCase() : "";
}

/** The digest of the one file that `source` chooses; null when the choice leaves several. */
export function digestIn(metadata: unknown, source: CivitaiSource): Sha256 | null {
  const { hashes } = asRecord(choiceIn(metadata, source));
  const sha256 = wordIn(asRecord(hashes).SHA256);
  return isSha256(sha256) ? sha256 : null;
}

/** The one file of the version's metadata that `source` chooses; undefined when the choice leaves several. */
export function choiceIn(metadata: unknown, source: CivitaiSource): unknown {
  const { files } = asRecord(metadata);
  const all = Array.isArray(files) ? files.map(asRecord) : [];
  const chosen = all.filter((file) =>
    Object.entries(source.choice).every(([name, value]) => hasChoice(file, name, value)),
  );
  const primary = chosen.filter((file) => file.primary === true);
  return chosen.length === 1 ? chosen[0] : primary.length === 1 ? primary[0] : undefined;
}

function hasChoice(file: Json, name: string, value: string): boolean {
  const metadata: Readonly<Record<string, unknown>> = { ...asRecord(file.metadata) };
  const said = name === "fileId" ? file.id : name === "type" ? file.type : metadata[name];
  return wordIn(said) === value.toLowerCase();
}

/** Who is not logged in is sometimes led to a page instead of being refused. */
const isLoginPage = (answer: HttpAnswer, base: string): boolean =>
  new URL(answer.url).origin === new URL(base).origin && /^\/login\b/.test(new URL(answer.url).pathname);

function civitaiRefusal(answer: HttpAnswer, source: CivitaiSource, hasToken: boolean): ModelsError {
  const name = formatSource(source);
  const said = saidIn(answer);
  const status = isProbe(answer) ? "with its login page" : String(answer.status);
  const seen = `${new URL(answer.url).host} answers ${status}${said === "" ? "" : ` (${said})`}`;
  const page = `https://civitai.com/model-versions/${source.version}`;
  if (answer.status === 404) {
    return new ModelsError("SOURCE_NOT_FOUND", `Cannot find "${name}": ${seen}`, {
      fix: `check ${page}, it may have been taken down`,
    });
  }
  if (answer.status === 410) {
    return new ModelsError("SOURCE_NOT_FOUND", `Cannot find "${name}": it is archived, ${seen}`, {
      fix: "add another source",
    });
  }
  if (answer.status === 403) {
    const fix = `check ${page}: it may be in early access or closed to the account of CIVITAI_TOKEN`;
    return new ModelsError("SOURCE_GATED", `Cannot read "${name}": ${seen}`, { fix });
  }
  if (answer.status === 401 || isProbe(answer)) {
    const fix = hasToken
      ? "make a new API key at https://civitai.com/user/account, or check that the author allows downloads"
      : "make an API key at https://civitai.com/user/account and set CIVITAI_TOKEN";
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${seen}`, { fix });
  }
  return new ModelsError("MIRROR_FAILED", `Cannot read "${name}": ${seen}, expected a file`);
}

/** The site's own words, and the day on which early access ends. */
function saidIn(answer: HttpAnswer): string {
  if (!/json/i.test(answer.headers["content-type"] ?? "")) return "";
  try {
    const { error, message, deadline } = asRecord(JSON.parse(Buffer.from(answer.body).toString("utf8")));
    const words = [error, message].find((one) => typeof one === "string");
    const day = typeof deadline === "string" ? `until ${deadline}` : undefined;
    return [words, day]
      .filter((one) => one !== undefined)
      .join(", ")
      .replace(/[^\x20-\x7e]/g, " ")
      .slice(0, 200);
  } catch {
    return "";
  }
}
