/** The Hub's metadata API: a repository, its tree, some of its paths. */
import type { HubFile, HubRepo } from "./hub-repo.ts";
import { type Asked, type Reply, replyJson } from "./reply.ts";

/** `GET /api/models/{repo}` and `/revision/{rev}`. */
export function repoAnswer(repo: HubRepo, { query }: Asked): Reply {
  const hasBlobs = query.get("blobs") === "true" || query.get("blobs") === "1";
  return replyJson(200, {
    _id: repo.commit.slice(0, 24),
    id: repo.name,
    modelId: repo.name,
    sha: repo.commit,
    private: repo.isPrivate,
    gated: repo.isGated ? "auto" : false,
    disabled: repo.isDisabled,
    tags: [],
    downloads: 0,
    likes: 0,
    lastModified: "2026-01-01T00:00:00.000Z",
    createdAt: "2026-01-01T00:00:00.000Z",
    siblings: [...repo.files.values()].map((file) => ({
      rfilename: file.path,
      ...(hasBlobs ? { size: file.size, blobId: file.oid, ...lfsOf(file, "sha256") } : {}),
    })),
  });
}

/** `GET /api/models/{repo}/tree/{rev}/{folder}`, with `recursive`. */
export function treeAnswer(repo: HubRepo, folder: string, { query }: Asked): Reply | null {
  const inside = folder === "" ? "" : `${folder}/`;
  const isDeep = ["1", "true"].includes(query.get("recursive")?.toLowerCase() ?? "");
  const below = [...repo.files.values()].filter(({ path }) => path.startsWith(inside));
  if (below.length === 0 && folder !== "") return null;
  const folders = new Set(below.flatMap(({ path }) => foldersBetween(inside, path, isDeep)));
  const files = below.filter(({ path }) => isDeep || !path.slice(inside.length).includes("/"));
  return replyJson(200, [...[...folders].sort().map(folderEntry), ...files.map(fileEntry)]);
}

/** `POST /api/models/{repo}/paths-info/{rev}`; paths that do not exist are left out. */
export function pathsAnswer(repo: HubRepo, asked: Asked): Reply {
  const found = pathsAsked(asked).flatMap((path) => {
    const file = repo.files.get(path);
    if (file !== undefined) return [fileEntry(file)];
    return [...repo.files.keys()].some((known) => known.startsWith(`${path}/`)) ? [folderEntry(path)] : [];
  });
  return replyJson(200, found);
}

function pathsAsked({ body, headers }: Asked): readonly string[] {
  const text = body.toString("utf8");
  if (!(headers["content-type"] ?? "").includes("json")) return new URLSearchParams(text).getAll("paths");
  const paths: unknown = (JSON.parse(text) as { readonly paths?: unknown }).paths;
  return [paths].flat().filter((path): path is string => typeof path === "string");
}

function fileEntry(file: HubFile): object {
  return { type: "file", oid: file.oid, size: file.size, ...lfsOf(file, "oid"), path: file.path };
}

function folderEntry(path: string): object {
  return { type: "directory", oid: "0".repeat(40), size: 0, path };
}

function lfsOf({ sha256, size }: HubFile, digestKey: "oid" | "sha256"): object {
  return sha256 === null ? {} : { lfs: { [digestKey]: sha256, size, pointerSize: 134 } };
}

function foldersBetween(inside: string, path: string, isDeep: boolean): readonly string[] {
  const parts = path.slice(inside.length).split("/").slice(0, -1);
  const all = parts.map((_part, index) => inside + parts.slice(0, index + 1).join("/"));
  return isDeep ? all : all.slice(0, 1);
}
