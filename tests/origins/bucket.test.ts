/** The public bucket: ranges like S3, and pages for people where a program expects an error. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bucket, createNoise, startBucket } from "./index.ts";

const bytes = createNoise("bucket")(0, 50_000);
let bucket: Bucket;

beforeAll(async () => {
  bucket = await startBucket({ objects: { "loras/a b+c.safetensors": bytes } });
});
afterAll(() => bucket.close());

describe("startBucket()", () => {
  it("serves an object by its key with range, ETag and cache-control", async () => {
    const url = `${bucket.url}/loras/a%20b%2Bc.safetensors`;
    const answer = await fetch(url, { headers: { range: "bytes=100-199" } });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([206, "bytes 100-199/50000"]);
    expect(answer.headers.get("cache-control")).toContain("max-age");
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
    const tag = answer.headers.get("etag") ?? "";
    expect((await fetch(url, { headers: { "if-match": tag } })).status).toBe(200);
    expect((await fetch(url, { headers: { "if-match": '"x"' } })).status).toBe(412);
    expect((await fetch(url, { headers: { "if-range": '"x"', range: "bytes=0-1" } })).status).toBe(206);
    expect((await fetch(url, { headers: { range: "bytes=0-1,3-4" } })).status).toBe(400);
    expect((await fetch(url, { headers: { range: "bytes=50000-" } })).status).toBe(416);
  });

  it("answers a missing key with 404 and a page, and lists nothing", async () => {
    for (const path of ["/none", "/", "/loras/"]) {
      const answer = await fetch(bucket.url + path);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
      expect(await answer.text()).toMatch(/^<!DOCTYPE html>/);
    }
  });

  it("gives an object that is replaced another ETag", async () => {
    const url = bucket.put("x", Buffer.from("one"));
    const before = (await fetch(url)).headers.get("etag");
    bucket.put("x", Buffer.from("two"));
    expect((await fetch(url)).headers.get("etag")).not.toBe(before);
  });
});
