/** Which source URIs a manifest may hold, before any source resolves them. */
import { isLoopback } from "../base/access.ts";

/** The schemes of sources, as the source table knows them. */
const SOURCE_SCHEMES: readonly string[] = ["hf", "r2", "s3", "civitai", "https", "http", "file"];

const MAX_LENGTH = 2048;
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\\]/;

/** Why `text` cannot be a source, or null when it can. Quotes nothing: a URL may hold a secret. */
export function sourceProblem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  if (UNFIT.test(text)) return "has a backslash, a control character or an invisible one";
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return `has no scheme, expected one of ${SOURCE_SCHEMES.join(", ")}`;
  if (!SOURCE_SCHEMES.includes(scheme)) {
    return `has the unknown scheme "${scheme.slice(0, 20)}", expected one of ${SOURCE_SCHEMES.join(", ")}`;
  }
  // People copy names of files on the Hub as they see them there.
  if (scheme !== "hf" && text.includes(" ")) return "has a space, write it as %20";
  return text.slice(scheme.length).startsWith("://") ? shapeProblem(scheme, text) : `has no "//" after "${scheme}:"`;
}

/** Scheme in lower case; all the rest is the source's own to read. */
export function canonicalSource(text: string): string {
  const end = text.indexOf(":");
  if (!/[A-Z]/.test(text.slice(0, end))) return text;
  return text.slice(0, end).toLowerCase() + text.slice(end);
}

const SHAPES: Readonly<Record<string, readonly [RegExp, string]>> = {
  hf: [/^[^/@]+\/[^/@]+(?:@[^/]+(?:\/refs\/[^/]+)?)?\/.+$/, "hf://org/repo@revision/path"],
  r2: [/^[^/]+\/.+$/, "r2://bucket/key"],
  s3: [/^[^/]+\/.+$/, "s3://bucket/key"],
  civitai: [/^[0-9]+(?:[?#/].*)?$/, "civitai://versionId"],
  file: [/^\/.+$/, "file:///absolute/path"],
};

function shapeProblem(scheme: string, text: string): string | null {
  const rest = text.slice(scheme.length + "://".length);
  const shape = SHAPES[scheme];
  if (shape !== undefined) return shape[0].test(rest) ? null : `is not of the form ${shape[1]}`;
  if (!URL.canParse(text)) return `is not a URL`;
  const { username, password, hostname } = new URL(text);
  if (username !== "" || password !== "") return "holds a user or password, which a manifest must not";
  return scheme === "http" && !isLoopback(hostname) ? "is plain http, expected https" : null;
}
