/** The Hub's protocol as a client meets it: what each answer says, and what must never reach the storage host. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Hub, makeSafetensors, startHub } from "./index.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const weights = makeSafetensors({ size: 200_000 });
const config = Buffer.from('{"a":1}\n');
const auth = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` }, redirect: "manual" });

let hub: Hub;

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(hub.endpoint + path, { redirect: "manual", ...init });
const statusAndCode = async (path: string, init?: RequestInit): Promise<readonly unknown[]> => {
  const answer = await ask(path, init);
  return [answer.status, answer.headers.get("x-error-code")];
};
const linkOf = async (path: string): Promise<string> => (await ask(path)).headers.get("location") ?? "";

beforeAll(async () => {
  const files = { "sub/model.safetensors": weights, "config.json": config };
  hub = await startHub({
    tokens: ["hf_member", "hf_stranger"],
    repos: [
      { name: "org/open", commit, files },
      { name: "org/gated", files, isGated: true, granted: ["hf_member"] },
      { name: "org/private", files, isPrivate: true, granted: ["hf_member"] },
      { name: "org/gone", files, isDisabled: true },
      { name: "org/old", files },
    ],
  });
});
afterAll(() => hub.close());

describe("startHub() resolve", () => {
  it.each(["GET", "HEAD"])("redirects %s of weights to another host, with commit, digest and size", async (method) => {
    const answer = await ask("/org/open/resolve/main/sub/model.safetensors", { method });
    expect(answer.status).toBe(302);
    expect(answer.headers.get("x-repo-commit")).toBe(commit);
    expect(answer.headers.get("x-linked-etag")).toBe(`"${await weights.sha256()}"`);
    expect(answer.headers.get("x-linked-size")).toBe("200000");
    expect(new URL(answer.headers.get("location") ?? "").origin).toBe(hub.cdn.url);
    expect(hub.cdn.url).not.toBe(hub.endpoint);
  });

  it("serves ranges behind the link, for GET only, with an ETag that is no digest", async () => {
    const link = await linkOf(`/org/open/resolve/${commit}/sub/model.safetensors`);
    const answer = await fetch(link, { headers: { range: "bytes=150000-150009" } });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([206, "bytes 150000-150009/200000"]);
    expect(Buffer.from(await answer.arrayBuffer()).equals(weights.read(150_000, 150_010))).toBe(true);
    expect(answer.headers.get("etag")).not.toContain(await weights.sha256());
    expect((await fetch(link, { method: "HEAD" })).status).toBe(403);
    expect((await fetch(link.replace(/Signature=../, "Signature=zz"))).status).toBe(403);
    expect((await fetch(link.replace("Expires=", "Expires=9"))).status).toBe(403);
    expect((await fetch(link.split("?")[0] ?? "")).status).toBe(403);
  });

  it("lets links expire, by time and at once", async () => {
    const path = "/org/open/resolve/main/sub/model.safetensors";
    const link = await linkOf(path);
    hub.links.expireLinks();
    expect((await fetch(link)).status).toBe(403);
    expect((await fetch(await linkOf(path))).status).toBe(200);
    hub.links.setLinkSeconds(-1);
    expect((await fetch(await linkOf(path))).status).toBe(403);
    hub.links.setLinkSeconds(3600);
  });

  it("serves a small file itself, with its git object as ETag", async () => {
    const answer = await ask("/org/open/resolve/main/config.json");
    const oid = createHash("sha1").update(`blob ${config.length}\0`).update(config).digest("hex");
    expect([answer.status, answer.headers.get("etag")]).toEqual([200, `"${oid}"`]);
    expect(answer.headers.get("x-repo-commit")).toBe(commit);
    expect(Buffer.from(await answer.arrayBuffer()).equals(config)).toBe(true);
  });

  it("says what is missing: entry, revision, repository", async () => {
    expect(await statusAndCode("/org/open/resolve/main/none.bin")).toEqual([404, "EntryNotFound"]);
    expect(await statusAndCode("/org/open/resolve/v9/config.json")).toEqual([404, "RevisionNotFound"]);
    expect(await statusAndCode("/org/none/resolve/main/config.json")).toEqual([401, null]);
    expect(await statusAndCode("/org/none/resolve/main/config.json", auth("hf_member"))).toEqual([404, "RepoNotFound"]);
  });

  it("guards gated, private and disabled repositories, and knows its tokens", async () => {
    const gated = "/org/gated/resolve/main/config.json";
    expect(await statusAndCode(gated)).toEqual([401, "GatedRepo"]);
    expect(await statusAndCode(gated, auth("hf_stranger"))).toEqual([403, "GatedRepo"]);
    expect(await statusAndCode(gated, auth("hf_member"))).toEqual([200, null]);
    expect(await statusAndCode("/org/private/resolve/main/config.json")).toEqual([401, null]);
    expect(await statusAndCode("/org/private/resolve/main/config.json", auth("hf_stranger"))).toEqual([
      404,
      "RepoNotFound",
    ]);
    const gone = await ask("/org/gone/resolve/main/config.json");
    expect([gone.status, gone.headers.get("x-error-message")]).toEqual([403, "Access to this resource is disabled."]);
    const wrong = await ask("/org/open/resolve/main/config.json", auth("hf_wrong"));
    expect([wrong.status, wrong.headers.get("x-error-message")]).toEqual([
      401,
      "Invalid credentials in Authorization header",
    ]);
  });

  it("redirects a renamed repository by a relative path", async () => {
    hub.rename("org/old", "org/new");
    const answer = await ask("/org/old/resolve/main/config.json?download=true");
    expect([answer.status, answer.headers.get("location")]).toEqual([
      307,
      "/org/new/resolve/main/config.json?download=true",
    ]);
    expect((await fetch(`${hub.endpoint}/org/old/resolve/main/config.json`)).status).toBe(200);
  });

  it("records a credential that reaches the storage host", async () => {
    const link = await linkOf("/org/open/resolve/main/sub/model.safetensors");
    expect(hub.leaks()).toEqual([]);
    await fetch(link, { headers: { authorization: "Bearer hf_member" } });
    expect(hub.leaks()).toHaveLength(1);
  });

  it("counts requests against its windows and says so in every answer", async () => {
    const repos = [{ name: "org/a", files: { "config.json": config } }];
    await using strict = await startHub({ repos, limits: { resolvers: 2 } });
    const url = `${strict.endpoint}/org/a/resolve/main/config.json`;
    const answers = [await fetch(url), await fetch(url), await fetch(url)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2]?.headers.get("ratelimit")).toMatch(/^"resolvers";r=0;t=\d+$/);
    expect(answers[2]?.headers.get("ratelimit-policy")).toBe('"fixed window";"resolvers";q=2;w=300');
    expect(answers[2]?.headers.get("retry-after")).toBeNull();
    expect((await fetch(`${strict.endpoint}/api/models/org/a`)).status).toBe(200);
  });
});

describe("startHub() api", () => {
  it("describes a repository at a revision", async () => {
    const answer = await ask("/api/models/org/open/revision/main?blobs=true");
    const body = (await answer.json()) as { readonly sha: string; readonly siblings: readonly object[] };
    expect(body.sha).toBe(commit);
    expect(body.siblings[0]).toMatchObject({ rfilename: "sub/model.safetensors", size: 200_000 });
    expect(await statusAndCode("/api/models/org/open/revision/v9")).toEqual([404, "RevisionNotFound"]);
  });

  it("lists the tree, one level or all", async () => {
    const lfs = { oid: await weights.sha256(), size: 200_000, pointerSize: 134 };
    const one = await (await ask("/api/models/org/open/tree/main")).json();
    expect(one).toMatchObject([
      { type: "directory", path: "sub" },
      { type: "file", path: "config.json" },
    ]);
    const all = await (await ask("/api/models/org/open/tree/main?recursive=true")).json();
    expect(all).toMatchObject([{ path: "sub" }, { path: "sub/model.safetensors", lfs }, { path: "config.json" }]);
    expect(await statusAndCode("/api/models/org/open/tree/main/none")).toEqual([404, "EntryNotFound"]);
  });

  it("answers for some paths, asked as JSON or as a form, and leaves out what does not exist", async () => {
    const path = `/api/models/org/open/paths-info/${commit}`;
    const paths = ["sub/model.safetensors", "none"];
    const json = { method: "POST", body: JSON.stringify({ paths }), headers: { "content-type": "application/json" } };
    const form = { method: "POST", body: new URLSearchParams(paths.map((one): [string, string] => ["paths", one])) };
    for (const init of [json, form]) {
      expect(await (await ask(path, init)).json()).toMatchObject([{ path: "sub/model.safetensors", size: 200_000 }]);
    }
  });
});
