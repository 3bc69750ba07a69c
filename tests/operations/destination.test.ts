/** Where in a bucket a model belongs. */
import { describe, expect, it } from "vitest";
import type { Sha256 } from "../../src/base/artifact.ts";
import { keyIn, nameOf, parseDestination, uriOf } from "../../src/operations/destination.ts";

const SHA = "ab".repeat(32) as Sha256;
const model = { path: "vae/ae.safetensors", sha256: SHA };

describe("parseDestination()", () => {
  it.each([
    ["r2://kits", "r2://kits", "vae/ae.safetensors"],
    ["r2://kits/", "r2://kits", "vae/ae.safetensors"],
    ["s3://kits/team a/models/", "s3://kits/team a/models", "team a/models/vae/ae.safetensors"],
    ["s3://kits/x", "s3://kits/x", "x/vae/ae.safetensors"],
  ])("reads %s", (text, name, key) => {
    const destination = parseDestination(text, { mirrors: [] });
    expect(nameOf(destination)).toBe(name);
    expect(keyIn(destination, model)).toBe(key);
  });

  it("names objects by their content when asked to", () => {
    const destination = parseDestination("r2://kits/blobs", { layout: "sha256", mirrors: [] });
    expect(uriOf(destination, keyIn(destination, model))).toBe(`r2://kits/blobs/${SHA}`);
  });

  it.each([
    ["r2://kits/{path}", "r2://kits", "tree"],
    ["r2://kits/models/{path}", "r2://kits/models", "tree"],
    ["s3://kits/blobs/{sha256}", "s3://kits/blobs", "sha256"],
  ])("takes the bucket that is a mirror, %s, when none is written", (template, name, layout) => {
    const mirrors = [{ template: "https://models.example.net/{path}" }, { template }];
    const destination = parseDestination(undefined, { mirrors });
    expect([nameOf(destination), destination.layout]).toEqual([name, layout]);
  });

  it.each(["kits", "https://kits.example", "r2://", "r2://a/../b", "r2://kits//x", "hf://a/b/c"])(
    "refuses %s",
    (text) => {
      expect(() => parseDestination(text, { mirrors: [] })).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );

  it("does not guess between two buckets, or without any", () => {
    const two = [{ template: "r2://a-a/{path}" }, { template: "r2://b-b/{path}" }];
    expect(() => parseDestination(undefined, { mirrors: two })).toThrow(/2 buckets/);
    expect(() => parseDestination(undefined, { mirrors: [] })).toThrow(/no bucket is named/);
  });
});
