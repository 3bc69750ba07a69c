/** Which requests take which proxy. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyFor } from "../../src/net/proxy.ts";

const both = {
  http: { name: "http_proxy", value: "http://web.proxy:8080" },
  https: { name: "ALL_PROXY", value: "http://tls.proxy:3128" },
};
const via = (url: string, none: string | null = null): string | undefined =>
  proxyFor(new URL(url), { ...both, none })?.url.host;

describe("proxyFor()", () => {
  it("has one proxy for each scheme", () => {
    expect(via("http://a.example/")).toBe("web.proxy:8080");
    expect(via("https://a.example/")).toBe("tls.proxy:3128");
    expect(proxyFor(new URL("https://a.example/"), { http: both.http, https: null, none: null })).toBe(null);
    expect(
      proxyFor(new URL("https://a.example/"), { http: null, https: { name: "HTTPS_PROXY", value: " " }, none: null }),
    ).toBe(null);
  });

  it("says which variable named it", () => {
    expect(proxyFor(new URL("http://a/"), { ...both, none: null })?.variable).toBe("http_proxy");
    expect(proxyFor(new URL("https://a/"), { ...both, none: null })?.variable).toBe("ALL_PROXY");
  });

  it("reads an address without a scheme as http", () => {
    const https = { name: "HTTPS_PROXY", value: "proxy:3128" };
    expect(proxyFor(new URL("https://a/"), { http: null, https, none: null })?.url.href).toBe("http://proxy:3128/");
  });

  it.each(["socks5://user:pass@proxy:1080", "::::", "http://"])(
    "refuses %s without printing it, and names its variable",
    (value) => {
      const https = { name: "all_proxy", value };
      const ask = (): unknown => proxyFor(new URL("https://a/"), { http: null, https, none: null });
      expect(ask).toThrow(
        expect.objectContaining({
          code: "CONFIG_INVALID",
          message: expect.stringContaining("from all_proxy"),
          fix: expect.stringContaining("HTTPS_PROXY (and HTTP_PROXY), which come before all_proxy"),
        }),
      );
      expect(ask).not.toThrow(/pass/);
    },
  );

  it.each([
    ["*", "https://a.example/"],
    ["a.example", "https://a.example/"],
    ["A.EXAMPLE", "https://a.example./"],
    ["b.example, a.example", "https://a.example/"],
    ["b.example a.example", "https://x.a.example/"],
    [".a.example", "https://x.a.example/"],
    ["*.a.example", "https://x.a.example/"],
    ["a.example:443", "https://a.example/"],
    ["127.0.0.1:8080", "http://127.0.0.1:8080/"],
    ["10.0.0.0/8", "https://10.1.2.3/"],
    ["fd00::/8", "https://[fd12::1]/"],
    ["::1", "https://[::1]/"],
    ["[::1]:8443", "https://[::1]:8443/"],
  ])("NO_PROXY=%s goes directly to %s", (none, url) => expect(via(url, none)).toBe(undefined));

  it.each([
    ["a.example", "https://nota.example/"],
    ["a.example:8443", "https://a.example/"],
    ["10.0.0.0/8", "https://11.1.2.3/"],
    ["10.0.0.0/99", "https://10.1.2.3/"],
    ["10.0.0.0/8", "https://ten.example/"],
    ["1.1.1.1", "https://x.1.1.1.1.example/"],
    ["", "https://a.example/"],
    [",,", "https://a.example/"],
  ])("NO_PROXY=%s does not spare %s", (none, url) => expect(via(url, none)).toBe("tls.proxy:3128"));

  it("reads any NO_PROXY", () => {
    fc.assert(fc.property(fc.string(), (none) => void via("https://a.example/", none)));
  });
});
