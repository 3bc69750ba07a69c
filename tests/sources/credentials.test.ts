/** Which credential goes where. */
import { describe, expect, it } from "vitest";
import type { HostCredential } from "../../src/base/access.ts";
import { Secret } from "../../src/base/secret.ts";
import { credentialFor, isConfiguredHost, unsetVariable } from "../../src/sources/credentials.ts";

const host = (name: string, more: Partial<HostCredential> = {}): HostCredential => ({
  host: name,
  scheme: "bearer",
  secret: new Secret("s"),
  variable: "V",
  ...more,
});

describe("credentialFor()", () => {
  it.each([
    ["example.net", "https://example.net/a"],
    ["example.net", "https://EXAMPLE.net:443/a"],
    ["example.net:443", "https://example.net/a"],
    ["example.net:8443", "https://example.net:8443/a"],
  ])("%s is for %s", (name, url) => {
    expect(credentialFor(url, [host(name)])).toEqual({
      origin: new URL(url).origin,
      headers: { authorization: "Bearer s" },
    });
  });

  it.each([
    ["example.net", "https://sub.example.net/a"],
    ["example.net", "https://example.net:8443/a"],
    ["example.net:8443", "https://example.net/a"],
    ["example.net", "https://example.net.evil.example/a"],
    ["", "https://example.net/"],
    ["not a host", "https://example.net/"],
  ])("%s is not for %s", (name, url) => {
    expect(credentialFor(url, [host(name)])).toBe(null);
    expect(isConfiguredHost(url, [host(name)])).toBe(false);
  });

  it("spells each scheme", () => {
    const headers = (more: Partial<HostCredential>): unknown => credentialFor("https://h/", [host("h", more)])?.headers;
    expect(headers({ scheme: "basic", secret: new Secret("u:p") })).toEqual({ authorization: "Basic dTpw" });
    expect(headers({ scheme: "header", header: "X-Key" })).toEqual({ "x-key": "s" });
  });

  it("is null while the variable is unset, which unsetVariable() names", () => {
    expect(credentialFor("https://h/", [host("h", { secret: null })])).toBe(null);
    expect(unsetVariable("https://h/", [host("h", { secret: null })])).toBe("V");
    expect(unsetVariable("https://h/", [host("h")])).toBe(null);
    expect(unsetVariable("https://other/", [host("h", { secret: null })])).toBe(null);
  });
});
