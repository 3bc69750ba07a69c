/** The only file that knows how sources are written: a text to a source and back, one spelling for each. Pure. */
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ModelsError } from "../base/errors.ts";
import { redactUrl } from "../base/secret.ts";

export interface HubSource {
  readonly kind: "hf";
  /** `org/name`. */
  readonly repo: string;
  /** A branch, a tag, a commit, or a ref with slashes in it. */
  readonly revision: string;
  readonly path: string;
}

export interface BucketSource {
  readonly kind: "r2" | "s3";
  readonly bucket: string;
  readonly key: string;
}

export interface CivitaiSource {
  readonly kind: "civitai";
  readonly version: string;
  /** Which file of the version: `type`, `format`, `size`, `fp`, `fileId`. */
  readonly choice: Readonly<Record<string, string>>;
}

export interface WebSource {
  readonly kind: "web";
  readonly url: string;
}

export interface FileSource {
  readonly kind: "file";
  readonly path: string;
}

export type Source = HubSource | BucketSource | CivitaiSource | WebSource | FileSource;

/** What selects a file of a Civitai version (its download endpoint's parameters). */
const CIVITAI_CHOICES = ["fileId", "format", "fp", "size", "type"] as const;

/**
 * Reads a source URI: `hf://org/repo@revision/path`, `r2://bucket/key`, `s3://bucket/key`,
 * `civitai://versionId?type=…`, `https://…`, `http://…`, `file:///…`. Parts may be percent-encoded.
 * A file's address on the Hub's web site is read as `hf://`.
 * @throws ModelsError `SOURCE_INVALID`
 */
export function parseSource(text: string): Source {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (text !== text.trim() || /[\u0000-\u001f\u007f]/.test(text)) {
    throw invalid(text, "it has white space around it or a control character", "take that out");
  }
  const rest = text.slice((scheme?.length ?? 0) + 3);
  if (scheme === "hf") return parseHub(text, rest);
  if (scheme === "r2" || scheme === "s3") return parseBucket(text, scheme, rest);
  if (scheme === "civitai") return parseCivitai(text, rest);
  if (scheme === "https" || scheme === "http") return parseWeb(text);
  if (scheme === "file") return parseFile(text);
  throw invalid(text, "no source is written like this", "write hf://, r2://, s3://, civitai://, https:// or file:///");
}

/** The one spelling of `source`; {@link parseSource} gives the same source again. */
export function formatSource(source: Source): string {
  switch (source.kind) {
    case "hf":
      return `hf://${source.repo}@${encodeURIComponent(source.revision)}/${encodePath(source.path)}`;
    case "r2":
    case "s3":
      return `${source.kind}://${source.bucket}/${encodePath(source.key)}`;
    case "civitai": {
      const query = new URLSearchParams(source.choice).toString();
      return `civitai://${source.version}${query === "" ? "" : `?${query}`}`;
    }
    case "web":
      return source.url;
    case "file":
      return pathToFileURL(source.path).href;
  }
}

/** {@link formatSource} without what an address of the web may hide in its query. */
export function printSource(source: Source): string {
  return source.kind === "web" ? redactUrl(source.url) : formatSource(source);
}

/** A path with each part percent-encoded and the slashes kept, as it stands in a URL. */
export function encodePath(path: string): string {
  return path.split("/").map(encodePart).join("/");
}

const encodePart = (part: string): string => encodeURI(part).replace(/[?#;]/g, encodeURIComponent);

const HUB_FORM = "write hf://org/repo@revision/path/to/file.safetensors";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;

function parseHub(text: string, rest: string): HubSource {
  const [org = "", repoPart = "", ...path] = rest.split("/");
  if (org === "datasets" || org === "spaces") throw invalid(text, `${org} hold no models`, HUB_FORM);
  const at = repoPart.indexOf("@");
  const repo = at < 0 ? repoPart : repoPart.slice(0, at);
  if (!NAME.test(org) || !NAME.test(repo)) throw invalid(text, "it names no repository", HUB_FORM);
  const revision = at < 0 ? "main" : decodePart(text, repoPart.slice(at + 1));
  if (revisionProblem(revision)) throw invalid(text, "its revision is no branch, tag or commit", HUB_FORM);
  return { kind: "hf", repo: `${org}/${repo}`, revision, path: decodePath(text, path.join("/"), HUB_FORM) };
}

// What git check-ref-format refuses, as far as it matters in a URL.
const revisionProblem = (revision: string): boolean =>
  revision === "" ||
  revision.length > 255 ||
  /[\u0000-\u0020\u007f~^:?*[\\]/.test(revision) ||
  revision.split("/").some((part) => part === "" || part.startsWith(".")) ||
  revision.includes("..");

function parseBucket(text: string, kind: "r2" | "s3", rest: string): BucketSource {
  const form = `write ${kind}://bucket/path/to/file.safetensors`;
  const slash = rest.indexOf("/");
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw invalid(text, "it names no bucket", form);
  return { kind, bucket, key: decodePath(text, slash < 0 ? "" : rest.slice(slash + 1), form) };
}

function parseCivitai(text: string, rest: string): CivitaiSource {
  const form = "write civitai://123456, with ?type=, format=, size=, fp= or fileId= to choose a file";
  const [version = "", query = ""] = splitOnce(rest, "?");
  if (!/^\d{1,12}$/.test(version)) throw invalid(text, "it names no version by its number", form);
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((name) => !CIVITAI_CHOICES.some((one) => one === name));
  if (unknown !== undefined) throw invalid(text, `"${unknown.slice(0, 40)}" chooses nothing`, form);
  const choice = CIVITAI_CHOICES.flatMap((name) => {
    const value = given.get(name) ?? "";
    return value === "" ? [] : [[name, value] as const];
  });
  return { kind: "civitai", version: version.replace(/^0+(?=\d)/, ""), choice: Object.fromEntries(choice) };
}

function parseWeb(text: string): WebSource | HubSource {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.hostname === "") throw invalid(text, "it is not a URL", "write https://host/path");
  if (url.username !== "" || url.password !== "") {
    throw invalid(
      text,
      "it carries a user name",
      "put the credential into hosts of models.config.yaml, by the name of a variable",
    );
  }
  url.hash = "";
  return hubAddress(url) ?? { kind: "web", url: url.href };
}

/** `https://huggingface.co/org/repo/resolve/main/x`, and the page about it (`blob`), are the file in the repository. */
function hubAddress(url: URL): HubSource | null {
  if (url.origin !== "https://huggingface.co") return null;
  const [, org = "", repo = "", verb = "", revision = "", ...path] = url.pathname.split("/");
  if ((verb !== "resolve" && verb !== "blob") || !NAME.test(org) || !NAME.test(repo)) return null;
  try {
    return parseHub(url.href, `${org}/${repo}@${revision}/${path.join("/")}`);
  } catch {
    return null;
  }
}

function parseFile(text: string): FileSource {
  const form = "write file:///absolute/path";
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.host !== "" || url.search !== "" || url.hash !== "")
    throw invalid(text, "it is no local file", form);
  try {
    const path = resolve(fileURLToPath(url));
    if (!url.pathname.endsWith("/") && !/[\u0000-\u001f\u007f]/.test(path)) return { kind: "file", path };
  } catch {
    // Falls through: an encoded slash, say.
  }
  throw invalid(text, "it is no local file", form);
}

/** Decodes a path and refuses the parts that a URL or an S3 signature would resolve away. */
function decodePath(text: string, encoded: string, form: string): string {
  const path = encoded.split("/").map((part) => decodePart(text, part));
  const isWrong = path.some((part) => part === "" || part === "." || part === ".." || part.includes("/"));
  if (isWrong) throw invalid(text, "it names no file", form);
  return path.join("/");
}

function decodePart(text: string, part: string): string {
  if (/[?#]/.test(part)) throw invalid(text, "it has a ? or #", "write ? as %3F and # as %23");
  try {
    const decoded = decodeURIComponent(part);
    if (!/[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(decoded)) return decoded;
  } catch {
    // Falls through: a percent sign that encodes nothing.
  }
  throw invalid(text, "it has a stray % or a control character", "write a percent sign as %25");
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function invalid(text: string, seen: string, fix: string): ModelsError {
  const shown = /^https?:/i.test(text) && URL.canParse(text) ? redactUrl(text) : text.slice(0, 200);
  return new ModelsError("SOURCE_INVALID", `Cannot use source ${JSON.stringify(shown)}: ${seen}`, { fix });
}
