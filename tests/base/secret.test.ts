import { format, inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactUrl, Secret } from "../../src/base/secret.ts";

const VALUE = "hf_aVeryLongTokenThatNobodyMaySee";

describe("Secret", () => {
  const secret = new Secret(VALUE);

  it("gives its value to the one who asks", () => {
    expect(secret.reveal()).toBe(VALUE);
  });

  it.each<readonly [string, () => string]>([
    ["String()", () => String(secret)],
    ["a template", () => `${secret}`],
    ["a concatenation", () => `token ${secret as unknown as string}`],
    ["JSON", () => JSON.stringify({ secret, deep: [{ secret }] })],
    ["inspect()", () => inspect(secret)],
    ["inspect() with everything hidden", () => inspect({ secret }, { showHidden: true, depth: 9 })],
    ["inspect() without custom printing", () => inspect(secret, { customInspect: false, showHidden: true })],
    ["format()", () => format("%s %o %O %j %d", secret, secret, secret, secret, secret)],
    ["its keys and values", () => JSON.stringify([Object.entries(secret), { ...secret }, Object.keys(secret)])],
    ["an error that names it", () => inspect(new Error(`refused ${secret}`, { cause: secret }))],
    ["a clone", () => inspect(structuredClone({ ...secret }))],
  ])("shows nothing in %s", (_, print) => {
    expect(print()).not.toContain(VALUE);
  });
});

describe("redactUrl()", () => {
  it.each([
    ["https://user:pass@host/a", "https://host/a"],
    [
      "https://host/a?X-Amz-Signature=abc&X-Amz-Credential=key",
      "https://host/a?X-Amz-Signature=***&X-Amz-Credential=***",
    ],
    ["https://host/a?token=abc#secret", "https://host/a?token=***"],
    ["https://host/a?type=Model&format=SafeTensor&token=x", "https://host/a?type=Model&format=SafeTensor&token=***"],
    ["https://host/a?token=one&token=two", "https://host/a?token=***"],
    ["nonsense", "(unreadable URL)"],
    ["", "(unreadable URL)"],
  ])("writes %s as %s", (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
    if (URL.canParse(url)) expect(redactUrl(new URL(url))).toBe(shown);
  });

  it("never shows a password or an unknown parameter's value, whatever they are", () => {
    const anySecret = fc.stringMatching(/^[A-Za-z0-9]{12,24}$/).map((text) => `s3cret${text}`);
    fc.assert(
      fc.property(anySecret, fc.stringMatching(/^[a-z_-]{1,12}$/), (secret, name) => {
        const shown = redactUrl(
          `https://${secret}:${secret}@host/path?a${name}=${secret}&${name}z=${secret}#${secret}`,
        );
        expect(shown).not.toContain(secret);
        expect(shown).toContain("https://host/path");
      }),
    );
  });
});
