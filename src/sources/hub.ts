/** How the HuggingFace Hub is a mirror: resolve, the facts on its redirect, signed links to its CDN, its refusals. */
import { isSha256, type Sha256 } from "../base/artifact.ts";
import { ModelsError } from "../base/errors.ts";
import type { Credential, HttpAnswer } from "../net/http.ts";
import { isRedirect, nextHop } from "../net/redirects.ts";
import { askBeginning, isProbe, readProbe } from "./probe.ts";
import type { Asking, SourceContext, SourceKind } from "./source.ts";
import { encodePath, formatSource, type HubSource } from "./uri.ts";

export const hubSource: SourceKind<HubSource> = {
  label: (_source, { hub }) => new URL(hub.endpoint).host,
  pin: (source, revision) => ({ ...source, revision }),
  resolve: async (source, asking, signal) => {
    const name = formatSource(source);
    assertOnline(name, asking);
    const { answer, facts, credential } = await askHub(source, asking, signal);
    const probe = readProbe(answer, { ...asking, name, credential });
    if (facts.size !== null && facts.size !== probe.size) {
      const hosts = `${new URL(asking.settings.hub.endpoint).host} says ${facts.size} bytes, ${new URL(answer.url).host}`;
      throw new ModelsError("MIRROR_LIED", `Cannot use "${name}": ${hosts} says ${probe.size}`);
    }
    return { ...probe, sha256: facts.sha256, revision: facts.commit, staleAtMs: null };
  },
};

/** What the Hub says on its own answers, which the CDN's answer no longer holds. */
interface Facts {
  readonly sha256: Sha256 | null;
  readonly size: number | null;
  readonly commit: string | null;
}

interface HubAnswer {
  readonly answer: HttpAnswer;
  readonly facts: Facts;
  /** What went with the last request. */
  readonly credential: Credential | null;
}

function assertOnline(name: string, { settings }: SourceContext): void {
  if (!settings.hub.isOffline) return;
  throw new ModelsError("OFFLINE", `Cannot resolve "${name}": HF_HUB_OFFLINE is set`, {
    fix: "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE, or add a mirror that is not the Hub",
  });
}

/**
 * Goes from the Hub to the file. The token goes to the Hub's own origin only, through its renames; the first
 * redirect to another host is a signed link, which is asked without it and only by GET (HEAD fails there).
 */
async function askHub(source: HubSource, asking: Asking, signal: AbortSignal): Promise<HubAnswer> {
  const { endpoint, token } = asking.settings.hub;
  const base = endpoint.replace(/\/+$/, "");
  const { origin } = new URL(base);
  const credential = token === null ? null : { origin, headers: { authorization: `Bearer ${token.reveal()}` } };
  const path = `${source.repo}/resolve/${encodeURIComponent(source.revision)}/${encodePath(source.path)}`;
  const visited = [new URL(`${base}/${path}`)];
  let facts: Facts = { sha256: null, size: null, commit: null };
  for (;;) {
    const url = (visited.at(-1) as URL).href;
    const answer = await askBeginning(asking, { url, credential, redirect: "manual", signal });
    facts = addFacts(facts, answer);
    const { location } = answer.headers;
    if (!isRedirect(answer.status) || location === undefined) {
      if (isProbe(answer)) return { answer, facts, credential };
      throw hubRefusal(answer, source, token !== null);
    }
    const next = nextHop(visited, location);
    if (next.origin === origin) visited.push(next);
    else return { answer: await askCdn(next.href, { source, asking, from: answer, signal }), facts, credential: null };
  }
}

interface CdnVisit {
  readonly source: HubSource;
  readonly asking: Asking;
  readonly from: HttpAnswer;
  readonly signal: AbortSignal;
}

async function askCdn(url: string, { source, asking, from, signal }: CdnVisit): Promise<HttpAnswer> {
  const { mayBePrivate } = from;
  const answer = await askBeginning(asking, { url, credential: null, mayBePrivate, signal });
  if (isProbe(answer)) return answer;
  const seen = `${new URL(answer.url).host} answers ${answer.status} to a link that the Hub has just signed`;
  throw new ModelsError("MIRROR_FAILED", `Cannot read "${formatSource(source)}": ${seen}`);
}

function addFacts(known: Facts, { headers }: HttpAnswer): Facts {
  const etag = headers["x-linked-etag"]
    ?.replace(/^W\//, "")
    .replace(/^"(.*)"$/, "$1")
    .toLowerCase();
  const size = headers["x-linked-size"];
  const commit = headers["x-repo-commit"];
  return {
    sha256: known.sha256 ?? (isSha256(etag) ? etag : null),
    size: known.size ?? (size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : null),
    commit: known.commit ?? (commit !== undefined && /^[0-9a-f]{40}$/.test(commit) ? commit : null),
  };
}

function hubRefusal(answer: HttpAnswer, source: HubSource, hasToken: boolean): ModelsError {
  const name = formatSource(source);
  const host = new URL(answer.url).host;
  const { status } = answer;
  const said =
    answer.headers["x-error-message"]
      ?.replace(/[^\x20-\x7e]/g, " ")
      .trim()
      .slice(0, 200) ?? "";
  const seen = `${host} answers ${status}${said === "" ? "" : ` (${said})`}`;
  switch (answer.headers["x-error-code"]) {
    case "GatedRepo":
      return gated(source, seen, hasToken);
    case "RepoNotFound":
      return notFound(name, `${host} knows no ${source.repo}`, privateFix(hasToken));
    case "RevisionNotFound":
      return notFound(
        name,
        `${source.repo} has no revision ${source.revision}`,
        "name a branch, a tag or a commit that exists",
      );
    case "EntryNotFound":
      return notFound(name, `${source.repo} has no ${source.path} at ${source.revision}`, "check the file's path");
  }
  if (status === 404 || status === 410 || status === 451)
    return notFound(name, seen, "check the repository and the path");
  if (status === 401 && hasToken && /invalid credentials/i.test(said)) {
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${host} does not accept HF_TOKEN (${said})`, {
      fix: "make a new token with read access at https://huggingface.co/settings/tokens, or unset HF_TOKEN",
    });
  }
  if (status === 401) {
    const maybe = `${source.repo} may be private, gated or missing`;
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${seen}, ${maybe}`, {
      fix: privateFix(hasToken),
    });
  }
  if (status === 403)
    return new ModelsError("SOURCE_UNAUTHORIZED", `Cannot read "${name}": ${seen}`, { fix: privateFix(hasToken) });
  return new ModelsError("MIRROR_FAILED", `Cannot read "${name}": ${seen}, expected a file or a redirect`);
}

function gated(source: HubSource, seen: string, hasToken: boolean): ModelsError {
  const page = `https://huggingface.co/${source.repo}`;
  const fix = hasToken
    ? `the account of HF_TOKEN has not been granted access: ask for it at ${page}, or use another account's token`
    : `accept the licence at ${page} and set HF_TOKEN`;
  return new ModelsError("SOURCE_GATED", `Cannot read "${formatSource(source)}": it is gated, ${seen}`, { fix });
}

const notFound = (name: string, seen: string, fix: string): ModelsError =>
  new ModelsError("SOURCE_NOT_FOUND", `Cannot find "${name}": ${seen}`, { fix });

const privateFix = (hasToken: boolean): string =>
  hasToken
    ? "check the repository's name, and that the account of HF_TOKEN may read it"
    : "check the repository's name; if it is private or gated, set HF_TOKEN";
