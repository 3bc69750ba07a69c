import { describe, expect, it } from "vitest";
import { canonicalSource, sourceProblem } from "../../src/catalog/source-uri.ts";

describe("sourceProblem()", () => {
  it.each([
    "hf://org/repo@0123456789abcdef0123456789abcdef01234567/a/b.safetensors",
    "hf://org/repo/my file.safetensors",
    "r2://bucket/key",
    "s3://bucket/a/b",
    "civitai://12345",
    "civitai://12345?type=Model&format=SafeTensor",
    "https://host.example.net/x?y=z",
    "http://127.0.0.1:8080/x",
    "http://[::1]/x",
    "http://localhost/x",
    "file:///data/x.safetensors",
  ])("takes %s", (source) => {
    expect(sourceProblem(source)).toBeNull();
  });

  it.each([
    ["", /no scheme/],
    ["model.safetensors", /no scheme/],
    ["ftp://host/x", /unknown scheme "ftp"/],
    ["javascript:alert(1)", /unknown scheme "javascript"/],
    ["hf:org/repo/x", /no "\/\/" after "hf:"/],
    ["hf://org/repo", /not of the form hf:\/\/org\/repo@revision\/path/],
    ["r2://bucket", /not of the form r2:\/\/bucket\/key/],
    ["civitai://name", /not of the form civitai:\/\/versionId/],
    ["file://host/x", /not of the form file:\/\/\/absolute\/path/],
    ["http://models.example.net/x", /plain http, expected https/],
    ["http://127.0.0.1.example.net/x", /plain http/],
    ["https://user:hush@host/x", /holds a user or password/],
    ["https://", /not a URL/],
    ["https://host/a b", /has a space/],
    ["https://host/a\nb", /control character/],
    ["https://host\\x", /backslash/],
    [`https://host/${"x".repeat(3000)}`, /longer than 2048/],
  ])("refuses %s", (source, problem) => {
    expect(sourceProblem(source)).toMatch(problem);
    expect(sourceProblem(source)).not.toContain("hush");
  });
});

describe("canonicalSource()", () => {
  it("writes the scheme in lower case and leaves the rest", () => {
    expect(canonicalSource("HF://Org/Repo@main/X")).toBe("hf://Org/Repo@main/X");
  });
});
