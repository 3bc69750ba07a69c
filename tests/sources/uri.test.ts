/** How sources are written and read. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePath, formatSource, parseSource, printSource } from "../../src/sources/uri.ts";

describe("parseSource()", () => {
  it.each([
    ["hf://org/repo/a.safetensors", { kind: "hf", repo: "org/repo", revision: "main", path: "a.safetensors" }],
    [
      "HF://Org/Re.po-1_x@v1.0/dir/a b.safetensors",
      { kind: "hf", repo: "Org/Re.po-1_x", revision: "v1.0", path: "dir/a b.safetensors" },
    ],
    [
      "hf://org/repo@refs%2Fpr%2F3/a%23b@c.gguf",
      { kind: "hf", repo: "org/repo", revision: "refs/pr/3", path: "a#b@c.gguf" },
    ],
    [
      "https://huggingface.co/org/repo/resolve/main/d/a.gguf?download=true",
      { kind: "hf", repo: "org/repo", revision: "main", path: "d/a.gguf" },
    ],
    [
      "https://huggingface.co/org/repo/blob/0123abc/a%20b.gguf",
      { kind: "hf", repo: "org/repo", revision: "0123abc", path: "a b.gguf" },
    ],
    ["r2://my-bucket/a/b.safetensors", { kind: "r2", bucket: "my-bucket", key: "a/b.safetensors" }],
    ["s3://my.bucket/a+b%25.safetensors", { kind: "s3", bucket: "my.bucket", key: "a+b%.safetensors" }],
    ["civitai://123456", { kind: "civitai", version: "123456", choice: {} }],
    [
      "civitai://0012?type=Model&fp=fp16&size=",
      { kind: "civitai", version: "12", choice: { fp: "fp16", type: "Model" } },
    ],
    ["https://Example.com/a b?x=1#frag", { kind: "web", url: "https://example.com/a%20b?x=1" }],
    ["http://10.0.0.1:8080/a", { kind: "web", url: "http://10.0.0.1:8080/a" }],
    ["https://huggingface.co/org/repo", { kind: "web", url: "https://huggingface.co/org/repo" }],
    ["file:///mnt/a%20b.safetensors", { kind: "file", path: "/mnt/a b.safetensors" }],
  ])("reads %s", (text, source) => expect(parseSource(text)).toEqual(source));

  it.each([
    "",
    "a.safetensors",
    "ftp://host/a",
    "hf:org/repo/a",
    "hf://org/repo",
    "hf://org/repo/",
    "hf://org",
    "hf://repo.safetensors",
    "hf://datasets/org/repo/a",
    "hf://spaces/org/a",
    "hf://org/repo@/a",
    "hf://org/repo@a..b/c",
    "hf://org/repo@refs%2F/c",
    "hf://org/repo/../a",
    "hf://org/repo/./a",
    "hf://org/repo//a",
    "hf://org/repo/%2e%2e/a",
    "hf://org/repo/a%2fb",
    "hf://org/repo/a%zz",
    "hf://org/repo/a%00b",
    "hf://org/repo/a?b",
    "hf://org/repo/a#b",
    "hf://../repo/a",
    "hf://or g/repo/a",
    "r2://",
    "r2://bucket",
    "r2://bucket/",
    "r2://BUCKET/a",
    "r2://bu/a",
    "s3://bucket/a/../b",
    "s3://bucket//a",
    "s3://bucket/a/",
    "civitai://",
    "civitai://abc",
    "civitai://1/2",
    "civitai://1?token=x",
    "https://",
    "https://user:pass@host/a",
    "https://user@host/a",
    "file://host/a",
    "file:///",
    "file:///a/",
    "file:///a%2fb",
    "file:///a?b",
    "file:///a%01",
    " hf://org/repo/a",
    "hf://org/repo/a\n",
    "https://host/a\u0000",
  ])("refuses %j, with a fix", (text) => {
    expect(() => parseSource(text)).toThrow(
      expect.objectContaining({ code: "SOURCE_INVALID", fix: expect.stringMatching(/./) }),
    );
  });

  it("shows no password in its refusal", () => {
    expect(() => parseSource("https://user:s3cret@host/a?token=s3cret")).not.toThrow(/s3cret/);
  });

  it("refuses or reads any text, and what it reads it reads again from its own spelling", () => {
    const almost = fc.tuple(
      fc.constantFrom("hf://o/r@", "hf://o/r/", "r2://bucket/", "s3://", "civitai://1?", "https://h/", "file:///", ""),
      fc.string(),
    );
    fc.assert(
      fc.property(almost, ([start, rest]) => {
        let source: ReturnType<typeof parseSource>;
        try {
          source = parseSource(start + rest);
        } catch (error) {
          expect(error).toMatchObject({ code: "SOURCE_INVALID" });
          return;
        }
        expect(parseSource(formatSource(source))).toEqual(source);
        expect(formatSource(parseSource(formatSource(source)))).toBe(formatSource(source));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("formatSource()", () => {
  const part = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter(
      (text) =>
        !/[\u0000-\u001f\u007f/]/.test(text) &&
        text !== "." &&
        text !== ".." &&
        !/\p{Surrogate}/u.test(text) &&
        text.trim() === text,
    );
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

  it("spells every source so that parseSource() reads it back", () => {
    const sources = fc.oneof(
      fc.record({
        kind: fc.constant("hf" as const),
        repo: fc.tuple(name, name).map((both) => both.join("/")),
        revision: fc.stringMatching(/^[a-z0-9][a-z0-9/_-]{0,20}[a-z0-9]$/).filter((text) => !text.includes("//")),
        path,
      }),
      fc.record({
        kind: fc.constantFrom("r2" as const, "s3" as const),
        bucket: fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,20}[a-z0-9]$/),
        key: path,
      }),
      fc.record({
        kind: fc.constant("civitai" as const),
        version: fc.integer({ min: 1, max: 999_999_999 }).map(String),
        choice: fc.dictionary(fc.constantFrom("type", "fp", "size"), fc.string({ minLength: 1 })),
      }),
      fc.record({
        kind: fc.constant("web" as const),
        url: fc.webUrl({ withQueryParameters: true }).map((url) => new URL(url).href),
      }),
      fc.record({ kind: fc.constant("file" as const), path: path.map((text) => `/${text}`) }),
    );
    fc.assert(
      fc.property(sources, (source) => {
        if (source.kind === "hf" && /^(datasets|spaces)\//.test(source.repo)) return;
        const text = formatSource(source);
        expect(parseSource(text)).toEqual(source);
        expect(text).toMatch(/^[\x21-\x7e]+$/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("printSource() and encodePath()", () => {
  it("hide what a query may hold, and keep slashes", () => {
    expect(printSource(parseSource("https://h/a?token=s3cret&type=Model"))).toBe("https://h/a?token=***&type=Model");
    expect(encodePath("a b/ü?#%.x")).toBe("a%20b/%C3%BC%3F%23%25.x");
  });
});
