/** Where redirects may lead. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRedirect, MAX_REDIRECTS, neutralHeaders, nextHop } from "../../src/net/redirects.ts";

const from = (...urls: readonly string[]): URL[] => urls.map((url) => new URL(url));

describe("nextHop()", () => {
  it.each([
    ["/b", "https://a.example/b"],
    ["b?c=d#e", "https://a.example/x/b?c=d"],
    ["//b.example/c", "https://b.example/c"],
    ["https://b.example:8443/", "https://b.example:8443/"],
    ["https://A.example/UP", "https://a.example/UP"],
  ])("resolves %s", (location, to) => expect(nextHop(from("https://a.example/x/y"), location).href).toBe(to));

  it.each([
    "http://a.example/",
    "//user@b.example/",
    "https://u:p@b.example/",
    "javascript:alert(1)",
    "blob:https://a/1",
    "https://",
  ])("refuses %s and does not print what is secret in it", (location) => {
    const follow = (): unknown => nextHop(from("https://a.example/x?token=s3cret"), location);
    expect(follow).toThrow(expect.objectContaining({ code: "MIRROR_LIED" }));
    expect(follow).not.toThrow(/s3cret|u:p/);
  });

  it("refuses an address of a megabyte, and does not print it", () => {
    const follow = (): unknown => nextHop(from("https://a.example/x"), `/${"b".repeat(1_000_000)}`);
    expect(follow).toThrow('redirect of "https://a.example/x": its Location has more than 8192 characters');
  });

  it("allows http to http and http to https", () => {
    expect(nextHop(from("http://a/"), "http://b/").href).toBe("http://b/");
    expect(nextHop(from("http://a/"), "https://a/").href).toBe("https://a/");
  });

  it("whatever a server says: never insecure after secure, never back, never with a user, never too far", () => {
    const location = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.webUrl({ validSchemes: ["http", "ftp", "file"] }),
      fc.constantFrom("/a", "//b", "?", "https://a/#x"),
    );
    fc.assert(
      fc.property(fc.array(location, { maxLength: 10 }), (locations) => {
        const visited = from("https://a.example/start");
        for (const one of locations) {
          let next: URL;
          try {
            next = nextHop(visited, one);
          } catch (error) {
            expect(error).toMatchObject({ code: "MIRROR_LIED" });
            return;
          }
          expect(next.protocol).toBe("https:");
          expect(next.username + next.password + next.hash).toBe("");
          expect(visited.map(({ href }) => href)).not.toContain(next.href);
          visited.push(next);
          expect(visited.length - 1).toBeLessThanOrEqual(MAX_REDIRECTS);
        }
      }),
    );
  });
});

describe("neutralHeaders()", () => {
  it("keeps what is asked for and drops who asks, whatever the header is called", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string()), (headers) => {
        const kept = neutralHeaders({ ...headers, Range: "bytes=0-1", Authorization: "Bearer t", Cookie: "c" });
        expect(kept).toMatchObject({ Range: "bytes=0-1" });
        expect(Object.keys(kept).every((name) => /^(accept|range)$/i.test(name))).toBe(true);
      }),
    );
  });
});

describe("isRedirect()", () => {
  it("knows the five", () => {
    expect([300, 301, 302, 303, 304, 305, 307, 308, 200].filter(isRedirect)).toEqual([301, 302, 303, 307, 308]);
  });
});
