/** Civitai's protocol: who may download what, where the link leads, what the metadata says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Civitai, type CivitaiAccess, makeSafetensors, startCivitai } from "./index.ts";

const full = makeSafetensors({ size: 90_000, seed: "full", shape: "lora" });
const pruned = makeSafetensors({ size: 40_000, seed: "pruned", shape: "lora" });
const files = [
  { name: "full.safetensors", content: full },
  { name: "pruned.safetensors", content: pruned, size: "pruned", fp: "fp8" },
];
const denied: readonly (readonly [CivitaiAccess, number])[] = [
  ["login", 401],
  ["disabled", 401],
  ["early-access", 403],
  ["archived", 410],
  ["throttled", 429],
];
let site: Civitai;

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(site.endpoint + path, { redirect: "manual", ...init });

beforeAll(async () => {
  const versions = denied.map(([access], index) => ({ id: 200 + index, access, files }));
  site = await startCivitai({ tokens: ["key"], versions: [{ id: 100, files }, ...versions] });
});
afterAll(() => site.close());

describe("startCivitai()", () => {
  it("redirects a download to a signed host that answers GET only", async () => {
    const link = (await ask("/api/download/models/100")).headers.get("location") ?? "";
    expect(new URL(link).origin).toBe(site.storage.url);
    const answer = await fetch(link, { headers: { range: "bytes=0-9" } });
    expect(answer.headers.get("content-range")).toBe("bytes 0-9/90000");
    expect((await fetch(link, { method: "HEAD" })).status).toBe(403);
    site.links.expireLinks();
    expect((await fetch(link)).status).toBe(403);
    expect(site.leaks()).toEqual([]);
  });

  it("picks a file by type, format, size, fp or id", async () => {
    const nameOf = async (query: string): Promise<string> =>
      new URL((await ask(`/api/download/models/100?${query}`)).headers.get("location") ?? "x:").pathname;
    expect(await nameOf("type=Model&format=SafeTensor")).toContain("full");
    expect(await nameOf("size=pruned&fp=fp8")).toContain("pruned");
    expect(await nameOf("fileId=1001")).toContain("pruned");
    expect((await ask("/api/download/models/100?fp=bf16")).status).toBe(404);
    expect((await ask("/api/download/models/999")).status).toBe(404);
  });

  it.each(denied)("refuses %s with %i", async (access, status) => {
    const id = 200 + denied.findIndex(([known]) => known === access);
    const answer = await ask(`/api/download/models/${id}`);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toHaveProperty("error");
  });

  it("lets in who has a key, by header or by query", async () => {
    expect((await ask("/api/download/models/200", { headers: { authorization: "Bearer key" } })).status).toBe(307);
    expect((await ask("/api/download/models/200?token=key")).status).toBe(307);
    expect((await ask("/api/download/models/200?token=other")).status).toBe(401);
  });

  it("describes a version with sizes and digests, by id and by any of its hashes", async () => {
    const sha256 = (await full.sha256()).toUpperCase();
    for (const path of ["100", `by-hash/${sha256}`, `by-hash/${sha256.slice(0, 10)}`]) {
      expect(await (await ask(`/api/v1/model-versions/${path}`)).json()).toMatchObject({
        id: 100,
        files: [{ sizeKB: 90_000 / 1024, hashes: { SHA256: sha256 }, primary: true }, { name: "pruned.safetensors" }],
      });
    }
    expect((await ask("/api/v1/model-versions/999")).status).toBe(404);
  });
});
