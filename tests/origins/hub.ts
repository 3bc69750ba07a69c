/** HuggingFace's protocol: resolve with its redirect headers, signed links to a second host, gates, renames, the metadata API. */
import { pathsAnswer, repoAnswer, treeAnswer } from "./hub-api.ts";
import { createHubRepo, type HubFile, type HubRepo, type HubRepoOptions, hasRevision } from "./hub-repo.ts";
import { type LoggedRequest, notFound, type Origin, type OriginOptions, startOrigin } from "./origin.ts";
import { rangeReply } from "./range.ts";
import { encodePath } from "./range-server.ts";
import { createRateCounter, type RateWindows } from "./rate-windows.ts";
import { type Asked, type Reply, replyJson, replyWith } from "./reply.ts";
import { type SignedHost, type SignedHostOptions, startSignedHost } from "./signed-host.ts";

export interface HubOptions extends OriginOptions {
  readonly repos: readonly HubRepoOptions[];
  /** The host that the links lead to. @default 127.0.0.2, with the Hub's own `tls` */
  readonly cdn?: SignedHostOptions;
  /** Every token that exists; another one is refused. @default those granted to some repository */
  readonly tokens?: readonly string[];
  readonly limits?: RateWindows;
}

export interface Hub extends AsyncDisposable {
  /** What `HF_ENDPOINT` is set to. */
  readonly endpoint: string;
  readonly origin: Origin;
  readonly cdn: Origin;
  readonly links: Pick<SignedHost, "expireLinks" | "setLinkSeconds">;
  /** Requests to the CDN that carried a credential: must stay empty. */
  readonly leaks: () => readonly LoggedRequest[];
  /** Adds a repository, or puts a new state in the place of one with the same name. */
  readonly put: (repo: HubRepoOptions) => Promise<HubRepo>;
  readonly repo: (name: string) => HubRepo;
  /** From now on the old name redirects to the new one. */
  readonly rename: (from: string, to: string) => void;
  readonly close: () => Promise<void>;
}

/** Starts a Hub and its CDN. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const repos = new Map<string, HubRepo>();
  const renamed = new Map<string, string>();
  const put = async (repo: HubRepoOptions): Promise<HubRepo> => {
    const made = await createHubRepo(repo);
    repos.set(repo.name, made);
    return made;
  };
  for (const repo of options.repos) await put(repo);
  const tls = options.tls === undefined ? {} : { tls: options.tls };
  const cdn = await startSignedHost({ host: "127.0.0.2", ...tls, ...options.cdn });
  const answer = createAnswer({
    repos,
    renamed,
    cdn,
    tokens: () => options.tokens ?? [...repos.values()].flatMap(({ granted }) => granted),
  });
  const count = createRateCounter(options.limits ?? {});
  const origin = await startOrigin((asked) => {
    const bucket = asked.path.startsWith("/api/") ? "api" : asked.path.includes("/resolve/") ? "resolvers" : "pages";
    const { refusal, mark } = count(bucket);
    return refusal ?? mark(answer(asked));
  }, options);

  const close = async (): Promise<void> => {
    await Promise.all([origin.close(), cdn.origin.close()]);
  };
  return {
    endpoint: origin.url,
    origin,
    cdn: cdn.origin,
    links: cdn,
    leaks: cdn.leaks,
    put,
    repo: (name) => {
      const found = repos.get(name);
      if (found === undefined) throw new Error(`the hub has no repository ${name}`);
      return found;
    },
    rename: (from, to) => {
      const repo = repos.get(from);
      if (repo !== undefined) repos.set(to, { ...repo, name: to });
      repos.delete(from);
      renamed.set(from, to);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Site {
  readonly repos: ReadonlyMap<string, HubRepo>;
  readonly renamed: ReadonlyMap<string, string>;
  readonly tokens: () => readonly string[];
  readonly cdn: SignedHost;
}

/** Where a request points, once its path is taken apart. */
interface Place {
  readonly repo: string;
  readonly verb: "resolve" | "tree" | "revision" | "paths-info";
  readonly revision: string;
  readonly path: string;
  readonly isApi: boolean;
}

function createAnswer(site: Site): (asked: Asked) => Reply {
  return (asked) => {
    const token = /^Bearer (.+)$/.exec(asked.headers.authorization ?? "")?.[1] ?? null;
    const isKnown = token === null || site.tokens().includes(token);
    if (!isKnown) return refusal(401, null, "Invalid credentials in Authorization header");
    if (asked.path === "/api/whoami-v2") return whoAmI(token);
    const place = placeOf(asked.path);
    if (place === null) return notFound();
    const newName = site.renamed.get(place.repo);
    if (newName !== undefined) return movedTo(asked.url, place.repo, newName);
    const repo = site.repos.get(place.repo);
    const denial = denialOf(repo, place, token);
    if (denial !== null) return denial;
    return answerPlace(repo as HubRepo, place, { asked, cdn: site.cdn });
  };
}

function placeOf(path: string): Place | null {
  const resolve = /^\/([^/]+\/[^/]+)\/resolve\/(refs\/[^/]+\/[^/]+|[^/]+)\/(.+)$/.exec(path);
  if (resolve !== null) {
    const [, repo = "", revision = "", file = ""] = resolve;
    return { repo, verb: "resolve", revision, path: file, isApi: false };
  }
  const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(tree|revision|paths-info)\/([^/]+)\/?(.*))?$/.exec(path);
  if (api === null) return null;
  const [, repo = "", verb = "revision", revision = "main", rest = ""] = api;
  return { repo, verb: verb as Place["verb"], revision, path: rest.replace(/\/$/, ""), isApi: true };
}

/** The Hub tells strangers nothing: to them a repository that is missing or private looks the same. */
function denialOf(repo: HubRepo | undefined, place: Place, token: string | null): Reply | null {
  const isGranted = token !== null && (repo?.granted.includes(token) ?? false);
  if (repo === undefined || (repo.isPrivate && !isGranted)) {
    if (token === null) return refusal(401, null, "Invalid username or password.");
    return refusal(404, "RepoNotFound", "Repository not found");
  }
  if (repo.isDisabled) return refusal(403, null, "Access to this resource is disabled.");
  if (!repo.isGated || isGranted || place.isApi) return null;
  const what = `Access to model ${repo.name} is restricted`;
  return token === null
    ? refusal(401, "GatedRepo", `${what}. You must have access to it and be authenticated to access it. Please log in.`)
    : refusal(403, "GatedRepo", `${what} and you are not in the authorized list. Visit it to ask for access.`);
}

function refusal(status: number, code: string | null, message: string): Reply {
  return replyJson(
    status,
    { error: message },
    {
      ...(code === null ? {} : { "X-Error-Code": code }),
      "X-Error-Message": message,
      ...(status === 401 ? { "WWW-Authenticate": 'Bearer realm="Authentication required", charset="UTF-8"' } : {}),
    },
  );
}

function whoAmI(token: string | null): Reply {
  return token === null
    ? refusal(401, null, "Invalid username or password.")
    : replyJson(200, { type: "user", name: "tester", auth: { accessToken: { role: "read" } } });
}

/** A rename answers with a path of the same host. */
function movedTo(url: string, from: string, to: string): Reply {
  const location = url.replace(encodePath(from), encodePath(to));
  return replyWith(
    307,
    { Location: location, "Content-Type": "text/plain" },
    `Temporary Redirect. Redirecting to ${location}`,
  );
}

function answerPlace(
  repo: HubRepo,
  place: Place,
  { asked, cdn }: { readonly asked: Asked; readonly cdn: SignedHost },
): Reply {
  if (!hasRevision(repo, place.revision)) {
    return refusal(404, "RevisionNotFound", `Invalid rev id: ${place.revision}`);
  }
  if (place.verb === "revision") return repoAnswer(repo, asked);
  if (place.verb === "paths-info") return pathsAnswer(repo, asked);
  if (place.verb === "tree") return treeAnswer(repo, place.path, asked) ?? entryMissing(repo);
  const file = repo.files.get(place.path);
  return file === undefined ? entryMissing(repo) : fileAnswer(repo, file, { asked, cdn });
}

function entryMissing(repo: HubRepo): Reply {
  const found = refusal(404, "EntryNotFound", "Entry not found");
  return { ...found, headers: [...found.headers, ["X-Repo-Commit", repo.commit]] };
}

function fileAnswer(
  repo: HubRepo,
  file: HubFile,
  { asked, cdn }: { readonly asked: Asked; readonly cdn: SignedHost },
): Reply {
  const common = { "X-Repo-Commit": repo.commit, Vary: "Origin", "Referrer-Policy": "strict-origin-when-cross-origin" };
  if (file.sha256 === null) {
    const disposition = `inline; filename="${file.path.split("/").at(-1)}"`;
    const headers = { ...common, "Content-Disposition": disposition };
    const etag = `"${file.oid}"`;
    return rangeReply(
      { content: file.content, etag, contentType: "text/plain; charset=utf-8", lastModified: null, headers },
      asked,
    );
  }
  const [head, tail] = [file.sha256.slice(0, 2), file.sha256.slice(2, 4)];
  // The storage host's own ETag is an upload's, not the content's: nobody may take it for a digest.
  const location = cdn.sign(
    `/repos/${head}/${tail}/${repo.commit}/${file.sha256}`,
    file.content,
    `"${file.oid.slice(0, 32)}-3"`,
  );
  const linked = {
    "X-Linked-Size": String(file.size),
    "X-Linked-Etag": `"${file.sha256}"`,
    Location: location,
    "Accept-Ranges": "bytes",
    "Content-Type": "text/plain; charset=utf-8",
  };
  return replyWith(302, { ...common, ...linked }, `Found. Redirecting to ${location}`);
}
